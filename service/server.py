"""Start the HTTP server: bind, build, say where things are, serve."""

import logging
import socket
import sys
from collections.abc import Mapping

import cv2
import structlog
import uvicorn

from service.app import create_app
from service.errors import StartupError
from service.runtime import build_runtime
from service.settings import Settings

log = structlog.get_logger("countermark")

SAVE = (
    "import base64,json,sys; "
    'open("picture.png","wb").write(base64.b64decode(json.load(sys.stdin)["data"][0]["b64_json"]))'
)
BACKLOG = 2048  # uvicorn's own default


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        StartupError: the address is taken or a part cannot be built.

    """
    configure_logging()
    cv2.setNumThreads(1)  # one picture a thread: OpenCV's own threads would fight the pool's
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        raise StartupError(
            f"{settings.host}:{settings.port} cannot be used ({error.strerror}); choose another with --port."
        ) from error
    _tell("starting: loading models and keys ...")
    runtime = build_runtime(settings)
    port = listener.getsockname()[1]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    for name, reason in runtime.guard.missing.items():
        log.warning("check missing", check=name, reason=reason)
    welcome = _welcome(
        settings,
        f"http://{host}:{port}",
        development=runtime.keys.development,
        missing=runtime.guard.missing,
    )
    config = uvicorn.Config(
        create_app(runtime),
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=30,
    )
    _Server(config, welcome).run(sockets=[listener])


class _Server(uvicorn.Server):
    """Says that it is ready when it is: once connections are accepted."""

    def __init__(self, config: uvicorn.Config, welcome: str) -> None:
        super().__init__(config)
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _tell(self._welcome)


def configure_logging() -> None:
    """JSON lines on standard error; coloured lines where that is a terminal."""
    renderer = structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)


def _tell(text: str) -> None:
    """Print to the person at the terminal; standard error, because that is where the log goes too."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - see above


def _welcome(settings: Settings, url: str, *, development: bool, missing: Mapping[str, str]) -> str:
    notes = [f"WARNING: not checking with {name}: {reason}" for name, reason in missing.items()]
    if development:
        notes.append(f"Development keys in {settings.data_dir / 'keys'}: fine to try, not to publish with.")
    if settings.generator == "builtin":
        notes.append("Generator: the built-in stand-in (procedural pictures, no model).")
    if not settings.on_loopback:
        notes.append("WARNING: reachable from other machines without access control; put a proxy in front.")
    lines = "\n  ".join(notes)
    return f"""
Countermark is ready.

  Verify page         {url}/
  Moderation report   {url}/dashboard
  API                 {url}/docs

  Make a marked picture:
    curl -s {url}/v1/images/generations -H 'Content-Type: application/json' \\
      -d '{{"prompt": "a lighthouse at dusk", "size": "1024x1024"}}' \\
      | python3 -c '{SAVE}'
  Verify it:
    curl -s {url}/v1/verify -F file=@picture.png

  {lines}
"""

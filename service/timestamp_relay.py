"""The only way to the timestamp authority: bounded in time, bytes and tries, and to one address.

The C2PA library asks an RFC 3161 authority by itself, and found by running 0.38.1: it waits 30 s for one that hangs,
reads an answer of a gigabyte into memory, and follows redirects to public hosts. So it is given the address of this
relay on the loopback interface, which asks the configured address, and no other, in its place. The relay's own address
holds a random path, so that other users of the machine cannot spend the authority's quota through it.
"""

import secrets
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import httpx2

QUERY: Final = "application/timestamp-query"  # RFC 3161 section 3.4
REPLY: Final = "application/timestamp-reply"
TIMEOUT_S: Final = 5.0  # of one try; with PATIENT all of it stays below the library's 30 s
MAX_BYTES: Final = 256 * 1024  # a token with its chain takes 6 to 10 kB
ONCE: Final = (0.0,)
PATIENT: Final = (0.0, 1.0, 3.0)
"""Seconds to wait before each try."""


class TimestampRelay:
    """One relay to one authority; listens on a loopback port from its creation until it is closed.

    Args:
        url: the authority's address, http or https.
        waits: seconds before each try.

    """

    def __init__(self, url: str, waits: Sequence[float] = ONCE) -> None:
        self._target, self._waits = url, waits
        self._client = httpx2.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)
        self._path = "/" + secrets.token_hex(16)
        self._server = _Server(self)
        self.last_failure = ""
        threading.Thread(target=self._server.serve_forever, name="timestamp-relay", daemon=True).start()

    @property
    def url(self) -> str:
        """Where the library asks."""
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    def answer(self, path: str, query: bytes) -> bytes | None:
        """Return the authority's reply, None when none was had; why is in `last_failure`."""
        if not secrets.compare_digest(path.encode(), self._path.encode()):
            return None
        for wait in self._waits:
            time.sleep(wait)
            reply = self._ask(query)
            if reply is not None:
                return reply
        return None

    def _ask(self, query: bytes) -> bytes | None:
        deadline = time.monotonic() + TIMEOUT_S
        parts, size = [], 0
        try:
            with self._client.stream(
                "POST", self._target, content=query, headers={"Content-Type": QUERY}
            ) as reply:
                if reply.status_code != 200:
                    self.last_failure = f"HTTP {reply.status_code}"
                    return None
                for part in reply.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > MAX_BYTES or time.monotonic() > deadline:
                        self.last_failure = "the answer is too large or too slow"
                        return None
        except httpx2.HTTPError as error:
            self.last_failure = type(error).__name__
            return None
        return b"".join(parts)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, relay: TimestampRelay) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.relay = relay


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 60  # seconds for a caller that sends nothing

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        query = self.rfile.read(int(length)) if length.isdigit() and int(length) <= MAX_BYTES else b""
        reply = self.server.relay.answer(self.path, query) if query else None
        self.send_response(502 if reply is None else 200)
        self.send_header("Content-Type", REPLY)
        self.send_header("Content-Length", str(len(reply or b"")))
        self.end_headers()
        self.wfile.write(reply or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing: the signer raises, and the service logs that."""

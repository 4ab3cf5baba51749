"""What every generator plug-in must do; a new module in service/generators is covered as soon as it exists."""

import base64
import email
import io
import json
import pkgutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

import service.generators
from service.errors import StageFailed, UpstreamRefused
from service.generators import Editor, EditRequest, GenerationRequest, Generator, create_generator
from service.generators.builtin import draw

PLUGINS = sorted(m.name for m in pkgutil.iter_modules(service.generators.__path__))


def request(prompt: str = "a harbour", n: int = 2, side: int = 192) -> GenerationRequest:
    return GenerationRequest(prompt, n, side, side, None, None)


class Upstream(ThreadingHTTPServer):
    """A small server that speaks OpenAI's Images API; `answer` replaces what it says."""

    answer: Callable[[dict[str, object]], tuple[int, bytes]] | None = None
    seen: list[dict[str, object]]


class Handler(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        raw, kind = self.rfile.read(int(self.headers["Content-Length"])), self.headers["Content-Type"]
        body = json.loads(raw) if kind == "application/json" else form_of(raw, kind)
        self.server.seen.append(body | {"path": self.path, "authorization": self.headers["Authorization"]})
        status, data = self.server.answer(body) if self.server.answer else (200, pictures(body))
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: object) -> None:
        pass


def form_of(raw: bytes, kind: str) -> dict[str, object]:
    """Parts of a multipart form by name; pictures as (width, height, mode) lists."""
    fields: dict[str, object] = {"files": []}
    message = email.message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
    for part in message.get_payload():
        name, content = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if part.get_filename():
            with Image.open(io.BytesIO(content)) as picture:
                fields["files"].append((name, *picture.size, picture.mode))
        else:
            fields[name] = content.decode()
    return fields


def pictures(body: dict[str, object]) -> bytes:
    width, height = map(int, str(body.get("size", "192x192")).split("x"))
    rows = []
    for index in range(int(str(body["n"]))):
        file = io.BytesIO()
        Image.fromarray(draw(str(body["prompt"]), index, height, width)).save(file, "PNG")
        rows.append({"b64_json": base64.b64encode(file.getvalue()).decode()})
    return json.dumps({"created": 0, "data": rows}).encode()


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream(("127.0.0.1", 0), Handler)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def options_of(name: str, upstream: Upstream) -> dict[str, object]:
    """Options that a plug-in cannot do without; most need none."""
    local = f"http://127.0.0.1:{upstream.server_port}/v1"
    return {"openai": {"base_url": local, "model": "m", "api_key": "k"}}.get(name, {})


@pytest.fixture(params=PLUGINS)
def generator(request: pytest.FixtureRequest, upstream: Upstream) -> Iterator[Generator]:
    made = create_generator(request.param, **options_of(request.param, upstream))
    yield made
    made.close()


def test_gives_as_many_pictures_of_the_size_as_asked(generator: Generator) -> None:
    drawn = generator.generate(request())
    assert len(drawn) == 2
    for picture in drawn:
        assert picture.image.dtype == np.uint8
        assert picture.image.shape == (192, 192, 3)
        assert (picture.source is None) == (picture.source_mime is None)


def test_has_a_name_and_a_version_for_the_marks(generator: Generator) -> None:
    assert generator.name.isprintable()
    assert generator.name
    assert generator.version


def test_can_be_used_from_several_threads(generator: Generator) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        for drawn in pool.map(lambda i: generator.generate(request(f"prompt {i}", 1, 128)), range(8)):
            assert drawn[0].image.shape == (128, 128, 3)


def edit_request(n: int = 2, side: int | None = 192, masked: bool = True, count: int = 1) -> EditRequest:
    pictures = tuple(draw("sea", index, 192, 192) for index in range(count))
    mask = np.zeros((192, 192), np.bool_)
    mask[48:96, 48:96] = True
    return EditRequest("a red forest", n, side, side, None, None, pictures, mask if masked else None)


@pytest.mark.parametrize(("masked", "count"), [(True, 1), (False, 1), (False, 3)])
def test_an_editor_gives_as_many_pictures_of_the_size_as_asked(
    generator: Generator, masked: bool, count: int
) -> None:
    if not isinstance(generator, Editor):
        pytest.skip("this generator does not edit")
    drawn = generator.edit(edit_request(masked=masked, count=count))
    assert len(drawn) == 2
    for picture in drawn:
        assert picture.image.dtype == np.uint8
        assert picture.image.shape == (192, 192, 3)


# ---- what only a remote upstream can do


def remote(upstream: Upstream) -> Generator:
    return create_generator("openai", **options_of("openai", upstream))


def test_openai_sends_what_the_api_expects(upstream: Upstream) -> None:
    remote(upstream).generate(request())
    (sent,) = upstream.seen
    assert sent["path"] == "/v1/images/generations"
    assert sent["authorization"] == "Bearer k"
    assert (sent["model"], sent["n"], sent["size"]) == ("m", 2, "192x192")


def test_openai_sends_edits_as_the_api_expects(upstream: Upstream) -> None:
    generator = remote(upstream)
    assert isinstance(generator, Editor)
    generator.edit(edit_request())
    generator.edit(edit_request(n=1, side=None, masked=False, count=2))
    one, two = upstream.seen
    assert one["path"] == two["path"] == "/v1/images/edits"
    assert (one["model"], one["n"], one["size"], one["prompt"]) == ("m", "2", "192x192", "a red forest")
    assert one["files"] == [("image", 192, 192, "RGB"), ("mask", 192, 192, "RGBA")]
    assert two["files"] == [("image[]", 192, 192, "RGB")] * 2
    assert "size" not in two


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (200, b"not json"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"data": []}'),
        (200, b'{"data": [{"url": "http://127.0.0.1:1/x.png"}, {"url": "http://127.0.0.1:1/x.png"}]}'),
        (200, b'{"data": [{"b64_json": "!!"}, {"b64_json": "!!"}]}'),
        (200, b'{"data": [{"b64_json": "AAAA"}, {"b64_json": "AAAA"}]}'),
        (200, b'{"data": [7, null]}'),
        (500, b'{"error": {"message": "boom"}}'),
        (401, b'{"error": {"message": "no key"}}'),
        (302, b"{}"),
    ],
)
def test_openai_refuses_an_answer_without_pictures(upstream: Upstream, status: int, data: bytes) -> None:
    upstream.answer = lambda _: (status, data)
    with pytest.raises(StageFailed):
        remote(upstream).generate(request())


def test_openai_passes_on_a_refusal(upstream: Upstream) -> None:
    refusal = {"error": {"message": "blocked by the upstream", "code": "moderation_blocked"}}
    upstream.answer = lambda _: (400, json.dumps(refusal).encode())
    with pytest.raises(UpstreamRefused, match="blocked by the upstream") as caught:
        remote(upstream).generate(request())
    assert caught.value.code == "moderation_blocked"


def test_openai_unreachable() -> None:
    with pytest.raises(StageFailed):
        create_generator("openai", base_url="http://127.0.0.1:9/v1").generate(request())


def test_openai_errors_never_repeat_the_prompt(upstream: Upstream) -> None:
    """The message is logged; an upstream's words may quote what it was asked."""
    upstream.answer = lambda body: (
        500,
        json.dumps({"error": {"message": f"cannot draw {body['prompt']}"}}).encode(),
    )
    with pytest.raises(StageFailed) as caught:
        remote(upstream).generate(request("a secret harbour"))
    assert "secret" not in str(caught.value)

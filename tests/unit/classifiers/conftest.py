"""A moderation service on this machine that speaks both documented formats, and misbehaves when asked to."""

import base64
import io
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from PIL import Image

KEY = "sk-test-0123456789abcdef"
TEXT_ONLY = ("harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent")
WORDS = {"blood": "violence", "naked": "sexual", "hatred": "hate", "despair": "self-harm"}
BOTH = ("self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic")
AZURE = {"Hate": "hatred", "SelfHarm": "despair", "Sexual": "naked", "Violence": "blood"}


class FakeService(ThreadingHTTPServer):
    """Texts score by the words of `WORDS` in them, pictures by how red (violence) they are."""

    daemon_threads = True
    misbehave: Callable[["Handler"], None] | None = None
    alter: Callable[[dict[str, Any]], Any] = staticmethod(lambda answer: answer)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.key = KEY
        self.seen: list[dict[str, Any]] = []
        self.released = threading.Event()  # set at the end of the test: ends handlers that hang
        self.left = threading.Event()  # set by a handler that saw its client leave
        self.scheme = "http"

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    def handle_error(self, *arguments: Any) -> None:
        pass


class Handler(BaseHTTPRequestHandler):
    server: FakeService
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append({"path": self.path, "headers": dict(self.headers), "raw": raw})
        if self.server.misbehave is not None:
            self.server.misbehave(self)
            return
        status, answer = self._answer(json.loads(raw.decode("utf-8")))
        self.reply(status, json.dumps(self.server.alter(answer) if status == 200 else answer).encode())

    def do_GET(self) -> None:
        self.server.seen.append({"path": self.path, "headers": dict(self.headers), "raw": b""})
        self.reply(200, b"{}")

    def reply(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def drip(self, start: bytes, piece: bytes) -> None:
        """Send `start`, then `piece` again and again until the client leaves or the test ends."""
        try:
            self.wfile.write(start)
            while not self.server.released.wait(0.02):
                self.wfile.write(piece)
        except OSError:
            self.server.left.set()
        self.close_connection = True

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        refused = {"error": {"code": "refused", "message": f"not so: {body}"}}
        if self.path == "/v1/moderations":
            if self.headers["Authorization"] != f"Bearer {self.server.key}":
                return 401, refused
            return 200, _openai(body)
        if self.headers["Ocp-Apim-Subscription-Key"] != self.server.key:
            return 401, refused
        if self.path == "/contentsafety/text:analyze?api-version=2023-10-01":
            if len(body["text"].encode("utf-16-le")) > 20_000 or not body["text"].strip():
                return 400, refused
            levels = (0, 1, 2, 3, 4, 5, 6, 7)
            return 200, _azure(body, lambda name: levels[7 if AZURE[name] in body["text"] else 1])
        if self.path == "/contentsafety/image:analyze?api-version=2023-10-01":
            data = base64.b64decode(body["image"]["content"], validate=True)
            picture = Image.open(io.BytesIO(data))
            if len(data) > 4 * 1024**2 or min(picture.size) < 50 or max(picture.size) > 2048:
                return 400, refused
            return 200, _azure(body, lambda name: 4 if name == "Violence" and _redness(picture) > 0.5 else 0)
        return 404, refused


def _openai(body: dict[str, Any]) -> dict[str, Any]:
    results = []
    for one in body["input"]:
        scores = dict.fromkeys((*TEXT_ONLY, *BOTH, "sexual/minors"), 1e-6)
        if isinstance(one, str):
            scores |= {WORDS[word]: 0.75 for word in WORDS if word in one}
            applied = {name: ["text"] for name in scores}
        else:
            kind, data = one["image_url"]["url"].split(";base64,")
            assert (one["type"], kind) == ("image_url", "data:image/jpeg")
            scores["violence"] = _redness(Image.open(io.BytesIO(base64.b64decode(data, validate=True))))
            applied = {name: ["image"] if name in BOTH else [] for name in scores}
        results.append(
            {
                "flagged": max(scores.values()) > 0.5,
                "categories": {name: level > 0.5 for name, level in scores.items()},
                "category_scores": scores,
                "category_applied_input_types": applied,
            }
        )
    return {"id": "modr-1", "model": body["model"], "results": results}


def _azure(body: dict[str, Any], level: Callable[[str], int]) -> dict[str, Any]:
    return {
        "blocklistsMatch": [],
        "categoriesAnalysis": [{"category": name, "severity": level(name)} for name in body["categories"]],
    }


def _redness(picture: Image.Image) -> float:
    pixels = np.asarray(picture.convert("RGB"), np.float64) / 255
    return float(np.clip(pixels[..., 0].mean() - pixels[..., 1].mean(), 0, 1))


@pytest.fixture
def fake_service() -> Iterator[FakeService]:
    server = FakeService()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()

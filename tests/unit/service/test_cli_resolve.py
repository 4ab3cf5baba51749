"""`countermark resolve` against a local service that names good and bad places."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from service.generators.builtin import draw
from service.keys import load_or_create_keys
from service.marking import Marker, Origin
from service.settings import Settings
from service.stages import StageTimes
from service.stores import registry_sqlite
from tests.unit.service.conftest import Run

GOOD = {"manifestId": "urn:c2pa:good", "similarityScore": 90}
ELSEWHERE = {"manifestId": "urn:c2pa:elsewhere", "endpoint": "https://partner.example.net"}


class Partner(ThreadingHTTPServer):
    """Answers every question with `matches` and every manifest with `manifest`."""

    matches: list[dict[str, object]]
    manifest: bytes


class Answer(BaseHTTPRequestHandler):
    server: Partner

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(json.dumps({"matches": self.server.matches}).encode())

    def do_GET(self) -> None:
        self._send(self.server.manifest)

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    """A service that has the manifest of `picture.png`."""
    now = datetime.now(UTC)
    registry = registry_sqlite.create(tmp_path / "theirs" / "registry.sqlite")
    marker = Marker(
        load_or_create_keys(Settings(data_dir=tmp_path / "theirs"), now), "They", registry, lambda: now
    )
    origin = Origin("generation", "g", "1", "p", "allow", "req_1")
    made = marker.mark(draw("x", 0, 160, 160), "png", origin, StageTimes())
    (tmp_path / "picture.png").write_bytes(made.data)
    server = Partner(("127.0.0.1", 0), Answer)
    server.manifest = registry.manifest(made.id) or b""
    registry.close()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (tmp_path / "ours.toml").write_text('resolution_hosts = ["127.0.0.1"]\n')
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("matches", "status", "words"),
    [
        (
            [GOOD, ELSEWHERE],
            0,
            ["urn:c2pa:good: recovered", "urn:c2pa:elsewhere: not fetched", "resolution_hosts"],
        ),
        ([ELSEWHERE, GOOD], 0, ["urn:c2pa:good: recovered", "urn:c2pa:elsewhere: not fetched"]),
        ([ELSEWHERE], 2, ["urn:c2pa:elsewhere: not fetched"]),
        ([], 1, ["Nothing found"]),
    ],
)
def test_a_place_that_is_not_asked_does_not_hide_the_others(
    run: Run, partner: Partner, matches: list[dict[str, object]], status: int, words: list[str]
) -> None:
    partner.matches = matches
    address = f"http://127.0.0.1:{partner.server_port}"
    options = ("picture.png", "--server", address, "--config", "ours.toml", "--data-dir", "ours")
    done = run("resolve", *options)
    assert (done.status, [word for word in words if word not in done.out]) == (status, [])
    rows = json.loads(run("resolve", *options, "--json").out)["matches"]
    assert [row["manifest_id"] for row in rows] == [match["manifestId"] for match in matches]
    assert [("error" in row) for row in rows] == [match is ELSEWHERE for match in matches]

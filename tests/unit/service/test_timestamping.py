"""Timestamps by policy: the authority answers, is down, hangs, floods, or redirects; what waits is signed again."""

import hashlib
import io
import json
import shutil
import socket
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.errors import CannotRecord, describe
from service.resign_queue import ResignQueue, SigningJob
from service.runtime import build_runtime
from service.settings import Settings
from service.stores import Record, registry_sqlite
from service.timestamp_relay import QUERY, TimestampRelay
from service.timestamping import PolicySigner
from tests.unit.local_authority import local_authority
from watermark.errors import TimestampError
from watermark.label import AiLabel
from watermark.manifest import Source, TrustAnchors, read_manifest
from watermark.picture import encode_picture
from watermark.signing import create_development_identity

NOW = datetime.now(UTC)
IDENTITY = create_development_identity(NOW)
TRUST = TrustAnchors(IDENTITY.root_pem)
DOWN = "http://127.0.0.1:9/"
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl command for a local authority"
)


def job(number=1, **changes):
    record_id = f"{number:016x}"
    image = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    given = {
        "data": encode_picture(image, "png"),
        "mime": "image/png",
        "label": AiLabel(record_id, "provider", "system", "1", NOW),
        "soft_binding": record_id,
    }
    return SigningJob(**(given | changes))


def waiting(queue):
    return [found for _, found in queue.jobs()]


@pytest.fixture
def queue(tmp_path):
    return ResignQueue(tmp_path / "queue")


@pytest.fixture(scope="module")
def authority_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tsa")


@pytest.fixture(scope="module")
def authority(authority_folder):
    url, stop = local_authority(authority_folder)
    yield url
    stop()


# ---- policies


@needs_openssl
@pytest.mark.parametrize("policy", ["refuse", "retry", "sign_without"])
def test_an_authority_that_answers_is_used_whatever_the_policy(authority, authority_folder, queue, policy):
    signer = PolicySigner(IDENTITY, authority, policy, queue)
    made, timestamp = signer.sign(job())
    signer.close()
    trust = TrustAnchors(IDENTITY.root_pem + (authority_folder / "root.pem").read_bytes())
    report = read_manifest(made.data, "image/png", trust=trust)
    assert (timestamp, report.status, report.trusted) == ("made", "valid", True)
    assert report.signed_at is not None
    assert len(queue) == 0


def test_without_an_authority_there_is_no_timestamp(queue):
    made, timestamp = PolicySigner(IDENTITY).sign(job())
    assert timestamp == "none"
    assert read_manifest(made.data, "image/png", trust=TRUST).signed_at is None


@pytest.mark.parametrize("policy", ["refuse", "retry"])
def test_an_authority_that_is_down_refuses(queue, policy, monkeypatch):
    waits = []
    monkeypatch.setattr("service.timestamp_relay.time.sleep", waits.append)
    signer = PolicySigner(IDENTITY, DOWN, policy, queue)
    with pytest.raises(TimestampError, match="ConnectError"):
        signer.sign(job())
    signer.close()
    assert waits == ([0.0] if policy == "refuse" else [0.0, 1.0, 3.0])
    assert len(queue) == 0


def test_an_authority_that_is_down_leaves_a_job_behind(queue):
    signer = PolicySigner(IDENTITY, DOWN, "sign_without", queue)
    made, timestamp = signer.sign(job())
    assert timestamp == "pending"
    assert read_manifest(made.data, "image/png", trust=TRUST).status == "valid"
    assert len(queue) == 0, "nothing waits before the picture is registered"
    signer.await_timestamp(job())
    assert waiting(queue) == [job()]
    signer.close()


@needs_openssl
def test_an_authority_that_recovers_is_asked_again(authority, queue, monkeypatch):
    signer = PolicySigner(IDENTITY, DOWN, "retry", queue)
    relay, targets = signer._relay, [DOWN, authority]
    monkeypatch.setattr(relay, "_waits", (0.0, 0.0))
    ask = relay._ask

    def ask_next(query):
        relay._target = targets.pop(0)
        return ask(query)

    monkeypatch.setattr(relay, "_ask", ask_next)
    _, timestamp = signer.sign(job())
    signer.close()
    assert (timestamp, targets) == ("made", [])


# ---- the relay


class Rude(BaseHTTPRequestHandler):
    """An authority that misbehaves as `server.manner` says, and counts."""

    def do_POST(self):
        self.server.count += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        manner = self.server.manner
        if manner == "redirect":
            self.send_response(307)
            self.send_header("Location", self.server.elsewhere)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(500 if manner == "error" else 200)
        self.end_headers()
        if manner == "garbage":
            self.wfile.write(b"hello")
        if manner == "flood":
            try:
                for _ in range(4000):
                    self.wfile.write(bytes(65536))
                    self.server.sent += 65536
            except OSError:
                pass

    def log_message(self, *_):
        pass


@pytest.fixture
def rude():
    servers = []
    for _ in range(2):
        server = ThreadingHTTPServer(("127.0.0.1", 0), Rude)
        server.count = server.sent = 0
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
    first, second = servers
    second.manner, first.elsewhere = "garbage", f"http://127.0.0.1:{second.server_port}/"
    yield first, second
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("manner", ["error", "garbage", "flood", "redirect"])
def test_an_authority_that_misbehaves_signs_nothing(rude, queue, manner):
    server, other = rude
    server.manner = manner
    signer = PolicySigner(IDENTITY, f"http://127.0.0.1:{server.server_port}/", "refuse", queue)
    with pytest.raises(TimestampError):
        signer.sign(job())
    signer.close()
    assert server.count == 1
    assert other.count == 0, "no redirect is followed"
    if manner == "flood":
        time.sleep(0.2)
        assert server.sent < 64 << 20, "the answer is not read to its end"


def test_an_authority_that_hangs_is_given_up(queue, monkeypatch):
    monkeypatch.setattr("service.timestamp_relay.TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        signer = PolicySigner(IDENTITY, f"http://127.0.0.1:{hanging.getsockname()[1]}/", "refuse", queue)
        with pytest.raises(TimestampError, match="Timeout"):
            signer.sign(job())
        signer.close()


def test_the_relay_answers_nobody_who_does_not_know_its_path(rude):
    server, _ = rude
    server.manner = "garbage"
    relay = TimestampRelay(f"http://127.0.0.1:{server.server_port}/")
    with httpx2.Client() as client:
        for path in ("/", "/x", "/" + "0" * 32):
            url = relay.url.rsplit("/", 1)[0] + path
            assert client.post(url, content=b"q", headers={"Content-Type": QUERY}).status_code == 502
        assert server.count == 0
        assert client.post(relay.url, content=b"q", headers={"Content-Type": QUERY}).content == b"hello"
    relay.close()
    assert server.count == 1


# ---- the queue


def test_what_waits_is_private_and_comes_back_as_it_was(queue, tmp_path):
    sources = (Source(b"\x00\xff picture", "image/jpeg", "title", b"\xff\xd8 thumbnail"),)
    full = job(2, sources=sources, thumbnail=b"\xff\xd8", other_bindings=(("io.iscc.v0", "KEC"),))
    queue.put(job(1))
    queue.put(full)
    queue.put(full)
    assert waiting(queue) == [job(1), full]
    assert {stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "queue").iterdir()} == {0o600}
    assert stat.S_IMODE((tmp_path / "queue").stat().st_mode) == 0o700
    queue.done(next(path for path, found in queue.jobs() if found == full))
    assert waiting(queue) == [job(1)]


def test_two_files_of_one_picture_both_wait(queue):
    queue.put(job(1))
    ((first, _),) = queue.jobs()
    second = job(1, data=encode_picture(np.zeros((64, 64, 3), np.uint8), "jpeg"), mime="image/jpeg")
    queue.put(second)
    assert sorted(one.mime for one in waiting(queue)) == ["image/jpeg", "image/png"]
    queue.done(first)
    queue.done(first)
    assert waiting(queue) == [second]


def test_threads_share_a_queue(queue):
    def work(number):
        for turn in range(5):
            queue.put(job(number, thumbnail=bytes([turn])))
            queue.done(next(path for path, found in queue.jobs() if found == job(number)))
            queue.put(job(number))

    for number in range(4):
        queue.put(job(number))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    assert sorted((one.soft_binding, one.thumbnail or b"") for one in waiting(queue)) == sorted(
        (f"{number:016x}", thumbnail)
        for number in range(4)
        for thumbnail in (b"", *map(bytes, zip(range(5))))
    )


def test_a_full_queue_and_a_lost_disk_refuse(queue, tmp_path, monkeypatch):
    monkeypatch.setattr("service.resign_queue.MAX_JOBS", 1)
    queue.put(job(1))
    with pytest.raises(CannotRecord, match="countermark resign"):
        queue.put(job(2))
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotRecord):
        ResignQueue(tmp_path / "file").put(job(1))


def test_a_file_that_cannot_be_read_is_named_and_kept(queue, tmp_path):
    queue.put(job(1))
    (tmp_path / "queue" / "x.json").write_text("{}")
    assert {path.name: found for path, found in queue.jobs() if found is None} == {"x.json": None}
    assert len(queue) == 2


# ---- the service


def service(tmp_path, url, policy):
    return Settings(
        data_dir=tmp_path / "data",
        prompt_classifiers=("ngram",),
        image_classifiers=(),
        timestamp_url=url,
        timestamp_policy=policy,
    )


BODY = {"prompt": "a lighthouse", "size": "128x128"}


def test_a_refusal_is_a_503_that_does_not_blame_the_caller(tmp_path):
    with TestClient(create_app(build_runtime(service(tmp_path, DOWN, "refuse")))) as client:
        answer = client.post("/v1/images/generations", json=BODY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timestamp_unavailable")
    assert answer.json()["error"]["param"] is None
    assert "127.0.0.1" not in answer.text
    assert describe(TimestampError("http://tsa.internal is down")).message.count("internal") == 0


@needs_openssl
def test_what_left_without_a_timestamp_gets_one_by_resign(tmp_path, authority, authority_folder, run):
    with TestClient(create_app(build_runtime(service(tmp_path, DOWN, "sign_without")))) as client:
        answer = client.post("/v1/images/generations", json=BODY).json()
        file = io.BytesIO()
        Image.fromarray(np.random.default_rng(3).integers(0, 255, (160, 160, 3), dtype=np.uint8)).save(
            file, "PNG"
        )
        marked = client.post("/v1/mark", files={"file": ("a.png", file.getvalue(), "image/png")})
    record_id = answer["data"][0]["countermark_id"]
    assert answer["data"][0]["countermark_timestamp"] == "pending"
    assert marked.headers["Countermark-Timestamp"] == "pending"

    options = ("--data-dir", tmp_path / "data", "--json", "--out", tmp_path / "out")
    config = tmp_path / "down.toml"
    config.write_text(f'timestamp_url = "{DOWN}"\ntimestamp_policy = "refuse"\n')
    run("audit", "verify", "--data-dir", tmp_path / "data")  # what the service logged is read away
    still = run("resign", *options, "--config", config)
    assert (still.status, json.loads(still.out)["left"]) == (1, 2)

    config.write_text(f'timestamp_url = "{authority}"\n')
    done = run("resign", *options, "--config", config)
    assert (done.status, json.loads(done.out)["left"]) == (0, 0)
    data = (tmp_path / "out" / f"{record_id}.png").read_bytes()
    config.write_text(f'trust_anchors_file = "{authority_folder / "root.pem"}"\n')
    verified = run(
        *("verify", tmp_path / "out" / f"{record_id}.png", "--json"),
        *("--data-dir", tmp_path / "data", "--config", config),
    )
    report = json.loads(verified.out)
    assert (report["record"]["id"], report["signals"]["c2pa"]["status"]) == (record_id, "valid")
    assert report["signals"]["c2pa"]["signed_at"] is not None
    assert not [f for f in report["findings"] if f["severity"] == "error"]
    assert read_manifest(data, "image/png", trust=TrustAnchors()).actions[0] == "c2pa.created"
    config.write_text(f'timestamp_url = "{authority}"\n')
    again = run("resign", *options, "--config", config)
    assert (again.status, json.loads(again.out)) == (0, {"pictures": [], "left": 0})


def test_resign_without_an_authority_says_what_is_missing(tmp_path, run):
    ResignQueue(tmp_path / "data" / "awaiting-timestamp").put(job(1))
    done = run("resign", "--data-dir", tmp_path / "data", "--out", tmp_path / "out")
    assert done.status == 2
    assert "timestamp_url" in done.err
    assert "1 pictures wait" in done.err


def register(data_dir, *numbers):
    """Put the records of these jobs into the registry, as marking does before a job waits."""
    registry = registry_sqlite.create(data_dir / "registry.sqlite")
    members = dict.fromkeys(Record.model_fields, "x") | {"created_at": NOW, "width": 64, "height": 64}
    members |= {"action": "allow", "parent": None, "manifest": b"m", "fingerprint": None}
    for number in numbers:
        registry.put(Record(**members | {"id": f"{number:016x}", "sha256": f"{number:064x}"}))
    return registry


@needs_openssl
def test_every_file_is_registered_and_overwrites_none(tmp_path, authority, run):
    queue = ResignQueue(tmp_path / "data" / "awaiting-timestamp")
    queue.put(job(1))
    queue.put(job(1, thumbnail=b"another"))
    registry = register(tmp_path / "data", 1)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / f"{1:016x}.png").write_bytes(b"somebody's")
    config = tmp_path / "up.toml"
    config.write_text(f'timestamp_url = "{authority}"\n')
    done = run("resign", "--data-dir", tmp_path / "data", "--out", tmp_path / "out", "--config", config)
    assert done.status == 0
    first, *further = sorted((tmp_path / "out").iterdir(), key=lambda path: len(path.name))
    assert (first.read_bytes(), [path.name[16:] for path in sorted(further)]) == (
        b"somebody's",
        ["-2.png", "-3.png"],
    )
    for path in further:
        found = registry.by_sha256(hashlib.sha256(path.read_bytes()).hexdigest())
        assert found is not None
        assert found.id == f"{1:016x}"
        assert registry.by_manifest_id(found.manifest_id) == found
    registry.close()


@needs_openssl
def test_what_cannot_be_registered_is_not_written(tmp_path, authority, run):
    queue = ResignQueue(tmp_path / "data" / "awaiting-timestamp")
    queue.put(job(1))
    config = tmp_path / "up.toml"
    config.write_text(f'timestamp_url = "{authority}"\n')
    done = run("resign", "--data-dir", tmp_path / "data", "--out", tmp_path / "out", "--config", config)
    assert (done.status, "expected one that is registered" in done.out) == (2, True)
    assert (list((tmp_path / "out").iterdir()), len(queue)) == ([], 1)


@needs_openssl
def test_a_broken_file_in_the_queue_does_not_stop_the_others(tmp_path, authority, run):
    queue = ResignQueue(tmp_path / "data" / "awaiting-timestamp")
    for number in (1, 2):
        queue.put(job(number))
    register(tmp_path / "data", 1, 2)
    (tmp_path / "data" / "awaiting-timestamp" / "bad.json").write_text("{}")
    config = tmp_path / "up.toml"
    config.write_text(f'timestamp_url = "{authority}"\n')
    done = run("resign", "--data-dir", tmp_path / "data", "--out", tmp_path / "out", "--config", config)
    assert done.status == 2
    assert "cannot be read" in done.out
    assert [path.name for path, _ in queue.jobs()] == ["bad.json"]
    assert len(list((tmp_path / "out").iterdir())) == 2

"""Hostile and mistaken requests: a 4xx with a sentence that says what to do, never a 5xx, never a lost
record."""

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.runtime import build_runtime
from service.settings import Settings

UPLOAD_ROUTES = ["/v1/verify", "/v1/mark", "/v1/content_provenance_checks", "/v1/comply?profile=china,eu"]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), max_upload_bytes=2 * 1024 * 1024)
    with TestClient(create_app(build_runtime(settings)), raise_server_exceptions=False) as client:
        yield client


def encoded(format_: str, size: tuple[int, int] = (200, 160), **options: object) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255, (*size[::-1], 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format_, **options)
    return file.getvalue()


def png_bomb(width: int, height: int) -> bytes:
    """A few kB that declare, and hold, an enormous picture of zeros."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


PNG, JPEG, WEBP = encoded("PNG"), encoded("JPEG"), encoded("WEBP")
BAD_FILES = {
    "empty": b"",
    "text": b"this is no picture, but it is long enough to be looked at",
    "html": b"<!doctype html><script>alert(1)</script>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="http://127.0.0.1:1/x"/></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "zip": b"PK\x03\x04" + bytes(200),
    "truncated png": PNG[: len(PNG) // 2],
    "truncated jpeg": JPEG[: len(JPEG) // 3],
    "truncated webp": WEBP[: len(WEBP) // 2],
    "png header only": PNG[:40],
    "corrupt png": PNG[:200] + bytes(400) + PNG[600:],
    "bomb": png_bomb(30_000, 30_000),
    "huge header": PNG[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + PNG[24:],
    "zero size": PNG[:16] + struct.pack(">II", 0, 0) + PNG[24:],
    "noise": np.random.default_rng(2).bytes(5000),
}


def explained(response: object) -> None:
    """The answer is a 4xx with a sentence, in one of the two error shapes."""
    status, body = response.status_code, response.json()
    assert 400 <= status < 500, (status, body)
    text = body["error"]["message"] if "error" in body else body["detail"]
    assert len(text) > 15
    assert "Traceback" not in text
    assert "/data" not in text, "an answer names no path of this machine"


@pytest.mark.parametrize("route", UPLOAD_ROUTES)
@pytest.mark.parametrize("name", BAD_FILES)
@pytest.mark.parametrize("form", ["multipart", "raw"])
def test_bad_file(client: TestClient, route: str, name: str, form: str) -> None:
    data = BAD_FILES[name]
    if form == "multipart":
        response = client.post(route, files={"file": ("picture.png", data, "image/png")})
    else:
        response = client.post(route, content=data, headers={"Content-Type": "image/png"})
    explained(response)


@pytest.mark.parametrize("route", UPLOAD_ROUTES)
def test_too_many_bytes(client: TestClient, route: str) -> None:
    data = JPEG + bytes(3 * 1024 * 1024)
    for response in (
        client.post(route, content=data, headers={"Content-Type": "image/jpeg"}),
        client.post(route, files={"file": ("a.jpg", data, "image/jpeg")}),
        client.post(route, content=iter([data[:1_000_000]] * 4), headers={"Content-Type": "image/jpeg"}),
    ):
        assert response.status_code == 413
        explained(response)


@pytest.mark.parametrize("route", UPLOAD_ROUTES)
def test_bad_forms(client: TestClient, route: str) -> None:
    explained(client.post(route, files={"other": ("a.png", PNG, "image/png")}))
    explained(client.post(route, files=[("file", ("a.png", PNG, "image/png"))] * 2))
    explained(client.post(route, data={"file": "text instead of a file"}))
    explained(client.post(route, json={"file": "x"}))
    explained(
        client.post(
            route, content=b"--x\r\nbroken", headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
    )
    explained(client.post(route, content=b"x", headers={"Content-Type": "multipart/form-data"}))
    explained(client.get(route))


def test_mislabelled_file_is_read_by_its_content(client: TestClient) -> None:
    response = client.post("/v1/verify", files={"file": ("picture.png", JPEG, "image/png")})
    assert response.status_code == 200
    assert response.json()["checked"]["format"] == "jpeg"


def test_tiny_picture(client: TestClient) -> None:
    small = encoded("PNG", (40, 40))
    report = client.post("/v1/verify", content=small, headers={"Content-Type": "image/png"}).json()
    assert report["signals"]["watermark"]["status"] == "not_checked"
    explained(client.post("/v1/mark", content=small, headers={"Content-Type": "image/png"}))


BAD_PROMPTS = {
    "empty": '{"prompt": ""}',
    "missing": "{}",
    "100 kB": json.dumps({"prompt": "a " * 50_000}),
    "NUL": '{"prompt": "a cat\\u0000"}',
    "lone surrogate": '{"prompt": "a cat \\ud800"}',
    "number": '{"prompt": 7}',
    "null": '{"prompt": null}',
    "list": '{"prompt": ["a"]}',
    "n = 0": '{"prompt": "a", "n": 0}',
    "n = 11": '{"prompt": "a", "n": 11}',
    "n huge": '{"prompt": "a", "n": 1e300}',
    "size": '{"prompt": "a", "size": "big"}',
    "size huge": '{"prompt": "a", "size": "99999x99999"}',
    "size thin": '{"prompt": "a", "size": "3840x128"}',
    "size in pixels": '{"prompt": "a", "size": "3840x3840"}',
    "too much altogether": '{"prompt": "a", "n": 10, "size": "3840x2160"}',
    "size small": '{"prompt": "a", "size": "16x16"}',
    "format": '{"prompt": "a", "output_format": "bmp"}',
    "url": '{"prompt": "a", "response_format": "url"}',
    "stream": '{"prompt": "a", "stream": true}',
    "not JSON": "{prompt: a}",
    "array": "[]",
    "deep": "[" * 100_000,
    "long number": '{"prompt": "a", "n": ' + "9" * 10_000 + "}",
    "nothing": "",
}


@pytest.mark.parametrize("name", BAD_PROMPTS)
def test_bad_prompt(client: TestClient, name: str) -> None:
    response = client.post(
        "/v1/images/generations", content=BAD_PROMPTS[name], headers={"Content-Type": "application/json"}
    )
    explained(response)
    assert set(response.json()["error"]) >= {"message", "type", "param", "code"}


def test_invalid_utf8(client: TestClient) -> None:
    body = b'{"prompt": "a \xff\xfe cat"}'
    explained(
        client.post("/v1/images/generations", content=body, headers={"Content-Type": "application/json"})
    )
    explained(client.post("/v1/moderations", content=body, headers={"Content-Type": "application/json"}))


BAD_INPUTS = {
    "missing": {},
    "empty list": {"input": []},
    "100 kB": {"input": "a " * 50_000},
    "NUL": {"input": ["fine", "a\0"]},
    "remote picture": {"input": [{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/a.png"}}]},
    "bad base64": {"input": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,!!!"}}]},
    "no picture": {
        "input": [
            {
                "type": "image_url",
                "image_url": {"url": "data:image/png;base64," + base64.b64encode(b"x" * 99).decode()},
            }
        ]
    },
    "unknown part": {"input": [{"type": "audio", "audio": "x"}]},
}


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_moderation_input(client: TestClient, name: str) -> None:
    explained(client.post("/v1/moderations", json=BAD_INPUTS[name]))


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/manifests/urn:c2pa:none",
        "/manifests/%00",
        "/manifests/" + "x" * 4000,
        "/v1/reports/moderation?from=yesterday",
        "/v1/reports/moderation?from=2026-02-02&to=2026-01-01",
        "/v1/reports/moderation?from=0001-01-01",
        "/v1/reports/moderation?to=0001-01-05",
        "/v1/reports/moderation?to=9999-12-31&from=9999-12-30",
        "/v1/reports/moderation?format=exe",
        "/v1/audit/proofs/99999999",
        "/v1/audit/proofs/-1",
        "/v1/audit/proofs/99999999999999999999999999",
        "/static/../settings.py",
    ],
)
def test_bad_address(client: TestClient, path: str) -> None:
    explained(client.get(path))


def test_nothing_uploaded_is_stored(client: TestClient, tmp_path: Path) -> None:
    """A verify upload leaves no trace in the data directory."""
    settings: Settings = client.app.state.runtime.settings
    client.post("/v1/verify", files={"file": ("a.png", PNG, "image/png")})
    client.post("/v1/comply?profile=eu", files={"file": ("a.png", PNG, "image/png")})
    kept = b"".join(p.read_bytes() for p in settings.data_dir.rglob("*") if p.is_file())
    assert PNG[100:200] not in kept

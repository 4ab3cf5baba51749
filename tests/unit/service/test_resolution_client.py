"""service.resolution_client: whom it asks, what it believes; against our own service and a hostile one."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.resolution_client import MAX_BYTES, Found, ResolutionClient, ResolutionFailed
from service.runtime import build_runtime
from service.settings import Settings
from watermark.manifest import TrustAnchors, read_manifest

HERE = "http://127.0.0.1:9"


def answering(reply: Callable[[httpx2.Request], httpx2.Response]) -> ResolutionClient:
    return ResolutionClient(
        HERE,
        ["127.0.0.1"],
        headers={"X-API-Key": "secret"},
        connect=lambda: httpx2.Client(transport=httpx2.MockTransport(reply), follow_redirects=False),
    )


def test_our_own_service_is_resolved_against(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, image_classifiers=(), prompt_classifiers=("ngram",))
    with TestClient(create_app(build_runtime(settings)), base_url=HERE) as server:
        body = {"prompt": "a lighthouse", "size": "512x512"}
        data = base64.b64decode(
            server.post("/v1/images/generations", json=body).json()["data"][0]["b64_json"]
        )
        client = ResolutionClient(HERE, ["127.0.0.1"], connect=lambda: server)
        assert "io.iscc.v0" in client.algorithms()["fingerprints"]
        found = client.by_content(data, "image/png")
        assert len(found) == 1
        stored = client.manifest(found[0])
        report = read_manifest(data, "image/png", trust=TrustAnchors(), stored_manifest=stored)
        assert report.manifest_id == found[0].manifest_id
        assert client.by_binding("io.iscc.v0", b"ISCC:EEAYMO2OSVXJCJ22") == []
        with pytest.raises(ResolutionFailed, match="400"):
            client.by_binding("com.example.none", b"x")


@pytest.mark.parametrize(
    "server",
    [
        "https://example.org",
        "http://10.0.0.1",
        "http://user@127.0.0.1",
        "http://127.0.0.1/?x=1",
        "ftp://127.0.0.1",
        "file:///etc/passwd",
        "",
        "https://[",
        "http://127.0.0.1.example.org",
    ],
)
def test_others_are_not_asked(server: str) -> None:
    with pytest.raises(ResolutionFailed):
        ResolutionClient(server, ["127.0.0.1"])


def test_a_listed_name_must_not_lead_to_a_private_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", ("192.168.1.7", 443))])
    with pytest.raises(ResolutionFailed, match=r"private address 192\.168\.1\.7"):
        ResolutionClient("https://files.example.org", ["files.example.org"])
    with pytest.raises(ResolutionFailed, match="expected https"):
        ResolutionClient("http://files.example.org", ["files.example.org", "192.168.1.7"])
    ResolutionClient("https://files.example.org", ["files.example.org", "192.168.1.7"]).close()


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        httpx2.Response(200, text="<html>"),
        httpx2.Response(200, text="[]"),
        httpx2.Response(200, text="[" * 100_000),
        httpx2.Response(200, json={"matches": [{"manifestId": 7}]}),
        httpx2.Response(200, json={"matches": [{"manifestId": "x" * 300}]}),
        httpx2.Response(200, content=b"x" * (MAX_BYTES + 1)),
    ],
)
def test_nonsense_is_refused(answer: httpx2.Response) -> None:
    with pytest.raises(ResolutionFailed):
        answering(lambda request: answer).by_content(b"x", "image/png")


def test_another_endpoint_is_asked_only_if_listed_and_without_credentials() -> None:
    seen: list[httpx2.Request] = []

    def reply(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        rows: list[dict[str, Any]] = [{"manifestId": "../../admin?x=", "endpoint": "http://127.0.0.1:8/sub/"}]
        return httpx2.Response(200, text=json.dumps({"matches": rows}))

    client = answering(reply)
    found = client.by_content(b"x", "image/png")
    client.manifest(found[0])
    assert str(seen[1].url) == "http://127.0.0.1:8/sub/manifests/..%2F..%2Fadmin%3Fx%3D"
    assert [("x-api-key" in request.headers) for request in seen] == [True, False]
    with pytest.raises(ResolutionFailed, match="not in resolution_hosts"):
        client.manifest(Found("urn:c2pa:1", "https://evil.example.org", None))

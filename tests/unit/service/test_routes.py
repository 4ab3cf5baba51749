"""Routes around the main path: pages, health, metrics, headers, reports, the log over HTTP."""

import json
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from safety.checkpoint import Checkpoint
from service.app import create_app
from service.runtime import build_runtime
from service.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    parts = build_runtime(Settings(data_dir=tmp_path_factory.mktemp("data")))
    with TestClient(create_app(parts)) as client:
        body = {"prompt": "a lighthouse", "size": "256x256"}
        assert client.post("/v1/images/generations", json=body).status_code == 200
        yield client


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_pages_allow_nothing_from_elsewhere(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_every_answer_has_an_id_and_the_safe_headers(client: TestClient) -> None:
    ids = set()
    for path in ("/", "/healthz", "/nowhere", "/static/frame.css"):
        headers = client.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        ids.add(headers["x-request-id"])
    assert len(ids) == 4


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert ready["audit_entries"] >= 1
    assert ready["records"] >= 1


def test_metrics_count_decisions_and_stages(client: TestClient) -> None:
    text = client.get("/metrics").text
    assert 'countermark_decisions_total{action="allow",kind="generation",outcome="allowed"}' in text
    for stage in (
        "check_prompt",
        "generate",
        "check_image",
        "watermark",
        "encode",
        "sign",
        "register",
        "audit",
    ):
        assert f'countermark_stage_seconds_count{{stage="{stage}"}}' in text


@pytest.mark.parametrize(
    ("format_", "start"),
    [("json", b"{"), ("csv", b"day_utc,"), ("html", b"<!doctype html>"), ("pdf", b"%PDF-")],
)
def test_report_formats(client: TestClient, format_: str, start: bytes) -> None:
    response = client.get("/v1/reports/moderation", params={"format": format_})
    assert response.status_code == 200
    assert response.content.lstrip().lower().startswith(start.lower())


def test_report_counts_the_generation(client: TestClient) -> None:
    report = client.get("/v1/reports/moderation").json()
    assert report["total"]["allowed"] >= 1
    assert any(row["name"].startswith("countermark-builtin") for row in report["by_generator"])


def test_log_over_http(client: TestClient) -> None:
    assert client.get("/v1/audit/verify").json()["ok"] is True
    checkpoint = Checkpoint.parse(client.get("/v1/audit/checkpoint").text)
    assert checkpoint.size >= 1
    proof = client.get("/v1/audit/proofs/0").json()
    assert "a lighthouse" not in json.dumps(proof)


def test_marked_picture_carries_its_id_in_a_header(client: TestClient) -> None:
    from service.generators.builtin import draw
    from watermark.picture import encode_picture

    data = encode_picture(draw("sea", 0, 200, 200), "webp")
    for answer in (
        client.post(
            "/v1/mark", files={"file": ("a.webp", data, "image/webp")}, data={"generator": "my-model"}
        ),
        client.post("/v1/mark", content=data, headers={"Content-Type": "image/webp"}),
    ):
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/webp"
        report = client.post(
            "/v1/verify", content=answer.content, headers={"Content-Type": "image/webp"}
        ).json()
        assert report["record"]["id"] == answer.headers["Countermark-Id"]


def test_stored_manifest_is_served(client: TestClient) -> None:
    body = {"prompt": "a forest", "size": "256x256", "output_format": "jpeg"}
    row = client.post("/v1/images/generations", json=body).json()["data"][0]
    import base64

    report = client.post(
        "/v1/verify", content=base64.b64decode(row["b64_json"]), headers={"Content-Type": "image/jpeg"}
    ).json()
    assert report["record"]["id"] == row["countermark_id"]
    manifest = client.get(report["record"]["manifest_url"])
    assert manifest.status_code == 200
    assert manifest.headers["Content-Type"] == "application/c2pa"
    assert b"jumb" in manifest.content[:16]


def test_openapi_describes_the_routes(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/v1/images/generations", "/v1/mark", "/v1/verify", "/v1/moderations"} <= set(paths)

"""Routes around the main path: pages, health, metrics, headers, reports, the log over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from classifiers import DEFAULT_IMAGE, DEFAULT_PROMPT
from safety.checkpoint import Checkpoint
from service.app import create_app
from service.errors import StartupError
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
    assert any(model.startswith(DEFAULT_PROMPT[0]) for model in ready["checks"]["prompts"])
    assert len(ready["checks"]["pictures"]) + len(ready["checks"]["missing"]) == len(DEFAULT_IMAGE)


def _decisions(client: TestClient) -> dict[tuple[str, str], float]:
    """Count the moderations in `/metrics` by outcome and action."""
    return {
        (sample.labels["outcome"], sample.labels["action"]): sample.value
        for family in text_string_to_metric_families(client.get("/metrics").text)
        for sample in family.samples
        if sample.name == "countermark_decisions_total" and sample.labels["kind"] == "moderation"
    }


@pytest.mark.parametrize("typed", [False, True], ids=["texts", "typed parts"])
def test_every_input_of_a_moderation_is_counted_and_logged(client: TestClient, typed: bool) -> None:
    texts = ["a lighthouse", "explicit porn of naked people having sex", "a red boat"]
    body = {"input": [{"type": "text", "text": text} for text in texts] if typed else texts}
    before = _decisions(client)
    with capture_logs() as lines:
        assert client.post("/v1/moderations", json=body).status_code == 200
    after = _decisions(client)
    added = {key: after[key] - before.get(key, 0) for key in after}
    assert added == {("allowed", "allow"): 2, ("blocked", "block"): 1}
    (line,) = (line for line in lines if line["event"] == "request")
    assert (line["decisions"], line["outcome"], line["action"]) == (3, "blocked", "block")
    assert "check_prompt" in line["stage_ms"]
    assert "lighthouse" not in json.dumps(line)


def test_what_the_policy_requires_and_is_not_in_use_keeps_the_service_from_starting(tmp_path: Path) -> None:
    policy = tmp_path / "p.toml"
    policy.write_text('schema_version = 1\n[checks]\nrequired = ["image_text"]\n')
    with pytest.raises(StartupError, match="image_text.*add it"):
        build_runtime(Settings(data_dir=tmp_path / "data", policy=policy, image_classifiers=()))


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


@pytest.mark.parametrize(
    ("fields", "param", "words"),
    [
        ({"replace": "maybe"}, "replace", "expected true or false"),
        ({"refuse_flat": "2"}, "refuse_flat", "expected true or false"),
        (
            {"generater": "x"},
            "generater",
            "prompt, generator, generator_version, profile, replace, refuse_flat",
        ),
        ({"profiles": "china"}, "profiles", "profile"),
        ({"profile": "chima"}, "profile", "china"),
    ],
)
def test_what_mark_does_not_understand_is_said(
    client: TestClient, fields: dict[str, str], param: str, words: str
) -> None:
    from service.generators.builtin import draw
    from watermark.picture import encode_picture

    data = encode_picture(draw("x", 0, 160, 160), "png")
    answer = client.post("/v1/mark", files={"file": ("a.png", data, "image/png")}, data=fields)
    assert (answer.status_code, words in answer.text, param in answer.text) == (400, True, True)
    raw = client.post("/v1/mark", params=fields, content=data, headers={"Content-Type": "image/png"})
    assert (raw.status_code, "takes no parameters" in raw.text) == (400, True)


@pytest.mark.parametrize("said", ["", "false", "No", "0", "TRUE"])
def test_yes_and_no_may_be_written_in_several_ways(client: TestClient, said: str) -> None:
    from service.generators.builtin import draw
    from watermark.picture import encode_picture

    data = encode_picture(draw("x", 0, 160, 160), "png")
    sent = {"file": ("a.png", data, "image/png")}
    assert client.post("/v1/mark", files=sent, data={"replace": said}).status_code == 200

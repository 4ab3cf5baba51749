"""One Countermark in front of another: the `openai` plug-in against a real server, and history that is kept."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from service.verification_report import VerificationReport
from tests.e2e.conftest import Server, start_server, stop_server

pytestmark = pytest.mark.e2e


@pytest.fixture
def front(server: Server, tmp_path: Path) -> Iterator[Server]:
    options = {"base_url": server.url + "/v1", "model": "behind", "api_key": "unused"}
    running = start_server(
        tmp_path, COUNTERMARK_GENERATOR="openai", COUNTERMARK_GENERATOR_OPTIONS=json.dumps(options)
    )
    yield running
    stop_server(running)


def test_signed_upstream_picture_keeps_its_history(front: Server, server: Server) -> None:
    import httpx2

    client = openai.OpenAI(base_url=front.url + "/v1", api_key="unused", max_retries=0, timeout=120)
    answer = client.images.generate(prompt="a lighthouse", model="any", size="512x512")
    assert answer.data is not None
    data = base64.b64decode(answer.data[0].b64_json or "")
    sent = {"file": ("a.png", data, "image/png")}
    report = VerificationReport.model_validate(
        httpx2.post(front.url + "/v1/verify", files=sent, timeout=60).json()
    )
    assert report.verdict == "ours"
    assert report.record is not None
    assert report.record.generator == "behind"
    assert report.signals.c2pa.status == "valid"
    assert report.signals.c2pa.ingredients == 1
    assert "c2pa.opened" in report.signals.c2pa.actions

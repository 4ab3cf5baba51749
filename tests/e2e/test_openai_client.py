"""The official `openai` client against a real server process."""

import base64
import io

import openai
import pytest
from PIL import Image

from tests.e2e.conftest import Server

pytestmark = pytest.mark.e2e

UNSAFE = "explicit pornographic photo of naked people having sex, nsfw, uncensored"


@pytest.fixture
def client(server: Server) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.url + "/v1", api_key="unused", max_retries=0, timeout=120)


@pytest.mark.parametrize(("output_format", "pillow"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_generates_marked_pictures(client: openai.OpenAI, output_format: str, pillow: str) -> None:
    answer = client.images.generate(
        prompt="a lighthouse on a cliff", model="any", n=2, size="512x384", output_format=output_format
    )
    assert answer.data is not None
    assert len(answer.data) == 2
    assert answer.output_format == output_format
    ids = set()
    for row in answer.data:
        picture = Image.open(io.BytesIO(base64.b64decode(row.b64_json or "")))
        assert picture.format == pillow
        assert picture.size == (512, 384)
        assert row.model_extra is not None
        ids.add(row.model_extra["countermark_id"])
    assert len(ids) == 2


def png(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_edits_are_marked_and_keep_the_history(client: openai.OpenAI, server: Server) -> None:
    made = client.images.generate(prompt="a lighthouse on a cliff", model="any", size="512x384")
    assert made.data is not None
    assert made.data[0].model_extra is not None
    first = base64.b64decode(made.data[0].b64_json or "")
    mask = Image.new("RGBA", (512, 384), (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (0, 0, 256, 192))
    answer = client.images.edit(
        image=("a.png", first, "image/png"),
        mask=("m.png", png(mask), "image/png"),
        prompt="a red forest",
        model="any",
        n=2,
        output_format="jpeg",
    )
    assert answer.data is not None
    assert len(answer.data) == 2
    data = base64.b64decode(answer.data[0].b64_json or "")
    edited = Image.open(io.BytesIO(data))
    assert (edited.format, edited.size) == ("JPEG", (512, 384))
    check = client.content_provenance_checks.create(file=("a.jpg", data, "image/jpeg"))
    assert check.model_extra is not None
    report = check.model_extra["countermark"]
    assert answer.data[0].model_extra is not None
    assert report["record"]["id"] == answer.data[0].model_extra["countermark_id"]
    assert report["signals"]["c2pa"]["ingredients"] == 1
    assert "c2pa.edited" in report["signals"]["c2pa"]["actions"]


def test_several_pictures_can_be_sent_to_an_edit(client: openai.OpenAI) -> None:
    pictures = [png(Image.new("RGB", (256, 256), colour)) for colour in ("navy", "gold")]
    answer = client.images.edit(image=pictures, prompt="in the colours of the second", model="any")
    assert answer.data is not None
    edited = Image.open(io.BytesIO(base64.b64decode(answer.data[0].b64_json or ""))).convert("RGB")
    red, _, blue = edited.getpixel((128, 128))  # type: ignore[misc]
    assert red > blue


def test_refused_prompt_raises_moderation_blocked(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt=UNSAFE, model="any")
    error = caught.value
    assert error.code == "moderation_blocked"
    assert error.type == "image_generation_user_error"
    assert error.request_id
    assert isinstance(error.body, dict)
    assert error.body["moderation_details"]["moderation_stage"] == "input"
    assert "sexual" in error.body["moderation_details"]["categories"]


def test_streaming_is_refused_not_bypassed(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        list(client.images.generate(prompt="a lighthouse", model="any", stream=True))
    assert caught.value.param == "stream"


def test_moderations(client: openai.OpenAI) -> None:
    answer = client.moderations.create(input=["a lighthouse at dusk", UNSAFE])
    assert [r.flagged for r in answer.results] == [False, True]
    assert answer.results[1].categories.sexual
    assert 0 <= answer.results[0].category_scores.sexual < answer.results[1].category_scores.sexual <= 1


def test_content_provenance_checks(client: openai.OpenAI) -> None:
    answer = client.images.generate(prompt="a fishing boat", model="any", size="512x512")
    assert answer.data is not None
    data = base64.b64decode(answer.data[0].b64_json or "")
    check = client.content_provenance_checks.create(file=("boat.png", data, "image/png"))
    c2pa, mark = check.results
    assert c2pa.type == "c2pa"
    assert c2pa.outcome == "detected"
    assert c2pa.validation_state == "valid"  # intact, but a development signature is nobody's to trust
    assert mark.outcome == "detected"

    plain = io.BytesIO()
    Image.new("RGB", (256, 256), (90, 120, 60)).save(plain, "PNG")
    check = client.content_provenance_checks.create(file=("plain.png", plain.getvalue(), "image/png"))
    assert [r.outcome for r in check.results] == ["not_detected", "not_detected"]
    assert check.results[0].validation_state == "not_present"

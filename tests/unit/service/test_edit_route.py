"""`POST /v1/images/edits`: forms as clients send them, and forms that no client should."""

import base64
import io
from collections.abc import Iterator

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.generators.builtin import draw
from service.runtime import build_runtime
from service.settings import Settings


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    data_dir = tmp_path_factory.mktemp("data")
    settings = Settings(data_dir=data_dir, prompt_classifiers=("ngram",), image_classifiers=())
    with TestClient(create_app(build_runtime(settings))) as client:
        yield client


def picture(side: int = 200, format_: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(draw("sea", 0, side, side)).save(file, format_)
    return file.getvalue()


def part(data: bytes, name: str = "a.png") -> tuple[str, bytes, str]:
    return name, data, "image/png"


def test_answers_as_the_images_api_does(client: TestClient) -> None:
    form = {"prompt": "a red forest", "n": "2", "size": "256x256", "output_format": "webp", "model": "any"}
    files = [("image[]", part(picture())), ("image[]", part(picture(format_="JPEG")))]
    answer = client.post("/v1/images/edits", data=form, files=files)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["output_format"], body["size"], len(body["data"])) == ("webp", "256x256", 2)
    made = Image.open(io.BytesIO(base64.b64decode(body["data"][0]["b64_json"])))
    assert (made.format, made.size) == ("WEBP", (256, 256))
    assert len({row["countermark_id"] for row in body["data"]}) == 2


def test_an_edit_of_an_edit_names_its_parent_in_the_registry(client: TestClient) -> None:
    once = client.post("/v1/images/edits", data={"prompt": "a sea"}, files={"image": part(picture())}).json()
    first = once["data"][0]
    data = base64.b64decode(first["b64_json"])
    twice = client.post("/v1/images/edits", data={"prompt": "a city"}, files={"image": part(data)}).json()
    registry = client.app.state.runtime.registry  # type: ignore[attr-defined]
    record = registry.get(twice["data"][0]["countermark_id"])
    assert (record.kind, record.parent) == ("edit", first["countermark_id"])


@pytest.mark.parametrize(
    ("form", "files", "status", "param"),
    [
        ({}, [("image", part(picture()))], 400, "prompt"),
        ({"prompt": ""}, [("image", part(picture()))], 400, "prompt"),
        ({"prompt": "a\0b"}, [("image", part(picture()))], 400, "prompt"),
        ({"prompt": "x" * 40_000}, [("image", part(picture()))], 400, "prompt"),
        ({"prompt": "sea"}, [], 400, "image"),
        ({"prompt": "sea"}, [("mask", part(picture()))], 400, "image"),
        ({"prompt": "sea"}, [("image", part(picture())), ("mask", part(picture()))], 400, "mask"),
        (
            {"prompt": "sea"},
            [("image", part(picture())), ("mask", part(b"x")), ("mask", part(b"x"))],
            400,
            "image",
        ),
        ({"prompt": "sea"}, [("image", part(picture())), ("surprise", part(picture()))], 400, "image"),
        ({"prompt": "sea"}, [("image[]", part(picture(128)))] * 18, 400, None),
        ({"prompt": "sea"}, [("image", part(b"no picture"))], 415, "file"),
        ({"prompt": "sea"}, [("image", part(b""))], 400, "file"),
        ({"prompt": "sea"}, [("image", part(picture()[:3000]))], 422, "file"),
        ({"prompt": "sea", "n": "11"}, [("image", part(picture()))], 400, "n"),
        ({"prompt": "sea", "n": "many"}, [("image", part(picture()))], 400, "n"),
        ({"prompt": "sea", "size": "9x9"}, [("image", part(picture()))], 400, "size"),
        ({"prompt": "sea", "stream": "true"}, [("image", part(picture()))], 400, "stream"),
        ({"prompt": "sea", "response_format": "url"}, [("image", part(picture()))], 400, "response_format"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_field(
    client: TestClient, form: dict[str, str], files: list, status: int, param: str | None
) -> None:
    # a form without files would be sent urlencoded
    answer = client.post("/v1/images/edits", data=form, files=files or {"other": (None, "x")})
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["param"] == param


def test_a_picture_of_many_pixels_is_refused_before_it_is_decoded(client: TestClient) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((4000, 4000), np.uint8)).save(file, "PNG")
    answer = client.post("/v1/images/edits", data={"prompt": "sea"}, files={"image": part(file.getvalue())})
    assert answer.status_code == 413


@pytest.mark.parametrize("kind", ["application/json", "image/png", ""])
def test_a_body_that_is_no_form_is_refused(client: TestClient, kind: str) -> None:
    answer = client.post("/v1/images/edits", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "unsupported_content_type"


def test_a_refused_prompt_is_refused_as_for_generation(client: TestClient) -> None:
    unsafe = "explicit pornographic photo of naked people having sex, nsfw, uncensored"
    answer = client.post("/v1/images/edits", data={"prompt": unsafe}, files={"image": part(picture())})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "moderation_blocked")

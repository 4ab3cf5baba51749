"""What is sent to OpenAI's and Azure's services, and what their answers mean.

The fake's OpenAI answers are checked against openai-python's own types, so that it speaks the format it claims.
"""

import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from openai.types import ModerationCreateResponse
from PIL import Image

from classifiers import CATEGORIES, Scores, create_image_classifier, create_prompt_classifier
from classifiers.errors import ImageRejected, RemoteFailed
from classifiers.prompt_azure import score_of
from classifiers.remote_input import MAX_SIDE, MIN_SIDE, clean_text, jpeg_bytes, windows

KEY = "sk-test-0123456789abcdef"
SIX = {"self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic"}
FOUR = {"hate", "self-harm", "sexual", "violence"}
RED = np.zeros((64, 64, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
GREY = np.full((64, 64, 3), 128, np.uint8)


@pytest.fixture
def judges(fake_service: Any) -> dict[str, Any]:
    here = fake_service.address
    return {
        "prompt_openai": create_prompt_classifier("prompt_openai", api_key=KEY, base_url=f"{here}/v1"),
        "image_openai": create_image_classifier("image_openai", api_key=KEY, base_url=f"{here}/v1/"),
        "prompt_azure": create_prompt_classifier("prompt_azure", api_key=KEY, endpoint=here),
        "image_azure": create_image_classifier("image_azure", api_key=KEY, endpoint=f"{here}/"),
    }


def sent(fake_service: Any) -> list[dict[str, Any]]:
    return [json.loads(one["raw"]) for one in fake_service.seen]


def is_whole(scores: Scores, knows: set[str]) -> None:
    assert scores.knows == knows | {"unsafe"}
    assert set(scores.categories) == set(CATEGORIES)
    assert all(level == 0 for name, level in scores.categories.items() if name not in knows)
    assert scores.unsafe == max(scores.categories.values())


def test_openai_text(judges: Any, fake_service: Any) -> None:
    answers: list[Any] = []
    fake_service.alter = lambda answer: answers.append(answer) or answer
    scores = judges["prompt_openai"].score("blood 血 🙂")
    is_whole(scores, set(CATEGORIES[:13]))
    assert scores.categories["violence"] == 0.75
    assert scores.categories["hate"] == 1e-6
    assert scores.model == "prompt_openai(omni-moderation-latest)"
    assert sent(fake_service) == [{"model": "omni-moderation-latest", "input": ["blood 血 🙂"]}]
    assert len(ModerationCreateResponse.model_validate(answers[0]).results) == 1


def test_openai_picture(judges: Any, fake_service: Any) -> None:
    answers: list[Any] = []
    fake_service.alter = lambda answer: answers.append(answer) or answer
    red, grey = (judges["image_openai"].score(one) for one in (RED, GREY))
    is_whole(red, SIX)
    assert red.categories["violence"] > 0.9
    assert grey.unsafe < 0.1
    assert ModerationCreateResponse.model_validate(answers[0]).results[0].flagged
    (part,) = sent(fake_service)[0]["input"]
    assert part["type"] == "image_url"


def test_azure_text(judges: Any, fake_service: Any) -> None:
    scores = judges["prompt_azure"].score("naked 🙂")
    is_whole(scores, FOUR)
    assert scores.categories["sexual"] == 1
    assert scores.categories["hate"] == score_of(1)
    (body,) = sent(fake_service)
    assert body["text"] == "naked 🙂"
    assert body["outputType"] == "EightSeverityLevels"
    assert sorted(body["categories"]) == ["Hate", "SelfHarm", "Sexual", "Violence"]


def test_azure_picture(judges: Any, fake_service: Any) -> None:
    red, grey = (judges["image_azure"].score(one) for one in (RED, GREY))
    is_whole(red, FOUR)
    assert red.categories["violence"] == score_of(4)
    assert grey.unsafe == 0
    assert sent(fake_service)[0]["outputType"] == "FourSeverityLevels"


def test_levels_of_severity_keep_their_order() -> None:
    scores = [score_of(level) for level in range(8)]
    assert scores == sorted(scores)
    assert (scores[0], scores[6]) == (0, 1)
    assert scores[1] < 0.3 <= scores[2] < 0.6 <= scores[4]  # the packaged policy's bands for hate and sexual


@pytest.mark.parametrize("name", ["prompt_openai", "prompt_azure"])
@pytest.mark.parametrize("text", ["", " \n\t\u3000"])
def test_a_blank_text_is_not_sent(name: str, text: str, judges: Any, fake_service: Any) -> None:
    assert judges[name].score(text).unsafe == 0
    assert fake_service.seen == []


@pytest.mark.parametrize("name", ["prompt_openai", "prompt_azure"])
@pytest.mark.parametrize("place", [0, 1990, 4990, 39_000])
def test_a_word_anywhere_in_a_long_text_counts(name: str, place: int, judges: Any) -> None:
    harmless = "🙂" * 40_000
    assert judges[name].score(harmless).unsafe < 0.2
    assert judges[name].score(harmless[:place] + "blood" + harmless[place:]).unsafe >= 0.75


@pytest.mark.parametrize("name", ["prompt_openai", "prompt_azure"])
def test_text_that_is_no_unicode_is_sent_as_unicode(name: str, judges: Any, fake_service: Any) -> None:
    judges[name].score("\x00a\ud800b")
    assert "\\ud800" not in fake_service.seen[0]["raw"].decode()
    body = sent(fake_service)[0]
    assert "\x00a\ufffdb" in (body.get("text"), *body.get("input", ()))


def test_clean_text_keeps_what_is_sound() -> None:
    assert clean_text("猫 🙂\x00") == "猫 🙂\x00"
    assert clean_text("\ud83d\ude42\udc00") == "🙂\ufffd"


@pytest.mark.parametrize("length", [1, 1999, 2000, 2001, 3800, 3801, 10_000])
def test_windows_cover_a_text_and_overlap(length: int) -> None:
    text = "".join(chr(0x4E00 + i) for i in range(length))
    parts = list(windows(text, 2000))
    assert all(0 < len(part) <= 2000 for part in parts)
    assert parts[0] + "".join(part[200:] for part in parts[1:]) == text
    assert list(windows(" " * 5000 + "a", 2000)) == [" " * 1400 + "a"]


# ---- answers that are almost right


def openai_without(part: str, name: str) -> Any:
    def alter(answer: Any) -> Any:
        for result in answer["results"]:
            del result[part][name]
        return answer

    return alter


def openai_with(part: str, name: str, value: Any) -> Any:
    def alter(answer: Any) -> Any:
        for result in answer["results"]:
            result[part][name] = value
        return answer

    return alter


WRONG_SCORES = [1.01, -0.01, float("nan"), float("inf"), 10**400, "0.5", None, True, [0.5]]
PICTURES = {"prompt_openai": "a cat", "image_openai": GREY, "prompt_azure": "a cat", "image_azure": GREY}


@pytest.mark.parametrize("name", ["prompt_openai", "image_openai"])
@pytest.mark.parametrize("category", sorted(SIX))
def test_openai_has_to_score_every_category(name: str, category: str, judges: Any, fake_service: Any) -> None:
    fake_service.alter = openai_without("category_scores", category)
    with pytest.raises(RemoteFailed, match=f"no score in .* for '{category}'"):
        judges[name].score(PICTURES[name])


@pytest.mark.parametrize("name", ["prompt_openai", "image_openai"])
@pytest.mark.parametrize("value", WRONG_SCORES, ids=lambda value: str(value)[:5])
def test_openai_scores_have_to_be_in_range(name: str, value: Any, judges: Any, fake_service: Any) -> None:
    fake_service.alter = openai_with("category_scores", "violence", value)
    with pytest.raises(RemoteFailed, match="no score in .* for 'violence'"):
        judges[name].score(PICTURES[name])


def test_openai_minors_are_scored_in_texts_only(judges: Any, fake_service: Any) -> None:
    fake_service.alter = openai_without("category_scores", "sexual/minors")
    assert judges["image_openai"].score(GREY).categories["sexual/minors"] == 0
    with pytest.raises(RemoteFailed, match="sexual/minors"):
        judges["prompt_openai"].score("a cat")


@pytest.mark.parametrize("category", sorted(SIX))
@pytest.mark.parametrize("applied", [[], ["text"], "image", None])
def test_a_server_that_ignored_the_picture_is_not_believed(
    category: str, applied: Any, judges: Any, fake_service: Any
) -> None:
    fake_service.alter = openai_with("category_applied_input_types", category, applied)
    with pytest.raises(RemoteFailed, match=f"no word that '{category}' was applied"):
        judges["image_openai"].score(RED)


@pytest.mark.parametrize("name", ["prompt_openai", "image_openai"])
@pytest.mark.parametrize("times", [0, 2])
def test_openai_has_to_give_one_result_an_input(
    name: str, times: int, judges: Any, fake_service: Any
) -> None:
    fake_service.alter = lambda answer: answer | {"results": answer["results"] * times}
    with pytest.raises(RemoteFailed, match=f"got {times} results for 1 inputs"):
        judges[name].score(PICTURES[name])


@pytest.mark.parametrize("name", ["prompt_azure", "image_azure"])
@pytest.mark.parametrize("category", ["Hate", "SelfHarm", "Sexual", "Violence"])
def test_azure_has_to_judge_every_category(name: str, category: str, judges: Any, fake_service: Any) -> None:
    fake_service.alter = lambda answer: {
        "categoriesAnalysis": [one for one in answer["categoriesAnalysis"] if one["category"] != category]
    }
    with pytest.raises(RemoteFailed, match=f"no level for '{category}'"):
        judges[name].score(PICTURES[name])


@pytest.mark.parametrize("name", ["prompt_azure", "image_azure"])
@pytest.mark.parametrize("level", [8, -1, 2.0, "2", None, True, 10**400], ids=lambda value: str(value)[:5])
def test_azure_levels_have_to_be_levels(name: str, level: Any, judges: Any, fake_service: Any) -> None:
    fake_service.alter = lambda answer: {
        "categoriesAnalysis": [one | {"severity": level} for one in answer["categoriesAnalysis"]]
    }
    with pytest.raises(RemoteFailed, match="a level of 'Hate' that is none"):
        judges[name].score(PICTURES[name])


def test_azure_knows_four_levels_for_pictures_and_the_highest_of_two_counts(
    judges: Any, fake_service: Any
) -> None:
    extra = [{"category": "Violence", "severity": 5}, {"category": "NewOne", "severity": 6}]
    fake_service.alter = lambda answer: {"categoriesAnalysis": [*answer["categoriesAnalysis"], *extra]}
    assert judges["prompt_azure"].score("a cat").unsafe == score_of(5)
    with pytest.raises(RemoteFailed, match="a level of 'Violence' that is none"):
        judges["image_azure"].score(GREY)


# ---- pictures


@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 900), (900, 3), (64, 64), (1536, 1536), (1000, 3000), (20, 5000)]
)
def test_pictures_are_sent_in_sizes_that_both_services_take(
    shape: tuple[int, int], judges: Any, fake_service: Any
) -> None:
    image = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    for name in ("image_openai", "image_azure"):
        judges[name].score(image)
    openai, azure = sent(fake_service)
    url = openai["input"][0]["image_url"]["url"]
    assert url == "data:image/jpeg;base64," + azure["image"]["content"]
    data = base64.b64decode(azure["image"]["content"], validate=True)
    width, height = Image.open(io.BytesIO(data)).size
    assert MIN_SIDE <= min(width, height) <= max(width, height) <= MAX_SIDE
    assert len(data) < 4 * 1024**2


@pytest.mark.parametrize("name", ["image_openai", "image_azure"])
def test_what_is_no_picture_is_not_sent(name: str, judges: Any, fake_service: Any) -> None:
    for wrong in (np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3)), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ImageRejected):
            judges[name].score(wrong)
    assert fake_service.seen == []


def test_a_picture_is_sent_as_it_looks() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[:, 150:] = (250, 120, 10)
    seen = np.asarray(Image.open(io.BytesIO(jpeg_bytes(image))), np.int16)
    assert np.abs(seen - image).mean() < 3
    half = np.asarray(Image.open(io.BytesIO(jpeg_bytes(np.repeat(np.repeat(image, 10, 0), 10, 1)))), np.int16)
    assert half.shape == (1024, 1536, 3)
    assert np.abs(half[100:900, 800:1500] - (250, 120, 10)).mean() < 3

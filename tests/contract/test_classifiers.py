"""What every classifier of the package promises, whatever it is made of.

A plug-in is covered from the moment its file exists. One that cannot work without something that the package does
not carry (weights of the user's, a key) has to say so; the embedded defaults need nothing.
"""

import importlib
import inspect
import math
import random
from typing import Any

import numpy as np
import pytest

from classifiers import (
    CATEGORIES,
    DEFAULT_IMAGE,
    DEFAULT_PROMPT,
    ClassifierError,
    Scores,
    create_image_classifier,
    create_prompt_classifier,
    known_classifiers,
)
from classifiers.scores import EVERYTHING

CREATE: dict[str, Any] = {"prompt": create_prompt_classifier, "image": create_image_classifier}
DEFAULTS = (*DEFAULT_PROMPT, *DEFAULT_IMAGE)


def _build(kind: str, name: str) -> Any:
    why = None
    try:
        return CREATE[kind](name)
    except ClassifierError as error:  # anything else is a fault
        why = str(error)
    assert name not in DEFAULTS, why
    assert "expected" in why or "missing a required argument" in why
    pytest.skip(f"not embedded: {why}")


def _is_sound(scores: Scores, model: str) -> None:
    assert set(scores.categories) == set(CATEGORIES)
    for number in (scores.unsafe, scores.unread, *scores.categories.values()):
        assert isinstance(number, float)
        assert math.isfinite(number)
        assert 0 <= number <= 1
    assert scores.model == model
    assert scores.knows <= EVERYTHING | {"unread"}
    for name, score in {"unsafe": scores.unsafe, **scores.categories}.items():
        assert name in scores.knows or score == 0
    for name, words in scores.found.items():
        assert scores.categories[name] > 0
        assert words
        assert all(isinstance(word, str) for word in words)
    assert all(isinstance(text, str) for text in scores.evidence)


def _junk(seed: int) -> str:
    """Draw 200 characters from all of Unicode, surrogates included."""
    source = random.Random(seed)
    return "".join(chr(source.randrange(0x110000)) for _ in range(200))


TEXTS = [
    "",
    "a cat",
    "猫",
    "\x00\ud800",
    "naked " * 3000,
    "🙂",
    "x" * 50_000,
    "nike " * 500,
    _junk(1),
    _junk(2),
]


@pytest.mark.parametrize("name", known_classifiers("prompt"))
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_prompt_classifiers_score_any_text(name: str, text: str) -> None:
    classifier = _build("prompt", name)
    scores = classifier.score(text)
    _is_sound(scores, classifier.model)
    assert scores == classifier.score(text)


@pytest.mark.parametrize("name", known_classifiers("image"))
@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 1, 3), (3, 900, 3), (900, 3, 3), (1200, 40, 3)], ids=str)
def test_image_classifiers_score_any_shape(name: str, shape: tuple[int, ...]) -> None:
    classifier = _build("image", name)
    image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    before = image.copy()
    _is_sound(classifier.score(image), classifier.model)
    assert (image == before).all()


@pytest.mark.parametrize("name", known_classifiers("image"))
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 64), np.uint8),
        np.zeros((64, 64, 4), np.uint8),
        np.zeros((64, 64, 3)),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_image_classifiers_refuse_what_is_no_picture(name: str, image: Any) -> None:
    with pytest.raises(ClassifierError):
        _build("image", name).score(image)


@pytest.mark.parametrize("kind", ["prompt", "image"])
def test_every_plug_in_takes_its_options_by_name_and_says_what_it_scores(kind: str) -> None:
    for name in known_classifiers(kind):  # type: ignore[arg-type]
        factory = getattr(importlib.import_module(f"classifiers.{name}"), f"create_{kind}")
        parameters = inspect.signature(factory).parameters.values()
        assert all(one.kind is not inspect.Parameter.POSITIONAL_ONLY for one in parameters), name
        assert inspect.getdoc(factory), name


def test_the_embedded_defaults_are_plug_ins_of_the_package() -> None:
    assert set(DEFAULT_PROMPT) <= set(known_classifiers("prompt"))
    assert set(DEFAULT_IMAGE) <= set(known_classifiers("image"))

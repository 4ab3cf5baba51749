"""What every classifier of the package promises, whatever it is made of."""

import math

import numpy as np
import pytest

from classifiers import (
    CATEGORIES,
    Scores,
    create_image_classifier,
    create_prompt_classifier,
    known_classifiers,
)


def _is_sound(scores: Scores, model: str) -> None:
    assert set(scores.categories) == set(CATEGORIES)
    for number in (scores.unsafe, scores.unread, *scores.categories.values()):
        assert isinstance(number, float)
        assert math.isfinite(number)
        assert 0 <= number <= 1
    assert scores.model == model


@pytest.mark.parametrize("name", known_classifiers("prompt"))
@pytest.mark.parametrize("text", ["", "a cat", "猫", "\x00\ud800", "naked " * 3000, "🙂"], ids=range(6))
def test_prompt_classifiers_score_any_text(name: str, text: str) -> None:
    classifier = create_prompt_classifier(name)
    scores = classifier.score(text)
    _is_sound(scores, classifier.model)
    assert scores == classifier.score(text)


@pytest.mark.parametrize("name", known_classifiers("image"))
@pytest.mark.parametrize("shape", [(64, 64, 3), (1, 1, 3), (3, 900, 3), (900, 3, 3), (1200, 40, 3)], ids=str)
def test_image_classifiers_score_any_shape(name: str, shape: tuple[int, ...]) -> None:
    classifier = create_image_classifier(name)
    image = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    before = image.copy()
    _is_sound(classifier.score(image), classifier.model)
    assert (image == before).all()

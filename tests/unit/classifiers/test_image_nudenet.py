"""The mapping and the missing package. NudeNet is AGPL by its licence file, so the real one is not installed here."""

import sys
from typing import Any

import numpy as np
import pytest

from classifiers import ClassifierUnavailable, create_image_classifier
from classifiers.errors import ImageRejected, ModelUnreadable
from classifiers.image_nudenet import COUNTED, IGNORED, NudeNetClassifier, nudity_in


def box(name: str, score: float) -> dict[str, Any]:
    return {"class": name, "score": score, "box": [0, 0, 10, 10]}


class BlueDetector:
    """Has `detect` of nudenet.NudeDetector; reports the share of blue in a BGR picture."""

    def detect(self, bgr: Any) -> list[dict[str, Any]]:
        return [box("BUTTOCKS_EXPOSED", float(bgr[:, :, 0].mean() / 255)), box("FACE_MALE", 1.0)]


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_each_exposed_part_counts_with_its_surest_box(name: str) -> None:
    assert nudity_in([box(name, 0.4), box(name, 0.7), box("FACE_FEMALE", 0.9)]) == 0.7


def test_what_is_covered_or_harmless_does_not_count() -> None:
    assert nudity_in([box(name, 0.99) for name in sorted(IGNORED)]) == 0
    assert nudity_in([]) == 0
    assert len(COUNTED | IGNORED) == 18


@pytest.mark.parametrize(
    "found", [box("EXPOSED_BREAST_F", 0.9), box("ANUS_EXPOSED", float("nan"))], ids=["name", "nan"]
)
def test_what_the_mapping_does_not_know_is_an_error(found: dict[str, Any]) -> None:
    with pytest.raises(ModelUnreadable, match="install nudenet"):
        nudity_in([found])


def test_the_detector_gets_bgr_and_its_score_feeds_sexual() -> None:
    image = np.zeros((4, 4, 3), np.uint8)
    image[:, :, 2] = 255
    scores = NudeNetClassifier(BlueDetector(), "3.4.2").score(image)
    assert scores.unsafe == scores.categories["sexual"] == 1.0
    assert scores.knows == {"unsafe", "sexual"}
    with pytest.raises(ImageRejected):
        NudeNetClassifier(BlueDetector(), "3.4.2").score(image[:, :, 0])


def test_without_nudenet_the_error_says_what_to_install_and_under_which_licence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "nudenet", None)
    with pytest.raises(ClassifierUnavailable, match="AGPL-3.0.*pip install --no-deps nudenet"):
        create_image_classifier("image_nudenet")

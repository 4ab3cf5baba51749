"""Judge nudity in pictures with NudeNet, where the user has installed it.

Owns the mapping of NudeNet's classes to `sexual`: exposed genitals, anus, buttocks and female breasts count with the
score of the surest box; faces, feet, armpits, bellies, male breasts and anything covered count nothing. NudeNet's
metadata says MIT and the licence file in its wheel AGPL-3.0, so it is in no extra of ours and never a default:
install `nudenet` yourself once you have decided that you may. It reports no box below .25.

NudeNet itself is no part of our tests: they cover the mapping and the error that says it is missing, and a stand-in
with the same `detect`. Its scores are taken as they are: nobody calibrated them here.
"""

import importlib
import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierUnavailable, ModelUnreadable
from classifiers.picture_input import check_picture
from classifiers.scores import Scores, no_scores

COUNTED: Final = frozenset(
    {
        "FEMALE_BREAST_EXPOSED",
        "FEMALE_GENITALIA_EXPOSED",
        "MALE_GENITALIA_EXPOSED",
        "ANUS_EXPOSED",
        "BUTTOCKS_EXPOSED",
    }
)
IGNORED: Final = frozenset(
    {
        "FEMALE_GENITALIA_COVERED",
        "FACE_FEMALE",
        "MALE_BREAST_EXPOSED",
        "FEET_EXPOSED",
        "BELLY_COVERED",
        "FEET_COVERED",
        "ARMPITS_COVERED",
        "ARMPITS_EXPOSED",
        "FACE_MALE",
        "BELLY_EXPOSED",
        "ANUS_COVERED",
        "FEMALE_BREAST_COVERED",
        "BUTTOCKS_COVERED",
    }
)
"""Together the 18 class names of nudenet 3.4.2. A name that is in neither list is an error, not a zero."""


class NudeNetClassifier:
    """Scores pictures with a `nudenet.NudeDetector`, which keeps nothing of a call but its onnxruntime session."""

    def __init__(self, detector: Any, version: str) -> None:
        """Take an object whose `detect` reads uint8 (H, W, 3) BGR and gives dicts with `class` and `score`."""
        self._detector = detector
        self.model: str = f"image_nudenet({version})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.
            ModelUnreadable: the detector names a class that this mapping does not know, or gives no number.

        """
        check_picture(image)
        bgr = np.ascontiguousarray(image[:, :, ::-1])  # as OpenCV reads files, which is what it was made for
        level = nudity_in(self._detector.detect(bgr))
        return Scores(
            unsafe=level,
            categories=no_scores() | {"sexual": level},
            model=self.model,
            knows=frozenset({"unsafe", "sexual"}),
        )


def nudity_in(boxes: Sequence[Mapping[str, Any]]) -> float:
    """Give the highest score in [0, 1] among boxes of exposed parts, 0 if there are none.

    Raises:
        ModelUnreadable: a class of an unknown name, or a score that is no number.

    """
    level = 0.0
    for box in boxes:
        name, score = str(box["class"]), float(box["score"])
        if name not in COUNTED | IGNORED or not math.isfinite(score):
            raise ModelUnreadable(
                f"nudenet: got a box {name!r} with score {score}, expected one of {sorted(COUNTED | IGNORED)} and a "
                f"number; install nudenet 3.4"
            )
        if name in COUNTED:
            level = max(level, min(1.0, score))
    return level


def create_image() -> NudeNetClassifier:
    """Build the classifier around the installed NudeNet and the weights in its wheel.

    Raises:
        ClassifierUnavailable: `nudenet` is not installed.
        ModelUnreadable: it is, but does not start.

    """
    try:
        nudenet: Any = importlib.import_module("nudenet")
    except ImportError as error:
        raise ClassifierUnavailable(
            f"image_nudenet: got {error}, expected NudeNet; its licence file says AGPL-3.0, so it comes with no extra: "
            f"run `pip install --no-deps nudenet` if you accept that"
        ) from error
    try:
        detector = nudenet.NudeDetector()
    except Exception as error:
        raise ModelUnreadable(
            f"nudenet: got {type(error).__name__}: {error}, expected its detector; install nudenet 3.4"
        ) from error
    return NudeNetClassifier(detector, importlib.metadata.version("nudenet"))

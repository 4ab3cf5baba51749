"""Find where text stands in a picture.

Owns PP-OCRv6's small detection network as RapidOCR packs it: what goes in, and how its map of text
probabilities becomes boxes (differentiable binarisation, Liao et al., arXiv 1911.08947: threshold, one box a
connected area, grown by the border that the network learnt to shave off).
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]  # (H, W, 3)
Field = NDArray[np.float32]  # (h, w)

GRID: Final = 32
"""Both sides that the network sees are multiples of its total stride."""
ROUNDING: Final = 1.1
"""Pixels over the cap that are allowed so that a picture is not squeezed out of shape to meet the grid."""
IS_TEXT: Final = 0.3
MIN_SCORE: Final = 0.5
GROW: Final = 1.6
"""RapidOCR's own threshold of the map, of a box's mean, and ratio by which a box grows (arXiv 1911.08947, eq. 10)."""
MIN_SHORT_SIDE: Final = 3
"""Pixels of the map; less holds no letter."""


@dataclass(frozen=True, slots=True)
class TextBox:
    """A rotated rectangle around text.

    Attributes:
        corners: float32 (4, 2), x and y in pixels of the picture, clockwise from the upper left one.
        score: the network's, in [0, 1].

    """

    corners: Field
    score: float

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in pixels."""
        a, b, c, d = self.corners
        width = max(np.linalg.norm(a - b), np.linalg.norm(c - d))
        return float(width), float(max(np.linalg.norm(a - d), np.linalg.norm(b - c)))


class TextDetector:
    """Finds text with an onnxruntime session of the detection network. Thread-safe."""

    def __init__(self, session: Any, side: int) -> None:
        """Look at no more pixels than a square of `side` has; time is linear in them."""
        self._session = session
        self._input: str = session.get_inputs()[0].name
        self._side = side

    def find(self, image: Image) -> list[TextBox]:
        """Give the boxes of text in `image`, uint8 (H, W, 3) RGB, in no order."""
        probability = self.text_map(image)
        height, width = image.shape[:2]
        scale = np.array([width / probability.shape[1], height / probability.shape[0]], np.float32)
        return [TextBox(_clockwise(box * scale), score) for box, score in _boxes(probability)]

    def text_map(self, image: Image) -> Field:
        """Give the probability of text, float32 (h, w) in [0, 1], of the picture scaled to the network's size."""
        tensor = network_input(image, *seen_size(image.shape[1], image.shape[0], self._side))
        found: Field = self._session.run(None, {self._input: tensor})[0][0, 0]
        return found


def network_input(image: Image, width: int, height: int) -> NDArray[np.float32]:
    """Scale to that size and give what the network was trained on: float32 (1, 3, height, width), BGR in [-1, 1]."""
    shrinks = width * height < image.shape[0] * image.shape[1]
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    blob = cv2.dnn.blobFromImage(scaled, 1 / 127.5, mean=(127.5, 127.5, 127.5), swapRB=True)
    return np.asarray(blob, np.float32)


def seen_size(width: int, height: int, side: int) -> tuple[int, int]:
    """Give width and height at which a picture is looked at.

    Multiples of `GRID` in the picture's shape as far as those allow, at most `ROUNDING` times `side` squared
    pixels, and never larger than the picture beyond the next step of the grid.
    """
    factor = min(1.0, side / float(np.sqrt(width * height)))
    short = max(GRID, round(min(width, height) * factor / GRID) * GRID)
    longest = max(GRID, int(ROUNDING * side * side / short) // GRID * GRID)
    long = min(longest, max(GRID, round(max(width, height) * factor / GRID) * GRID))
    return (long, short) if width >= height else (short, long)


def _boxes(probability: Field) -> list[tuple[Field, float]]:
    """List the grown boxes of a map, float32 (4, 2) in its pixels, with their mean probability."""
    mask = cv2.dilate((probability > IS_TEXT).astype(np.uint8), np.ones((2, 2), np.uint8))
    # two levels: the outline of each connected area, also of one that lies in the hole of another
    contours, levels = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour, level in zip(contours, [] if levels is None else levels[0], strict=True):
        if level[3] >= 0:
            continue
        centre, (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < MIN_SHORT_SIDE:
            continue
        score = _mean_inside(probability, cv2.boxPoints((centre, (width, height), angle)))
        if score < MIN_SCORE:
            continue
        border = width * height * GROW / (2 * (width + height))
        grown = cv2.boxPoints((centre, (width + 2 * border, height + 2 * border), angle))
        found.append((np.asarray(grown, np.float32), score))
    return found


def _mean_inside(probability: Field, corners: Any) -> float:
    limit = np.array(probability.shape[::-1]) - 1
    low = np.clip(np.floor(corners.min(0)), 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)), 0, limit).astype(int)
    part = probability[low[1] : high[1] + 1, low[0] : high[0] + 1]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [(corners - low).astype(np.int32)], 1)
    return float(cv2.mean(part, mask)[0])


def _clockwise(corners: Field) -> Field:
    """Start at the upper left corner: of the two leftmost the higher one."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = (pair[np.argsort(pair[:, 1], kind="stable")] for pair in (by_x[:2], by_x[2:]))
    return np.asarray([left[0], right[0], right[1], left[1]], np.float32)

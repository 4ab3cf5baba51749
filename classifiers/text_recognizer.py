"""Read lines of text.

Owns PP-OCRv6's small recognition network as RapidOCR carries it (Chinese, English and other Latin letters): upright
strips of the picture in, characters out by the best path of connectionist temporal classification (Graves et al.,
ICML 2006: the likeliest class a column, repeats once, blanks dropped).
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from classifiers.text_detector import Image, TextBox

HEIGHT: Final = 48
"""Pixels of a line as the network was trained."""
MIN_WIDTH: Final = 320
"""Shorter strips are padded to this, as in training."""
MAX_WIDTH: Final = 40 * HEIGHT
"""Pixels of one strip. The network compares every column with every other; longer lines are read in pieces."""
STANDS: Final = 1.5
"""A box this many times as high as wide is taken for a line that runs up or down (RapidOCR's ratio)."""
SURE: Final = 0.9
"""At this confidence no other way up is tried. Of 40 lines upright ones had .96 and more (median 1.00); the same lines
upside down or mirrored .30 to .86, twice up to .91."""

Way = Literal["as it is", "upside down", "mirrored"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, the mean probability of its characters in [0, 1], and how the strip had to be turned."""

    text: str
    confidence: float
    way: Way = "as it is"


class TextRecognizer:
    """Reads strips with an onnxruntime session of the recognition network. Thread-safe."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input: str = session.get_inputs()[0].name
        characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ("", *characters, " ")

    def read(self, strip: Image) -> Reading:
        """Read `strip`, uint8 (48, W, 3) RGB, as it is."""
        tensor = np.zeros((1, 3, HEIGHT, max(MIN_WIDTH, strip.shape[1])), np.float32)
        tensor[0, :, :, : strip.shape[1]] = strip[:, :, ::-1].transpose(2, 0, 1) / np.float32(127.5) - 1
        chances: NDArray[np.float32] = self._session.run(None, {self._input: tensor})[0][0]
        best = chances.argmax(1)
        kept = best != 0
        kept[1:] &= best[1:] != best[:-1]
        text = "".join(self._characters[index] for index in best[kept]).strip()
        return Reading(text, float(chances.max(1)[kept].mean()) if text else 0.0)

    def read_turned(self, strip: Image, best: Reading) -> Reading:
        """Read `strip` upside down, then mirrored, until a reading is sure: the surest of these and of `best`."""
        turned: tuple[tuple[Way, Image], ...] = (
            ("upside down", strip[::-1, ::-1]),
            ("mirrored", strip[:, ::-1]),
        )
        for way, view in turned:
            if best.confidence >= SURE:
                break
            other = self.read(view)
            if other.confidence > best.confidence:
                best = Reading(other.text, other.confidence, way)
        return best


def cut_strips(image: Image, box: TextBox) -> list[Image]:
    """Cut `box` out of `image`, from the picture's own pixels: strips of uint8 (48, W, 3), W at most `MAX_WIDTH`.

    A standing box is laid down so that a line which runs downwards reads from left to right.
    """
    (width, height), corners = box.size, box.corners
    if stands(box):
        corners, width, height = np.roll(corners, -1, axis=0), height, width
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.ceil(corners.max(0)).astype(int) + 1
    part = image[low[1] : high[1], low[0] : high[0]]
    if 0 in part.shape:
        return []
    corners = corners - low
    factor = 1.5 * HEIGHT / max(height, 1.0)
    if factor < 1:  # warping alone would skip pixels
        size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
        corners = corners * (np.array(size) / part.shape[1::-1])
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    long = width / max(height, 1.0) * HEIGHT
    pieces = max(1, int(np.ceil(long / MAX_WIDTH)))
    wide = max(1, round(long / pieces))
    strips = []
    for piece in range(pieces):
        left, right = -piece * wide, (pieces - piece) * wide
        target = np.array([[left, 0], [right, 0], [right, HEIGHT], [left, HEIGHT]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
        strip = cv2.warpPerspective(
            part, matrix, (wide, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
        strips.append(np.asarray(strip, np.uint8))
    return strips


def stands(box: TextBox) -> bool:
    """Say whether a box is taken for a line that runs up or down."""
    width, height = box.size
    return height >= STANDS * width

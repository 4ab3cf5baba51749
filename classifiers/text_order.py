"""Put what was read in a picture into the order in which a person reads it, and make one text of it.

Owns the reading order (rows from the top, boxes of a row from the left, both as seen with the picture turned so that
most of its text is upright) and the gluing of words that were broken into pieces to hide them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.text_detector import TextBox
from classifiers.text_recognizer import Way, stands

FRAGMENT: Final = 4
"""Characters of a piece that may belong to a broken word."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was read: where, what, and which way up."""

    box: TextBox
    text: str
    way: Way


def in_order(lines: Sequence[Line]) -> list[str]:
    """Give the texts of `lines` in reading order."""
    if not lines:
        return []
    (standing, way), _ = Counter((stands(line.box), line.way) for line in lines).most_common(1)[0]
    centres = _upright(np.array([line.box.corners.mean(0) for line in lines]), way, standing=standing)
    sizes = [line.box.size for line in lines]
    tall = float(np.median([min(size) for size in sizes]))
    by_height = np.argsort(centres[:, 1], kind="stable")
    rows = np.zeros(len(lines), int)
    rows[by_height[1:]] = np.cumsum(np.diff(centres[by_height, 1]) > tall / 2)
    return [lines[index].text for index in np.lexsort((centres[:, 0], rows))]


def glued(texts: Sequence[str]) -> str:
    """Join `texts` with spaces, but pieces of up to `FRAGMENT` characters that follow one another with nothing."""
    parts = []
    for short, run in groupby(texts, lambda text: len(text) <= FRAGMENT and " " not in text):
        parts.append(("" if short else " ").join(run))
    return " ".join(parts)


def _upright(centres: NDArray[np.float64], way: Way, *, standing: bool) -> NDArray[np.float64]:
    """Turn points (n, 2) as the picture must be turned for its text to be upright."""
    if standing:  # a line that runs downwards: down is right, left is down
        centres = np.stack([centres[:, 1], -centres[:, 0]], 1)
    if way == "upside down":
        return -centres
    if way == "mirrored":
        return centres * [-1, 1]
    return centres

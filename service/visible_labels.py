"""Finding the label that people see: text in the picture that calls it AI-generated, and how high its letters are.

The reader knows Chinese and English, no Hangul; small or decorated text escapes it (`classifiers/models/text/card.md`).
A label of our own drawing is recognised by its pixels as well, in any language.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from classifiers.text_reader import TextReader
from watermark.labels.profile import load_profile, profile_names
from watermark.labels.visible import shows_label

# Readers take the I of a sans-serif AI for l, 1 or |.
_AI: Final = r"(?:\bA\W?[Il1|]|人工智能|\bartificial intelligence\b|\bsynthetic)"
_MADE: Final = r"(?:生成|合成|generated|created|made|edited|modified|manipulated)"
_SAYS_AI: Final = re.compile(f"{_AI}.{{0,12}}{_MADE}|{_MADE}.{{0,12}}{_AI}", re.IGNORECASE)
_ROW_OF_INK: Final = 0.01  # of the crop's width: less is dust
_RIM: Final = 0.15  # of the crop's height; the detector grows its boxes by more
_GAP: Final = 0.1  # of the crop's height, between the ink of one line and what belongs to its neighbours
# Capitals against capitals with what hangs below the line: 0.78 in Aileron, 0.76 in Helvetica.
_ABOVE_THE_LINE: Final = 0.78
_HANGING: Final = re.compile("[gjpqy]")


@dataclass(frozen=True, slots=True)
class VisibleLabel:
    """One label that was found.

    Attributes:
        text: as read, or as we draw it.
        height_share: of its letters, against the picture's shortest side.
        exact: True when the pixels are those that we draw; else the height is measured, to a pixel or two.

    """

    text: str
    height_share: float
    exact: bool


def find_visible_labels(reader: TextReader, image: NDArray[np.uint8]) -> list[VisibleLabel]:
    """Look for labels in a picture, uint8 (H, W, 3) or (H, W, 4).

    Raises:
        classifiers.errors.ClassifierError: the reader failed or is not installed.

    """
    colours = np.ascontiguousarray(image[..., :3])
    shortest = min(colours.shape[:2])
    found = [
        VisibleLabel(text, share, exact=True)
        for text, share in _own_labels()
        if shows_label(colours, [text], share)
    ]
    for line in reader.locate(colours):
        known = any(_plain(label.text) == _plain(line.text) for label in found)
        if _SAYS_AI.search(line.text) and not known:
            height = _letter_height(colours, line.box.corners, line.text)
            found.append(VisibleLabel(line.text, height / shortest, exact=False))
    return found


def _plain(text: str) -> str:
    return re.sub(r"[l1|]", "I", text)


def _own_labels() -> Sequence[tuple[str, float]]:
    """What our profiles draw when they are alone; several in one panel are read line by line."""
    rules = [load_profile(name).visible for name in profile_names()]
    return [(rule.text, rule.height_share) for rule in rules if rule]


def _letter_height(image: NDArray[np.uint8], corners: NDArray[np.float32], text: str) -> float:
    """Measure capitals or signs in a box that the detector found, in pixels: the rows that differ from the ground."""
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.ceil(corners.max(0)).astype(int) + 1
    grey = cv2.cvtColor(image[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    _, split = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    rim = round(_RIM * len(split))  # the box may reach over the edge of a panel
    split = split[:, rim : split.shape[1] - rim]
    inside = split[rim : len(split) - rim]
    if not inside.size:
        return 0.0
    ink = split != (inside.mean() > 0.5)  # letters cover less than their ground
    rows = np.flatnonzero(ink.mean(1) > _ROW_OF_INK)
    if not rows.size:
        return 0.0
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > max(1, _GAP * len(grey))) + 1)
    # What else lies in the box (a neighbouring line, the edge of a panel) is farther from its middle.
    line = min(runs, key=lambda run: abs(run[0] + run[-1] - len(grey) + 1))
    height = float(line[-1] - line[0] + 1)
    return height * (_ABOVE_THE_LINE if _HANGING.search(text) else 1.0)

"""The label that people see: white text on a dark panel in the lower right corner.

It is drawn before the invisible watermark, so that the watermark covers the label too. The panel is opaque: the text
is readable on any picture, and whether a picture already shows it can be told from the pixels, so that marking a
picture twice does not draw two labels.

Latin letters come from the font that Pillow carries (Aileron, CC0); Chinese and Korean signs from `strokes`.
"""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from watermark.labels.strokes import STROKE_WIDTH, STROKES

Pixels = NDArray[np.uint8]

_PANEL, _INK = 24, 250
_OVERSAMPLING: Final = 4
_PADDING: Final = 0.45  # of the text height, around and between the lines
_GAP: Final = 0.12  # of the text height, after a sign made of strokes
# Mean absolute difference in grey levels between the label as drawn and a copy: 2 to 3 for the invisible watermark
# with JPEG 75, 60 and more for photographs.
_SAME: Final = 12.0
_CONTRAST: Final = 128.0  # grey levels between ink and ground, 226 as drawn
_SMALLEST: Final = 128  # px of the shortest side, as for the watermark


def draw_label(image: Pixels, texts: Sequence[str], height_share: float) -> Pixels:
    """Return the picture with the label in its lower right corner; the same object where it is there already.

    Capital letters and signs are at least ceil(`height_share` * shortest side) pixels high.

    Args:
        image: uint8 (H, W, 3) or (H, W, 4); the panel is opaque.
        texts: lines; none draws nothing.
        height_share: of the shortest side, 0..1.

    """
    if not texts:
        return image
    panel = _panel(image, texts, height_share)
    height, width = panel.shape
    if shows_label(image, texts, height_share):
        return image
    marked = image.copy()
    marked[-height:, -width:, :3] = panel[..., None]
    marked[-height:, -width:, 3:] = 255
    return marked


def shows_label(image: Pixels, texts: Sequence[str], height_share: float) -> bool:
    """Tell whether the picture shows exactly this label where `draw_label` puts it, at its own size.

    Pictures too small to be marked never do: a few pixels look like anything.
    """
    if min(image.shape[:2]) < _SMALLEST:
        return False
    panel = _panel(image, texts, height_share).astype(np.int16)
    height, width = panel.shape
    corner = image[-height:, -width:, :3].astype(np.int16)
    readable = corner[panel > (_PANEL + _INK) / 2].mean() - corner[panel == _PANEL].mean() > _CONTRAST
    return bool(readable) and float(np.abs(corner - panel[..., None]).mean()) < _SAME


def _panel(image: Pixels, texts: Sequence[str], height_share: float) -> Pixels:
    """Draw the panel, uint8 (h, w) grey, never larger than the picture."""
    rows, columns = image.shape[:2]
    text_height = int(np.ceil(min(rows, columns) * height_share))
    pad = max(2, round(text_height * _PADDING))
    lines = [_line(text, text_height) for text in texts]
    width = max(line.shape[1] for line in lines) + 2 * pad
    panel = np.zeros((len(lines) * (text_height + pad) + pad, width), np.float32)
    for number, line in enumerate(lines):
        top = pad + number * (text_height + pad)
        panel[top : top + line.shape[0], pad : pad + line.shape[1]] = line
    grey = (_PANEL + panel * (_INK - _PANEL)).round().astype(np.uint8)
    return grey[-rows:, :columns]


def _line(text: str, height: int) -> NDArray[np.float32]:
    """Draw one line, float32 0..1 of shape (height + a little below the base line, width)."""
    tall = height * _OVERSAMPLING
    gap = np.zeros((tall + _below(tall), round(tall * _GAP)), np.uint8)  # letters bring their own
    pieces: list[NDArray[np.uint8]] = []
    for sign in text:
        pieces += [_stroked(sign, tall), gap] if sign in STROKES else [_lettered(sign, tall)]
    line = np.hstack(pieces)
    width = -(-line.shape[1] // _OVERSAMPLING)
    padded = np.zeros((line.shape[0], width * _OVERSAMPLING), np.uint8)
    padded[:, : line.shape[1]] = line
    small = cv2.resize(padded, (width, line.shape[0] // _OVERSAMPLING), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _below(tall: int) -> int:
    """Room under the base line for g, y and the comma; a multiple of the oversampling."""
    return round(tall * 0.3) // _OVERSAMPLING * _OVERSAMPLING


def _stroked(sign: str, tall: int) -> NDArray[np.uint8]:
    """Draw a sign from its strokes, its ink exactly `tall` pixels high."""
    points = np.concatenate([np.asarray(stroke) for stroke in STROKES[sign]])
    top, bottom = points[:, 1].min() - STROKE_WIDTH / 2, points[:, 1].max() + STROKE_WIDTH / 2
    scale = tall / (bottom - top)
    left, right = points[:, 0].min() - STROKE_WIDTH / 2, points[:, 0].max() + STROKE_WIDTH / 2
    canvas = np.zeros((tall + _below(tall), int(np.ceil((right - left) * scale))), np.uint8)
    for stroke in STROKES[sign]:
        line = (np.asarray(stroke) - (left, top)) * scale
        cv2.polylines(
            canvas,
            [np.rint(line * 16).astype(np.int32)],
            isClosed=False,
            color=255,
            thickness=max(1, round(STROKE_WIDTH * scale)),
            lineType=cv2.LINE_AA,
            shift=4,
        )
    return canvas


def _lettered(sign: str, tall: int) -> NDArray[np.uint8]:
    """Draw a Latin letter, capitals exactly `tall` pixels high, standing on the base line."""
    probe = ImageFont.load_default(tall)
    _, cap_top, _, cap_bottom = probe.getbbox("H", anchor="ls")
    font = ImageFont.load_default(tall * tall / (cap_bottom - cap_top))
    width = max(1, int(np.ceil(font.getlength(sign))))
    canvas = Image.new("L", (width, tall + _below(tall)))
    ImageDraw.Draw(canvas).text((0, tall), sign, fill=255, font=font, anchor="ls")
    return np.asarray(canvas)

"""Chinese and Korean signs as pen strokes: enough for the labels of our profiles, and no font.

Each sign is a list of polylines on a grid of 100 x 100, y downwards, drawn by hand for this file after the usual
stroke order. Fonts with these signs weigh megabytes; the ones in our dependencies do not have them.
"""

from collections.abc import Mapping
from math import cos, pi, sin
from types import MappingProxyType
from typing import Final

Stroke = tuple[tuple[float, float], ...]

STROKE_WIDTH: Final = 9.0  # grid units

_RING: Final[Stroke] = tuple((50 + 20 * cos(pi * k / 12), 77 + 18 * sin(pi * k / 12)) for k in range(25))

STROKES: Final[Mapping[str, tuple[Stroke, ...]]] = MappingProxyType(
    {
        "生": (
            ((30, 8), (24, 24), (12, 42)),
            ((22, 30), (86, 30)),
            ((24, 60), (80, 60)),
            ((52, 6), (52, 92)),
            ((8, 92), (93, 92)),
        ),
        "成": (
            ((17, 26), (91, 26)),
            ((17, 26), (16, 62), (5, 93)),
            ((17, 49), (43, 49), (41, 76), (31, 73)),
            ((54, 7), (58, 42), (68, 70), (80, 88), (90, 92), (93, 76)),
            ((83, 42), (72, 62), (47, 88)),
            ((70, 7), (82, 16)),
        ),
        # ㅅ, ㅐ, ㅇ
        "생": (
            ((27, 7), (23, 26), (7, 48)),
            ((25, 22), (42, 44)),
            ((57, 7), (57, 52)),
            ((57, 29), (80, 29)),
            ((80, 5), (80, 54)),
            _RING,
        ),
        # ㅅ, ㅓ, ㅇ
        "성": (
            ((28, 7), (24, 26), (7, 48)),
            ((26, 22), (46, 46)),
            ((56, 27), (80, 27)),
            ((80, 5), (80, 54)),
            _RING,
        ),
    }
)

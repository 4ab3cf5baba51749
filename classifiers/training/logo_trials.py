"""Pictures to try the logo classifier on: 512 x 512 scenes with one mark, and pictures without any.

Shared by calibration and measuring; each takes its own marks, backgrounds and seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from classifiers.training.logo_scenes import Icon, Picture, Placed, place, weather

SIDE: Final = 512
SHARES: Final = (0.05, 0.6)
"""Least and greatest side of a mark, as a share of the picture's; drawn evenly in the logarithm."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One scene: `icon` is what it shows, `ground` what lies behind ("photo" or "plain")."""

    picture: Picture
    icon: Icon
    placed: Placed
    ground: str


def draw_trials(
    rng: np.random.Generator, icons: list[Icon], pictures: list[Picture], each: int
) -> Iterator[Trial]:
    """Draw `each` scenes of every mark."""
    for _ in range(each):
        for icon in icons:
            plain = rng.random() < 0.15
            ground = _plain(rng) if plain else crop_picture(rng, pictures[int(rng.integers(len(pictures)))])
            side = SIDE * float(np.exp(rng.uniform(*np.log(SHARES))))
            picture, placed = place(rng, ground, icon, side)
            yield Trial(weather(rng, picture), icon, placed, "plain" if plain else "photo")


def draw_empty(rng: np.random.Generator, pictures: list[Picture], each: int) -> Iterator[Picture]:
    """Draw `each` pieces of every picture, the first one whole, no mark anywhere."""
    for picture in pictures:
        yield picture
        for _ in range(each - 1):
            yield weather(rng, crop_picture(rng, picture))


def crop_picture(rng: np.random.Generator, picture: Picture) -> Picture:
    """Cut a square of half to all of the shorter side out and scale it to (SIDE, SIDE, 3)."""
    cut = int(min(picture.shape[:2]) * rng.uniform(0.5, 1.0))
    top = int(rng.integers(0, picture.shape[0] - cut + 1))
    left = int(rng.integers(0, picture.shape[1] - cut + 1))
    piece = picture[top : top + cut, left : left + cut]
    how = cv2.INTER_AREA if cut > SIDE else cv2.INTER_CUBIC
    piece = cv2.resize(piece, (SIDE, SIDE), interpolation=how)
    return np.ascontiguousarray(piece[:, ::-1] if rng.random() < 0.5 else piece)


def _plain(rng: np.random.Generator) -> Picture:
    return np.broadcast_to(rng.integers(0, 256, 3).astype(np.uint8), (SIDE, SIDE, 3)).copy()

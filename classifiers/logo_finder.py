"""Find where a picture holds something like a brand mark, and describe it as a vector.

Owns the numpy side of two small networks: the finder (a heat map over a pyramid of halved pictures) and the
describer (one 64 x 64 piece to one unit vector). Rules it keeps: the longer side is brought to `LONGEST` before
anything is looked at, smaller pictures too, so that a mark's share of the picture decides what is found; one
thread; the number of pieces described is bounded, so that a picture full of marks costs no more than `MAX_PIECES`.

Networks and training: `training.logo_network`, `training.train_logos`.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 3) RGB

LONGEST: Final = 512
"""Pixels of the longer side. A mark of 5 % has 26 px there, the least that the describer was trained on is 20."""
STRIDE: Final = 8
"""Pixels between two neighbours of the heat map."""
LEVELS: Final = 5
"""Halvings looked at, counting none: marks of 20 to 56 px on a level cover 20 to 512 px of the picture."""
UNIT: Final = 32.0
"""Pixels that the finder's size output counts from: side = UNIT * exp(output)."""
PIECE: Final = 64
"""Pixels of a described piece's side."""
MARGIN: Final = 1.3
"""Side of a piece by side of the mark in it: badges, shadows and an inexact box need room."""
MAX_PIECES: Final = 8
_LARGEST: Final = 56.0
"""Pixels of a mark's side on the level it is cut from; see `LEVELS`."""
_LEAST_STD: Final = 6.0
"""Grey levels by which a piece is divided at least: below, a plain piece would become a picture of its noise."""


class Network(Protocol):
    """Runs one of the networks: float32 (N, 3, H, W) in, float32 out."""

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give (N, 4, H / STRIDE, W / STRIDE) for the finder, (N, D) unit vectors for the describer."""
        ...


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something like a mark is, in pixels of the scaled picture.

    Attributes:
        x, y: its centre.
        side: length of its longer side.
        heat: the finder's logit.

    """

    x: float
    y: float
    side: float
    heat: float


def scale_picture(image: Picture) -> Picture:
    """Bring the longer side to `LONGEST`."""
    height, width = image.shape[:2]
    factor = LONGEST / max(height, width)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)


def build_pyramid(picture: Picture) -> list[Picture]:
    """Give the picture and its halvings, `LEVELS` in all."""
    levels = [picture]
    for _ in range(LEVELS - 1):
        last = levels[-1]
        size = (max(1, (last.shape[1] + 1) // 2), max(1, (last.shape[0] + 1) // 2))
        levels.append(np.asarray(cv2.resize(last, size, interpolation=cv2.INTER_AREA), np.uint8))
    return levels


def finder_input(picture: Picture) -> NDArray[np.float32]:
    """Give float32 (1, 3, H', W') about [-1, 1], the border repeated to multiples of `STRIDE` and by one more."""
    height, width = picture.shape[:2]
    bottom, right = -height % STRIDE + STRIDE, -width % STRIDE + STRIDE
    padded = cv2.copyMakeBorder(picture, STRIDE, bottom, STRIDE, right, cv2.BORDER_REPLICATE)
    return np.ascontiguousarray((padded.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None])


def find_spots(levels: list[Picture], finder: Network, most: int = MAX_PIECES) -> list[Spot]:
    """Give the `most` hottest spots of a pyramid, hottest first, none inside another of about its size."""
    rows = []
    for level, picture in enumerate(levels):
        heat, size, right, down = finder(finder_input(picture))[0]
        # a peak is the hottest of its 3 x 3 neighbours
        peak = heat >= cv2.dilate(heat, np.ones((3, 3), np.uint8))
        ys, xs = np.nonzero(peak)
        order = np.argsort(-heat[ys, xs], kind="stable")[: 2 * most]
        ys, xs = ys[order], xs[order]
        scale = 2**level
        rows.append(
            np.stack(
                (
                    ((xs + 0.5 + right[ys, xs]) * STRIDE - STRIDE) * scale,
                    ((ys + 0.5 + down[ys, xs]) * STRIDE - STRIDE) * scale,
                    UNIT * np.exp(np.clip(size[ys, xs], -1.2, 1.2)) * scale,
                    heat[ys, xs],
                ),
                axis=1,
            )
        )
    found = np.concatenate(rows)
    kept: list[Spot] = []
    for x, y, side, heat in found[np.argsort(-found[:, 3], kind="stable")].tolist():
        if all(not _same(x, y, side, other) for other in kept):
            kept.append(Spot(x, y, side, heat))
            if len(kept) == most:
                break
    return kept


def _same(x: float, y: float, side: float, other: Spot) -> bool:
    near = max(abs(x - other.x), abs(y - other.y)) < 0.35 * min(side, other.side)
    return near and 0.6 < side / other.side < 1.67


def cut_spot(levels: list[Picture], spot: Spot) -> NDArray[np.uint8]:
    """Give the piece around a spot, uint8 (PIECE, PIECE, 3), from the finest level that is not too fine."""
    level = 0
    while spot.side / 2**level > _LARGEST and level < len(levels) - 1:
        level += 1
    scale = 2**level
    return cut_piece(levels[level], spot.x / scale, spot.y / scale, spot.side / scale)


def cut_piece(picture: Picture, x: float, y: float, side: float) -> NDArray[np.uint8]:
    """Cut a square of `MARGIN` times `side` around (x, y), scaled to uint8 (PIECE, PIECE, 3)."""
    factor = PIECE / (MARGIN * side)
    matrix = np.array(
        [[factor, 0, PIECE / 2 - factor * x - 0.5], [0, factor, PIECE / 2 - factor * y - 0.5]], np.float64
    )
    piece = cv2.warpAffine(
        picture, matrix, (PIECE, PIECE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(piece, np.uint8)


def describer_input(pieces: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn uint8 (N, PIECE, PIECE, 3) into float32 (N, 3, PIECE, PIECE) of mean 0 and spread 1, cut at 3."""
    batch = pieces.astype(np.float32)
    batch -= batch.mean(axis=(1, 2, 3), keepdims=True)
    batch /= np.maximum(batch.std(axis=(1, 2, 3), keepdims=True), _LEAST_STD)
    return np.ascontiguousarray(np.clip(batch, -3, 3).transpose(0, 3, 1, 2))


def render_views(shape: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Show a silhouette as the describer would meet it: dark on light and light on dark, (2, PIECE, PIECE, 3)."""
    side = round(PIECE / MARGIN)
    small = cv2.resize(shape, (side, side), interpolation=cv2.INTER_AREA)
    view = np.zeros((PIECE, PIECE), np.uint8)
    start = (PIECE - side) // 2
    view[start : start + side, start : start + side] = small
    return np.repeat(np.stack((255 - view, view))[..., None], 3, axis=3)

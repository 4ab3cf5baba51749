"""Localisation: where in the picture the mark is.

Once scale, angle and start of the tile are known, the pattern that should be there can be drawn, and its correlation
with the residual measured place by place, in standard deviations of noise. Where something was pasted over, painted or
generated anew, the correlation is gone. The cells are as small as noise allows: in one of seven, which may be all that
is marked, the mark must stand out with a margin.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Lock
from watermark.frontend import Plane
from watermark.message import carrier_coefficients
from watermark.tile import UNITS, Tile

Presence = NDArray[np.float32]

CELLS = (16, 12, 9, 7, 5, 4, 3)
"""Cells along the longer side, finest first."""

CLEAR = 6.0
"""Standard deviations of noise at which a cell counts as fully marked."""

DECOY = (61.0, 43.0)
"""Units by which the pattern is moved to measure noise: no simple share of a period."""

GRID = 256
"""Samples across a tile when it is drawn: more than four for its finest wave."""


def presence_map(tile: Tile, residuals: Sequence[Plane], lock: Lock, payload: bytes | None) -> Presence:
    """Measure how much of the mark is in each cell of the picture.

    Args:
        tile: whose mark.
        residuals: float32 (H, W) each, what the front end made of the searched planes.
        lock: where the mark was found, in the frame of the residuals.
        payload: what was read, or None: then the pilots alone are looked for.

    Returns:
        float32 (rows, columns), 0 (nothing of it) to 1 (clearly there); between 1/3 and 2/3 it cannot be told.

    """
    shape = residuals[0].shape[:2]
    pattern = _draw(tile, shape, lock, payload)
    trust = [max(0.0, float(np.mean(r * pattern))) for r in residuals]
    together = np.zeros_like(residuals[0])
    for weight, residual in zip(trust, residuals, strict=True):
        together += np.float32(weight) * residual
    power = together * together * np.float32(np.mean(pattern * pattern))
    # the same pattern where it is not: what comes out is noise, and a residual is never quite white
    decoy = _draw(
        tile, shape, replace(lock, shift=(lock.shift[0] + DECOY[0], lock.shift[1] + DECOY[1])), payload
    )
    heights: Plane = np.zeros((1, 1), np.float32)
    for cells in CELLS:
        grid = _grid(shape, cells)
        noise = np.sqrt(_mean(power, grid) * np.float32(grid[0] * grid[1] / power.size)) + np.float32(1e-9)
        spread = np.sqrt(np.mean((_mean(together * decoy, grid) / noise) ** 2))
        heights = np.asarray(_mean(together * pattern, grid) / noise / max(1.0, float(spread)), np.float32)
        if np.percentile(heights, 85) >= 1.5 * CLEAR:
            break
    return np.asarray(np.clip(heights / CLEAR, 0, 1), np.float32)


def mean_presence(tile: Tile, residuals: Sequence[Plane], lock: Lock, payload: bytes) -> float:
    """Correlation of the luma's residual with the expected pattern, over the whole picture; about 0 without a mark."""
    return float(np.mean(residuals[0] * _draw(tile, residuals[0].shape[:2], lock, payload)))


def _grid(size: tuple[int, ...], cells: int) -> tuple[int, int]:
    """Rows and columns of nearly square cells, `cells` along the longer side."""
    longer = max(size)
    rows, columns = (max(1, round(cells * side / longer)) for side in size)
    return rows, columns


def _mean(plane: Plane, grid: tuple[int, int]) -> Plane:
    return np.asarray(cv2.resize(plane, grid[::-1], interpolation=cv2.INTER_AREA), np.float32)


def _draw(tile: Tile, shape: tuple[int, int], lock: Lock, payload: bytes | None) -> Plane:
    """Draw the expected pattern over (H, W) under the lock's map."""
    if payload is None:
        sent = np.zeros(len(tile.carriers), np.complex128)
        sent[: len(tile.pilots)] = tile.pilot_amplitudes * tile.pilot_phases[lock.variant]
    else:
        sent = carrier_coefficients(tile, payload, lock.variant)
    table = np.zeros((GRID, GRID), np.complex64)
    kx, ky = tile.carriers[:, 0], tile.carriers[:, 1]
    table[ky % GRID, kx % GRID] = sent * np.exp(-2j * np.pi / UNITS * (tile.carriers @ np.array(lock.shift)))
    one = np.fft.ifft2(table, norm="forward").real.astype(np.float32)
    one = np.pad(one, ((0, 1), (0, 1)), mode="wrap")
    height, width = shape
    # the phase of harmonic k at x is 2 pi (matrix k) . (x - centre) = 2 pi k . (matrix^T (x - centre))
    x, y = np.arange(width) - width // 2, np.arange(height) - height // 2
    u, v = ((lock.matrix[0, i] * x)[None] + (lock.matrix[1, i] * y)[:, None] for i in (0, 1))
    u, v = ((GRID * (w - np.floor(w))).astype(np.float32) for w in (u, v))
    return np.asarray(np.float32(lock.sign) * cv2.remap(one, u, v, cv2.INTER_LINEAR))

"""Tracking: follow a mark that is not on one linear map, block by block.

Perspective or a bent sheet bend the lattice a little: over the whole picture the carriers smear, within a quarter or a
ninth of it they do not. Starting from the best map of the whole picture each block climbs to its own; the soft bits of
all blocks that hold the mark are added, as if they were so many receptions of one message.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Lock, climb, lock_pilots, normalised, sample, sharpen
from watermark.frontend import Plane
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import Tile

GRIDS = (2, 3)
"""Blocks along each side, coarsest first."""

SHORTEST_PX = 96
"""Smaller blocks hold less than one tile."""

HELD_FROM_Z = 4.5
"""Blocks below this say nothing: one without any mark exceeds it once in three times after climbing."""


def track(tile: Tile, residuals: Sequence[Plane], lock: Lock) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Follow a lock into blocks.

    Args:
        tile: whose mark.
        residuals: float32 (H, W) each, of the whole picture.
        lock: the best of the whole picture.

    Yields:
        For each grid the sum of soft bits, float32 (2048,), and the number of maps that were tried.

    """
    height, width = residuals[0].shape
    for cells in GRIDS:
        if min(height, width) < cells * SHORTEST_PX:
            return
        total, tests = np.zeros(2 * len(tile.data), np.float32), 0
        for row in range(cells):
            for column in range(cells):
                rows = slice(row * height // cells, (row + 1) * height // cells)
                columns = slice(column * width // cells, (column + 1) * width // cells)
                looks = [Spectrum(np.ascontiguousarray(plane[rows, columns])) for plane in residuals]
                seen = normalised(tile, sample(tile, looks, lock.matrix))[:, : len(tile.pilots)]
                start = lock_pilots(tile, seen, lock.matrix, (lock.variant,))
                found, tried = climb(tile, looks, start)
                tests += tried + 1
                if found.z >= HELD_FROM_Z and found.sign == lock.sign:
                    coefficients = sample(tile, looks, found.matrix)
                    total += soft_bits(tile, coefficients, sharpen(tile, coefficients, found))
        yield total, tests

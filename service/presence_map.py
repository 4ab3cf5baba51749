"""Where the watermark is, as it may be shown to anyone: three levels a cell, never the score itself.

A fine map would tell an attacker after each small change how much of the mark is left, cell by cell.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.verification_report import PresenceMap

# Shares of the expected strength (0..1) at which a cell counts as weakly and as fully marked.
WEAK: Final = 0.25
STRONG: Final = 0.6

# Below this share of cells without the mark nothing is said: a sky or a caption bar is often that large.
WORTH_SAYING: Final = 0.15


def quantise(presence: NDArray[np.float32]) -> PresenceMap:
    """Return `presence` (rows, columns), 0..1, in three levels."""
    levels = np.digitize(presence, (WEAK, STRONG))
    rows, columns = levels.shape
    return PresenceMap(rows=rows, columns=columns, cells=["".join(map(str, row)) for row in levels])


def missing_share(presence: PresenceMap) -> float:
    """Return the share of cells that carry none of the mark, 0..1."""
    return sum(row.count("0") for row in presence.cells) / (presence.rows * presence.columns)


def share_in_words(share: float) -> str:
    """Return a share to the nearest tenth: "30 %"."""
    return f"{max(10, round(10 * share) * 10)} %"

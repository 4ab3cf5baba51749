"""Many texts as flat arrays of n-grams, and batches of them.

Owns the memory layout of training: three arrays, no Python object a text, so that an epoch over a hundred
thousand prompts takes seconds.
"""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from classifiers.features import Features, extract_features
from classifiers.training.dataset import HEADS, Row, targets
from classifiers.training.network import Batch, windows


class Corpus:
    """The features, targets and weights of a list of rows.

    Attributes:
        target, weight: float32 (rows, heads).
        source: object (rows,), names.
        words: uint64, the word hashes of all rows together, repeats included.

    """

    def __init__(self, rows: Sequence[Row], bits: int) -> None:
        found: list[Features] = [extract_features(row.text) for row in rows]
        shift = np.uint64(64 - bits)
        self._ids = np.concatenate([(item.hashes >> shift).astype(np.int32) for item in found])
        lengths = [np.diff(np.append(item.offsets, len(item.hashes))) for item in found]
        self._starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
        self._blocks = np.array([len(item.offsets) for item in found])
        self._first_block = np.concatenate([[0], np.cumsum(self._blocks)])
        pairs = [targets(row) for row in rows]
        self.target: NDArray[np.float32] = np.array([pair[0] for pair in pairs]).reshape(-1, len(HEADS))
        self.weight: NDArray[np.float32] = np.array([pair[1] for pair in pairs]).reshape(-1, len(HEADS))
        self.source = np.array([row.source for row in rows], dtype=object)
        self.words: NDArray[np.uint64] = np.concatenate([item.words for item in found])

    def __len__(self) -> int:
        return len(self._blocks)

    def batch(
        self, index: NDArray[np.int64], keep: float = 1.0, rng: np.random.Generator | None = None
    ) -> Batch:
        """Gather the texts `index`; with `keep` < 1 each n-gram stays with that chance (`rng` required)."""
        blocks = self._blocks[index]
        before = np.concatenate([[0], np.cumsum(blocks)[:-1]])
        which = np.repeat(self._first_block[index] - before, blocks) + np.arange(blocks.sum())
        counts = self._starts[which + 1] - self._starts[which]
        offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
        ids = self._ids[np.repeat(self._starts[which] - offsets, counts) + np.arange(counts.sum())]
        if keep < 1 and rng is not None:
            kept = rng.random(len(ids)) < keep
            block = np.repeat(np.arange(len(counts)), counts)[kept]
            ids, counts = ids[kept], np.bincount(block, minlength=len(counts))
            offsets = np.concatenate([[0], np.cumsum(counts)[:-1]])
        first, second, owner = windows(blocks)
        return Batch(
            ids=torch.from_numpy(ids.astype(np.int64)),
            offsets=torch.from_numpy(offsets.astype(np.int64)),
            counts=torch.from_numpy(counts.astype(np.float32)),
            first=torch.from_numpy(first),
            second=torch.from_numpy(second),
            owner=torch.from_numpy(owner),
            texts=len(index),
        )

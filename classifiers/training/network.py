"""The `ngram` network in torch, for training only.

    hashed n-grams -> embedding -> mean and maximum over a window -> ReLU layer + linear skip -> one logit a head
    logits of a text = maximum over its windows, head by head

The maximum is inside the loss (multiple-instance learning), so that training sees exactly what inference
computes: a long harmless text is pushed down at its worst window and a long unsafe one up at its best.
`ngram.NgramClassifier` repeats the forward pass in numpy; a test holds the two together.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from classifiers.training.dataset import HEADS


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as one flat run of n-grams.

    Attributes:
        ids: int64 (N,), embedding rows.
        offsets: int64 (B,), first n-gram of each block.
        counts: float32 (B,), n-grams in each block.
        first, second: int64 (W,), the one or two blocks of each window (equal for a one-block text).
        owner: int64 (W,), the text of each window.
        texts: number of texts.

    """

    ids: Tensor
    offsets: Tensor
    counts: Tensor
    first: Tensor
    second: Tensor
    owner: Tensor
    texts: int


def windows(blocks: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pair neighbouring blocks of texts that have `blocks[t]` >= 1 blocks each: (first, second, owner).

    A text of b blocks has max(1, b - 1) windows.
    """
    owner = np.repeat(np.arange(len(blocks)), blocks)
    last = np.append(owner[1:] != owner[:-1], True)
    first = np.flatnonzero(~last | (blocks[owner] == 1))
    second = np.where(last[first], first, first + 1)
    return first, second, owner[first]


class NgramNetwork(nn.Module):
    """Embedding, mean and maximum of a window, one hidden layer, all heads at once."""

    def __init__(self, buckets: int, width: int, hidden: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(buckets, width) * 0.05)
        self.hidden = nn.Linear(2 * width, hidden)
        self.out = nn.Linear(hidden, len(HEADS))
        self.skip = nn.Linear(2 * width, len(HEADS))
        self.dropout = nn.Dropout(0.2)
        nn.init.constant_(self.skip.bias, -2.0)  # most prompts are harmless: start there

    def forward(self, batch: Batch) -> Tensor:
        """Give logits, float32 (texts, heads)."""
        sums = nn.functional.embedding_bag(batch.ids, self.table, batch.offsets, mode="sum")
        paired = (batch.first != batch.second).float()
        total = sums[batch.first] + sums[batch.second] * paired[:, None]
        count = batch.counts[batch.first] + batch.counts[batch.second] * paired
        most = nn.functional.embedding_bag(batch.ids, self.table, batch.offsets, mode="max")
        pooled = torch.cat(
            [total / (count[:, None] + 1), torch.maximum(most[batch.first], most[batch.second])], dim=1
        )
        logits = self.out(self.dropout(torch.relu(self.hidden(pooled)))) + self.skip(pooled)
        lowest = torch.full((batch.texts, len(HEADS)), -1e9)
        return lowest.scatter_reduce(0, batch.owner[:, None].expand(-1, len(HEADS)), logits, "amax")

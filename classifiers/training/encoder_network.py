"""The encoder in torch: a BERT (Devlin et al. 2019, arXiv 1810.04805) with mean and maximum pooling and our heads.

    piece ids -> embeddings -> layers of attention and GELU -> mean | maximum over pieces -> dense GELU -> logits
    logits of a text = maximum over its windows, head by head

The maximum over windows is inside the loss, as in `network`, so that training sees what inference computes.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from classifiers.training.dataset import HEADS
from classifiers.training.encoder_base import Base


class Layer(nn.Module):
    """One transformer layer, norm after each half as in BERT."""

    def __init__(self, width: int, heads: int, inner: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.ao = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.fi, self.fo = nn.Linear(width, inner), nn.Linear(inner, width)
        self.aln, self.oln = nn.LayerNorm(width, epsilon), nn.LayerNorm(width, epsilon)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Map float (B, T, width); `mask` is added to the attention, (B, 1, 1, T)."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width // self.heads) + mask, dim=-1)
        x = self.aln(x + self.ao((weights.to(v.dtype) @ v).transpose(1, 2).reshape(x.shape)))
        out: Tensor = self.oln(x + self.fo(functional.gelu(self.fi(x))))
        return out


class EncoderNetwork(nn.Module):
    """Encoder and heads; see the module docstring."""

    def __init__(
        self, pieces: int, width: int, heads: int, inner: int, layers: int, positions: int, epsilon: float
    ) -> None:
        super().__init__()
        self.words = nn.Embedding(pieces, width)
        self.positions = nn.Embedding(positions, width)
        self.norm = nn.LayerNorm(width, epsilon)
        self.layers = nn.ModuleList(Layer(width, heads, inner, epsilon) for _ in range(layers))
        self.dense = nn.Linear(2 * width, width)
        self.out = nn.Linear(width, len(HEADS))
        self.dropout = 0.1
        nn.init.constant_(self.out.bias, -2.0)  # most prompts are harmless: start there

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Give logits, float (B, heads), of windows `ids`, int64 (B, T), `lengths` int64 (B,) pieces long."""
        there = torch.arange(ids.shape[1], device=ids.device)[None] < lengths[:, None]
        mask = (~there)[:, None, None].float() * -1e4
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x, mask)
        seen = there[:, :, None].to(x.dtype)
        mean = (x * seen).sum(1) / seen.sum(1)
        most = (x * seen - (1 - seen) * 1e4).amax(1)
        hidden = functional.gelu(self.dense(torch.cat((mean, most), 1)))
        out: Tensor = self.out(functional.dropout(hidden, self.dropout, self.training))
        return out


def from_base(base: Base, rows: Sequence[int], layers: Sequence[int], positions: int) -> EncoderNetwork:
    """Start a network from `base` with the pieces `rows`, the `layers` and the first `positions` of it."""
    network = EncoderNetwork(
        len(rows), base.width, base.heads, base.inner, len(layers), positions, base.epsilon
    )
    state = network.state_dict()
    state["words.weight"] = torch.from_numpy(base.words[list(rows)])
    state["positions.weight"] = base.tensors["pos"][:positions] + base.tensors["type"]
    for part, name in (("w", "weight"), ("b", "bias")):
        state[f"norm.{name}"] = base.tensors[f"norm.{part}"]
        for new, old in enumerate(layers):
            state[f"layers.{new}.qkv.{name}"] = torch.cat(
                [base.tensors[f"l{old}.{key}.{part}"] for key in "qkv"]
            )
            for key in ("ao", "fi", "fo", "aln", "oln"):
                state[f"layers.{new}.{key}.{name}"] = base.tensors[f"l{old}.{key}.{part}"]
    network.load_state_dict(state)
    return network


def over_texts(logits: Tensor, owner: Tensor, texts: int) -> Tensor:
    """Give float (texts, heads): the maximum over the windows `owner` (int64 (W,)) of each text."""
    lowest = torch.full((texts, logits.shape[1]), -1e4, dtype=logits.dtype, device=logits.device)
    return lowest.scatter_reduce(0, owner[:, None].expand_as(logits), logits, "amax")

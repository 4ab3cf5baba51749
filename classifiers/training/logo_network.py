"""The two networks of `classifiers.image_logos` in torch, and what they are trained towards.

    finder     (N, 3, H, W) -> (N, 4, H/8, W/8): heat logit, log size, offset right, offset down
    describer  (N, 3, 64, 64) -> (N, 128) unit vectors

The finder is trained as CenterNet is (arXiv 1904.07850: focal loss on a Gaussian around the centre). The describer
learns to give a mark in a scene the vector of its clean rendering: cross-entropy over the renderings of all
training marks, held in a bank, and a binary loss (arXiv 2303.15343) whose negatives are pieces that hold no mark.
Nothing depends on which marks exist, so a new one needs only a rendering.
"""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS: Final = (16, 40, 80)
"""Channels at strides 2, 4 and 8: about 0.95 G multiply-adds at 512 x 512."""
VECTOR: Final = 128
_HARDEST: Final = 4
"""Wrong renderings a piece is pushed from: the most alike ones, since most are nothing like it."""


def _layer(before: int, after: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, dilation, dilation, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class Finder(nn.Module):
    """Sees about 95 px around each point of its map."""

    def __init__(self) -> None:
        super().__init__()
        first, second, third = WIDTHS
        self.body = nn.Sequential(
            _layer(3, first, 2),
            _layer(first, second, 2),
            _layer(second, third, 2),
            _layer(third, third),
            _layer(third, third, dilation=2),
            _layer(third, third, dilation=2),
        )
        self.head = nn.Conv2d(third, 4, 1)
        bias = torch.zeros(4)
        bias[0] = -4.0  # nearly every cell is empty
        self.head.load_state_dict({"weight": torch.zeros(4, third, 1, 1), "bias": bias})

    def forward(self, batch: Tensor) -> Tensor:
        """Map float32 (N, 3, H, W) to (N, 4, H/8, W/8)."""
        out: Tensor = self.head(self.body(batch))
        return out


class Describer(nn.Module):
    """Keeps the layout of the piece (a 4 x 4 grid) until the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _layer(3, 32, 2),
            _layer(32, 64, 2),
            _layer(64, 64),
            _layer(64, 128, 2),
            _layer(128, 128),
            _layer(128, 192, 2),
        )
        self.out = nn.Linear(192 * 16, VECTOR)

    def forward(self, batch: Tensor) -> Tensor:
        """Map float32 (N, 3, 64, 64) to unit vectors (N, VECTOR)."""
        return functional.normalize(self.out(self.body(batch).flatten(1)).float(), dim=1)


class Likeness(nn.Module):
    """The learnt scale and offset that turn a cosine into a logit of "the same mark"."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(30.0))
        self.binary_scale = nn.Parameter(torch.tensor(24.0))
        self.binary_offset = nn.Parameter(torch.tensor(-18.0))


def finder_loss(out: Tensor, heat: Tensor, weight: Tensor, boxes: Tensor) -> Tensor:
    """Give the focal loss of the heat plus the L1 loss of the boxes.

    Args:
        out: (N, 4, h, w) of `Finder`.
        heat: (N, h, w) in [0, 1], 1 in the cell of a mark's centre.
        weight: (N, h, w), 0 where nobody can say.
        boxes: (N, 3, h, w), the last three channels of `out` where `heat` > 0.3.

    """
    logit = out[:, 0].float()
    hit = functional.logsigmoid(logit)
    miss = functional.logsigmoid(-logit)
    chance = logit.sigmoid()
    centre = (heat == 1).float()
    focal = centre * (1 - chance) ** 2 * hit + (1 - centre) * (1 - heat) ** 4 * chance**2 * miss * weight
    count = centre.sum().clamp(min=1)
    near = (heat > 0.3).float()[:, None] * heat[:, None]
    apart = (functional.smooth_l1_loss(out[:, 1:].float(), boxes, reduction="none", beta=0.1) * near).sum()
    return -focal.sum() / count + 2 * apart / near.sum().clamp(min=1)


def describer_loss(
    seen: Tensor, clean: Tensor, nothing: Tensor, bank: Tensor, distinct: Tensor, likeness: Likeness
) -> Tensor:
    """Pull each seen mark to its clean rendering, push it and the pieces without marks from all others.

    Args:
        seen: (P, D), marks in scenes.
        clean: (P, D), the renderings of the same marks.
        nothing: (M, D), pieces without a mark.
        bank: (B, D), renderings of other training marks, computed lately; may be empty.
        distinct: bool (P, P + B), False where a rendering is the same mark or looks like it.
        likeness: scales.

    """
    own = (seen * clean).sum(dim=1)
    others = (seen @ torch.cat((clean, bank)).T).masked_fill(~distinct, -1.0)
    back = (clean @ seen.T).masked_fill(~distinct[:, : len(clean)], -1.0)
    scale = likeness.scale.clamp(1, 40)
    target = torch.zeros(len(seen), dtype=torch.long)
    forth = functional.cross_entropy(torch.cat((own[:, None], others), dim=1) * scale, target)
    loss = forth + 0.5 * functional.cross_entropy(torch.cat((own[:, None], back), dim=1) * scale, target)
    slope, offset = likeness.binary_scale.clamp(1, 40), likeness.binary_offset
    wrong = others.topk(min(_HARDEST, others.shape[1]), dim=1).values.flatten()
    if len(nothing):
        empty = nothing @ torch.cat((clean, bank)).T
        wrong = torch.cat((wrong, empty.topk(min(_HARDEST, empty.shape[1]), dim=1).values.flatten()))
    apart = (
        functional.logsigmoid(slope * own + offset).mean()
        + functional.logsigmoid(-(slope * wrong + offset)).mean()
    )
    return loss - 0.5 * apart

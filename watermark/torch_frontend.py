"""The front end of frontend.py for many pictures of one size at once, in torch, on any device.

The same Haar pyramid, the same regression and the same local strengths, so that the residuals agree with the numpy
ones to float rounding (tests compare them). One pass only: the shifted passes belong to the pictures that are searched
one by one.

This module imports torch when it is imported; `watermark` itself does not import it.
"""

from functools import lru_cache

import cv2
import numpy as np
import torch
from torch import Tensor

from watermark.frontend import CLIP, EXPONENT, LEVELS, NEIGHBOURHOOD, NOISE_FLOOR
from watermark.haar import depth

_REACH = 4
"""Taps on each side: OpenCV takes round(8 sigma + 1) | 1 = 9 taps for a float plane and a sigma of 1."""


def suppress_hosts(planes: Tensor) -> Tensor:
    """Flatten pictures into residuals of unit RMS in which the mark stands out.

    Args:
        planes: float32 (N, looks, H, W), 0..255: the luma, or the luma and a colour difference.

    Returns:
        float32 (N, looks, H, W), zero mean, RMS 1 (all zero for a flat plane).

    """
    height, width = planes.shape[-2:]
    levels = depth((height, width), LEVELS)
    details, approximation = [], planes
    for _ in range(levels):
        approximation, bands = _split(approximation)
        details.append(_whiten_bands(bands))
    residual = torch.zeros_like(approximation)
    for bands in reversed(details):
        rows, columns = bands.shape[-2:]
        residual = _join(residual[..., :rows, :columns], bands)
    residual = residual[..., :height, :width]
    rms = residual.square().mean(dim=(-2, -1), keepdim=True).sqrt()
    return residual / rms.clamp_min(1e-6)


def _split(plane: Tensor) -> tuple[Tensor, Tensor]:
    """One level of Haar: (..., H, W) to approximation (..., h, w) and details (..., 3, h, w), h = ceil(H / 2)."""
    height, width = plane.shape[-2:]
    if height % 2:
        plane = torch.cat([plane, plane[..., -1:, :]], dim=-2)
    if width % 2:
        plane = torch.cat([plane, plane[..., :, -1:]], dim=-1)
    top, bottom = plane[..., 0::2, :], plane[..., 1::2, :]
    low, high = top + bottom, top - bottom
    approximation = 0.5 * (low[..., 0::2] + low[..., 1::2])
    bands = [
        high[..., 0::2] + high[..., 1::2],
        low[..., 0::2] - low[..., 1::2],
        high[..., 0::2] - high[..., 1::2],
    ]
    return approximation, 0.5 * torch.stack(bands, dim=-3)


def _join(approximation: Tensor, bands: Tensor) -> Tensor:
    """Undo `_split`: (..., h, w) and (..., 3, h, w) to (..., 2 h, 2 w)."""
    down, across, both = bands.unbind(-3)
    low, low_change = approximation + across, approximation - across
    high, high_change = down + both, down - both
    top = torch.stack([low + high, low_change + high_change], dim=-1).flatten(-2)
    bottom = torch.stack([low - high, low_change - high_change], dim=-1).flatten(-2)
    return 0.5 * torch.stack([top, bottom], dim=-2).flatten(-3, -2)


def _whiten_bands(bands: Tensor) -> Tensor:
    """Whiten details (N, looks, 3, h, w): the luma's, and those of the colour difference after regression on it."""
    luma = bands[:, :1]
    energy = _local_mean(luma * luma)
    out = [_normalise(luma, energy)]
    if bands.shape[1] > 1:
        rest = bands[:, 1:]
        unpredicted = rest - _local_mean(rest * luma) / (energy + 1.0) * luma
        out.append(_normalise(unpredicted, _local_mean(unpredicted * unpredicted)))
    return torch.cat(out, dim=1)


def _normalise(band: Tensor, energy: Tensor) -> Tensor:
    strength = (energy.clamp_min(0) + NOISE_FLOOR**2).sqrt()
    return (band / strength).clamp(-CLIP, CLIP) * strength.pow(1.0 - EXPONENT)


def _local_mean(values: Tensor) -> Tensor:
    """Gaussian mean over the last two axes, mirrored at the borders as cv2.BORDER_REFLECT does."""
    return _blur(_blur(values, -2), -1)


def _blur(values: Tensor, axis: int) -> Tensor:
    """One direction, as sums of slices: no convolution library, hence no TF32 and no choice of algorithm."""
    length = values.shape[axis]
    padded = values.index_select(axis, _mirrored(length).to(values.device))
    taps = cv2.getGaussianKernel(2 * _REACH + 1, NEIGHBOURHOOD, cv2.CV_32F).ravel()
    total = padded.narrow(axis, _REACH, length) * float(taps[_REACH])
    for offset in range(1, _REACH + 1):
        pair = padded.narrow(axis, _REACH - offset, length) + padded.narrow(axis, _REACH + offset, length)
        total.add_(pair, alpha=float(taps[_REACH + offset]))
    return total


@lru_cache(maxsize=64)
def _mirrored(length: int) -> Tensor:
    return torch.from_numpy(np.pad(np.arange(length), _REACH, mode="symmetric"))

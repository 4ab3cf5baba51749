"""The front end: take the host picture out, keep what the mark may have added.

The picture is the noise in which the mark must be found. It is strong in few places and directions (edges, fur,
bricks), so every wavelet coefficient is divided by the local strength of its own scale and orientation: a locally
optimal detector for heavy-tailed noise, which keeps signs and does not care about brightness, contrast or gamma.

The mark is looked for twice: in the luma, which survives compression, and in green minus magenta, where pictures
have a tenth of the energy and the same mark stands out far more as long as the colours last. What the luma predicts
of the second plane (one regression coefficient per place, scale and orientation) is removed first.

Wavelet whitening against a plain high pass: NOTES.md. Averaging over shifts of the transform: Coifman and Donoho,
"Translation-invariant de-noising", 1995.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import pywt
from numpy.typing import NDArray

Plane = NDArray[np.float32]

WAVELET = "haar"
LEVELS = 4
"""Details of levels 1 to 4 hold 0.03 to 0.5 cycles / px, the band of every tile of 36 to 420 px."""

NEIGHBOURHOOD = 1.0
"""Standard deviation, in coefficients of the same band, over which local strength is measured."""

NOISE_FLOOR = 1.0
EXPONENT = 1.3
CLIP = 2.5


def suppress_host(planes: Sequence[Plane], shifts: int = 1) -> list[Plane]:
    """Flatten pictures of one scene into residuals of unit RMS in which the mark stands out.

    Args:
        planes: float32 (H, W), 0..255: the luma, or the luma and a colour difference.
        shifts: number of diagonal shifts of the wavelet grid to average over, 1 to 8; 4 gain about 1 dB.

    Returns:
        As many float32 (H, W), zero mean, RMS 1 (all zero for a flat plane).

    """
    height, width = planes[0].shape
    totals = [np.zeros((height, width), np.float32) for _ in planes]
    for shift in range(shifts):
        padded = [cv2.copyMakeBorder(p, shift, 0, shift, 0, cv2.BORDER_REFLECT_101) for p in planes]
        for total, residual in zip(totals, _whiten(padded), strict=True):
            np.add(total, residual[shift : shift + height, shift : shift + width], out=total)
    return [total / np.float32(max(float(np.sqrt(np.mean(total * total))), 1e-6)) for total in totals]


def _whiten(planes: Sequence[Plane]) -> list[Plane]:
    """Decompose, whiten band by band, recompose."""
    levels = min(LEVELS, pywt.dwt_max_level(min(planes[0].shape), WAVELET))
    pyramids = [pywt.wavedec2(plane, WAVELET, mode="symmetric", level=levels) for plane in planes]
    for pyramid in pyramids:
        pyramid[0] = np.zeros_like(pyramid[0])
    for level in range(1, levels + 1):
        orientations = [_whiten_bands(bands) for bands in zip(*(p[level] for p in pyramids), strict=True)]
        for pyramid, bands in zip(pyramids, zip(*orientations, strict=True), strict=True):
            pyramid[level] = bands
    return [pywt.waverec2(pyramid, WAVELET, mode="symmetric") for pyramid in pyramids]


def _whiten_bands(bands: Sequence[Plane]) -> list[Plane]:
    """Whiten one orientation at one scale: the luma's band, and the colour difference's after regression on it."""
    luma = np.asarray(bands[0], np.float32)
    luma_energy = _local_mean(luma * luma)
    out = [_normalise(luma, luma_energy)]
    for band in bands[1:]:
        slope = _local_mean(band * luma) / (luma_energy + np.float32(1.0))
        unpredicted = np.asarray(band - slope * luma, np.float32)
        out.append(_normalise(unpredicted, _local_mean(unpredicted * unpredicted)))
    return out


def _normalise(band: Plane, energy: Plane) -> Plane:
    strength = cv2.sqrt(np.maximum(energy, 0) + np.float32(NOISE_FLOOR**2))
    return np.asarray(np.clip(band / strength, -CLIP, CLIP) * cv2.pow(strength, 1.0 - EXPONENT))


def _local_mean(values: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT))

"""The front end: take the host picture out, keep what the mark may have added.

The picture is the noise in which the mark must be found. It is strong in few places and directions (edges, fur,
bricks), so every wavelet coefficient is divided by the local strength of its own orientation and scale, and clipped:
a locally optimal detector for heavy-tailed noise, sign-preserving and blind to brightness, contrast and gamma.
Whitening by orientation is what a single high pass cannot do.
"""

from collections.abc import Iterable

import cv2
import numpy as np
import pywt
from numpy.typing import NDArray

Plane = NDArray[np.float32]

WAVELET = "sym4"
LEVELS = 4
"""Details of levels 1 to 4 hold 0.03 to 0.5 cycles / px, where the harmonics of any tile between 36 and 420 px lie."""

SPREAD = 2.0
NOISE_FLOOR = 1.0
EXPONENT = 1.3
CLIP = 2.5


def suppress_host(plane: Plane) -> Plane:
    """Flatten a picture into a residual of unit RMS in which the mark stands out.

    Args:
        plane: float32 (H, W), 0..255, luma or a colour difference.

    Returns:
        float32 (H, W), zero mean, RMS 1 (all zero for a flat plane).

    """
    approximation, *details = pywt.wavedec2(plane, WAVELET, mode="symmetric", level=LEVELS)
    whitened = [tuple(_whiten(level)) for level in details]
    residual = pywt.waverec2([np.zeros_like(approximation), *whitened], WAVELET, mode="symmetric")
    residual = residual[: plane.shape[0], : plane.shape[1]]
    rms = float(np.sqrt(np.mean(residual * residual)))
    return np.asarray(residual / max(rms, 1e-6), np.float32)


def _whiten(bands: Iterable[Plane]) -> list[Plane]:
    out = []
    for band in bands:
        local = cv2.GaussianBlur(band * band, (0, 0), SPREAD, borderType=cv2.BORDER_REFLECT)
        local = np.sqrt(local + NOISE_FLOOR**2)
        out.append(np.clip(band / local, -CLIP, CLIP) * local ** (1.0 - EXPONENT))
    return out

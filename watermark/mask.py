"""The perceptual mask: how strong the mark may be at each pixel, relative to a flat area.

Texture hides the mark, flat areas show it (contrast masking: Legge and Foley, JOSA 70(12), 1980). The strength is
constant up to the texture of a clean sky, then grows nearly with the local energy of fine detail, and saturates.
Isolated edges are not texture, and grain beside them is seen: detail counts only where more than half of a
neighbourhood has it (a median), and only as far as it reaches itself (the minimum of both, eroded). Nothing is added
in the dark: that is where grain shows.

The mask varies slowly, so it is computed on a grid one to four times coarser than the picture. Sizes are in units of
one 128th of the tile's period.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.frontend import Plane

FLAT_TEXTURE = 1.0
"""Local RMS of fine detail, in grey levels, up to which an area counts as flat: the noise of a clean sky."""

BUSY_TEXTURE = 8.5
"""Texture beyond which the mark grows no further."""

EXPONENT = 1.1
"""mask = clip(texture / 1.0, 1, 8.5) ** 1.1. Among shapes with the same luma RMS in flat areas, steep ones that
saturate keep the most soft information after JPEG, WebP and denoising (NOTES.md)."""

DETAIL = 1.2
"""Standard deviation of the high pass: wider ones take the surroundings of an edge for texture."""

DENSE = 1.6
"""Local RMS of detail over its local median, at most: more is a few edges and not a texture. Takes the largest luma
RMS in flat areas of 32 pictures from 0.52 to 0.37, at the same PSNR and recovery."""

LOCAL, NEIGHBOURHOOD, EROSION, SMOOTHING = 5.0, 21.0, 5.0, 2.5


def perceptual_mask(luma: Plane, unit_px: float) -> Plane:
    """Compute the strength of the mark at each pixel.

    Args:
        luma: float32 (H, W), 0..255.
        unit_px: one 128th of the tile's period, in pixels.

    Returns:
        float32 (H, W), 1 in flat areas and up to 10.5 in busy ones.

    """
    height, width = luma.shape
    step = max(1, min(4, round(2.0 * unit_px)))
    unit = unit_px / step
    coarse = (-(-width // step), -(-height // step))
    smooth = cv2.GaussianBlur(cv2.resize(luma, coarse, interpolation=cv2.INTER_AREA), (0, 0), DETAIL * unit)
    detail = cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR)
    np.subtract(luma, detail, out=detail)
    np.multiply(detail, detail, out=detail)  # in place: these are the largest arrays of an embedding
    energy = cv2.resize(detail, coarse, interpolation=cv2.INTER_AREA)
    texture = _textured_areas(energy, unit)
    mask = np.clip(texture / FLAT_TEXTURE, 1.0, BUSY_TEXTURE / FLAT_TEXTURE) ** EXPONENT
    return np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _textured_areas(energy: Plane, unit: float) -> NDArray[np.float32]:
    """Local RMS of detail where it is texture, in grey levels; `unit` is in cells of the coarse grid."""
    local_side, common_side, erosion = (round(size * unit) | 1 for size in (LOCAL, NEIGHBOURHOOD, EROSION))
    local = np.sqrt(np.maximum(cv2.blur(energy, (local_side, local_side)), 0))
    tenths = np.minimum(local * 10, 255).astype(np.uint8)  # OpenCV's large median takes bytes
    common = cv2.medianBlur(tenths, max(3, common_side))
    cells = np.minimum(np.sqrt(energy) * (10 * DENSE), 255).astype(np.uint8)
    dense = cv2.medianBlur(cells, max(3, local_side))
    texture = np.minimum(np.minimum(tenths, common), dense).astype(np.float32) / 10
    texture = cv2.erode(texture, np.ones((erosion, erosion), np.uint8))
    return np.asarray(cv2.GaussianBlur(texture, (0, 0), SMOOTHING * unit))

"""The perceptual mask: how strong the mark may be at each pixel, relative to a flat area.

Texture hides the mark, flat areas show it (contrast masking: Legge and Foley, JOSA 70(12), 1980). The strength is
constant up to the texture of a clean sky, then grows nearly with the local energy of fine detail, and saturates. An
erosion keeps it low beside isolated edges, where a halo of grain would be seen. Nothing is added in the dark: that
is where grain shows.

The mask varies slowly, so it is computed on a grid one to four times coarser than the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

FLAT_TEXTURE = 1.5
"""Local RMS of fine detail, in grey levels, up to which an area counts as flat: the noise of a clean sky."""

BUSY_TEXTURE = 12.0
"""Texture beyond which the mark grows no further."""

EXPONENT = 1.1
"""mask = clip(texture / 1.5, 1, 8) ** 1.1. Of eight shapes with the same luma RMS in flat areas this one kept the most
soft information after JPEG, WebP and denoising (NOTES.md)."""


def perceptual_mask(luma: NDArray[np.float32], unit_px: float) -> NDArray[np.float32]:
    """Compute the strength of the mark at each pixel.

    Args:
        luma: float32 (H, W), 0..255.
        unit_px: one 128th of the tile's period, in pixels; every size below is in this unit.

    Returns:
        float32 (H, W), 1 in flat areas and up to 10 in busy ones.

    """
    height, width = luma.shape
    step = max(1, min(4, round(2.0 * unit_px)))
    unit = unit_px / step
    small = (-(-width // step), -(-height // step))
    detail = luma - _smooth(luma, 2.5 * unit_px, step)
    energy = cv2.resize(detail * detail, small, interpolation=cv2.INTER_AREA)
    side = round(7 * unit) | 1
    texture = np.sqrt(np.maximum(cv2.blur(energy, (side, side)), 0))
    texture = cv2.erode(texture, np.ones((side, side), np.uint8))
    texture = cv2.GaussianBlur(texture, (0, 0), 3 * unit)
    mask = np.clip(texture / FLAT_TEXTURE, 1.0, BUSY_TEXTURE / FLAT_TEXTURE) ** EXPONENT
    return np.asarray(cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR))


def _smooth(plane: NDArray[np.float32], sigma_px: float, step: int) -> NDArray[np.float32]:
    """Gaussian blur, computed on a coarser grid."""
    height, width = plane.shape
    small = cv2.resize(plane, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))

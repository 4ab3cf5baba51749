"""The perceptual mask: how strong the mark may be at each pixel, relative to a flat area.

Texture hides the mark, flat areas show it. Strength follows the local energy of fine detail with an exponent below
one (contrast masking: Legge and Foley, JOSA 70(12), 1980), and an erosion keeps the strength low beside isolated
edges, where a halo of grain would be seen. Nothing is added in the dark: that is where grain shows.

The mask varies slowly, so it is computed on a grid two to four times coarser than the picture.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

FLAT = 0.4
"""Mask value where the picture has no texture at all."""

EXPONENT = 0.55
TEXTURE_CEILING = 30.0
TEXTURE_UNIT = 4.0
"""mask = FLAT + (min(texture RMS, 30) / 4) ** 0.55, texture in grey levels. Exponents of 0.4 to 0.75 recover equally
well; 0.55 was chosen by looking."""


def perceptual_mask(luma: NDArray[np.float32], unit_px: float) -> NDArray[np.float32]:
    """Compute the strength of the mark at each pixel.

    Args:
        luma: float32 (H, W), 0..255.
        unit_px: one 128th of the tile's period, in pixels; every size below is in this unit.

    Returns:
        float32 (H, W) >= FLAT.

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
    mask = FLAT + (np.minimum(texture, TEXTURE_CEILING) / TEXTURE_UNIT) ** EXPONENT
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)


def _smooth(plane: NDArray[np.float32], sigma_px: float, step: int) -> NDArray[np.float32]:
    """Gaussian blur, computed on a coarser grid."""
    height, width = plane.shape
    small = cv2.resize(plane, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR))

"""Embedding: the tile times the perceptual mask, as strong as three limits allow.

    marked = round(image + strength * mask(x, y) * pattern(x, y) * CHANNEL_WEIGHTS)

The strength is the largest one that keeps
- PSNR over RGB at or above the profile's target,
- structural similarity of the luma at or above SSIM_TARGET,
- the luma RMS of the mark where the picture is flat at or below FLAT_LUMA_RMS: PSNR does not promise invisibility,
  and grain is seen first in skies.
All three are measured on a sample of the picture with the real rounding and clipping.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.errors import BadOption
from watermark.inputs import Image, check_image, check_key, check_payload
from watermark.mask import perceptual_mask
from watermark.message import data_symbols
from watermark.tile import UNITS, Tile, period_px, render, tile_for

CHANNEL_WEIGHTS = np.array([0.4, 1.0, 0.1], np.float32)
"""Weights on R, G, B. Within 2 % of the most luma for a squared error (weights like LUMA itself), and at the same time
a strong change of green minus magenta, where pictures have little energy: the detector's second look is free."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601, what the detector and JPEG use."""

PSNR_TARGET_DB = 43.0
SSIM_TARGET = 0.983
FLAT_LUMA_RMS = 0.33
"""Before rounding; about 0.40 after it, because green alone is rounded to full steps."""


def embed(image: Image, payload: bytes, *, key: bytes, strength: float = 1.0) -> Image:
    """Mark a picture with 64 bits.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W, 4) RGBA, shortest side >= 128 px.
        payload: 8 bytes.
        key: 16 to 64 secret bytes.
        strength: multiplies the amplitude that the quality limits allow; 0 returns the image unchanged.

    Returns:
        uint8 of the same shape; alpha is untouched.

    Raises:
        BadImage, ImageTooSmall, BadPayload, BadKey, BadOption: an argument is not as described.

    """
    check_image(image)
    tile = tile_for(check_key(key))
    payload = check_payload(payload)
    if not 0.0 <= strength <= 4.0:
        raise BadOption(
            f"strength: got {strength}, expected 0 to 4, 1 is the strength that the quality limits allow"
        )

    rgb = np.ascontiguousarray(image[:, :, :3])
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    height, width = luma.shape
    period = period_px(height, width)
    pattern = render(tile, data_symbols(tile, payload), height, width, period, _origin(tile, payload, period))
    shaped = perceptual_mask(luma, period / UNITS) * pattern

    amplitude = strength * _Sample.of(rgb, luma, shaped).largest_amplitude()
    marked = image.copy()
    for channel, weight in enumerate(CHANNEL_WEIGHTS):
        plane = np.ascontiguousarray(rgb[:, :, channel])
        change = shaped * np.float32(amplitude * weight)
        marked[:, :, channel] = cv2.add(plane, change, dtype=cv2.CV_8U)  # rounds and saturates
    return marked


def _origin(tile: Tile, payload: bytes, period: float) -> tuple[float, float]:
    """Where the tile starts, in pixels: keyed and different for each payload, so that an average of marked pictures
    does not line the tiles up.
    """
    digest = hmac.new(tile.key, b"countermark origin" + payload, hashlib.sha256).digest()
    x, y = (int.from_bytes(digest[i : i + 8], "big") / 2.0**64 for i in (0, 8))
    return x * period, y * period


@dataclass(frozen=True)
class _Sample:
    """Strips of rows of the picture on which quality is measured.

    Attributes:
        rgb: uint8 (n, rows, W, 3); luma: float32 (n, rows, W); shaped: float32 (n, rows, W), mask times pattern.

    """

    rgb: NDArray[np.uint8]
    luma: NDArray[np.float32]
    shaped: NDArray[np.float32]

    ROWS = 16
    COUNT = 16

    @classmethod
    def of(cls, rgb: Image, luma: NDArray[np.float32], shaped: NDArray[np.float32]) -> "_Sample":
        starts = np.unique(np.linspace(0, len(luma) - cls.ROWS, cls.COUNT).astype(int))
        take = lambda plane: np.stack([plane[s : s + cls.ROWS] for s in starts])
        return cls(take(rgb), take(luma), take(shaped))

    def largest_amplitude(self) -> float:
        """The largest amplitude that keeps all three limits."""
        luma_gain = float(LUMA @ CHANNEL_WEIGHTS)
        amplitude = FLAT_LUMA_RMS / luma_gain
        allowed = 255.0**2 / 10 ** (PSNR_TARGET_DB / 10)
        for _ in range(3):  # both errors grow nearly with the square of the amplitude
            marked = np.clip(np.rint(self.rgb + amplitude * self.shaped[..., None] * CHANNEL_WEIGHTS), 0, 255)
            mse = float(np.mean((marked - self.rgb) ** 2))
            loss = 1.0 - self._similarity(marked.astype(np.float32) @ LUMA)
            factor = min(math.sqrt(allowed / max(mse, 1e-9)), math.sqrt((1 - SSIM_TARGET) / max(loss, 1e-9)))
            if factor > 0.995:
                break
            amplitude *= factor
        return amplitude

    def _similarity(self, marked: NDArray[np.float32]) -> float:
        """Mean SSIM of the luma over 7 x 7 windows (Wang et al., IEEE TIP 13(4), 2004)."""
        mean = lambda planes: np.stack([cv2.blur(p, (7, 7))[3:-3, 3:-3] for p in planes])
        mu_a, mu_b = mean(self.luma), mean(marked)
        var_a, var_b = mean(self.luma**2) - mu_a**2, mean(marked**2) - mu_b**2
        covariance = mean(self.luma * marked) - mu_a * mu_b
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        similarity = (
            (2 * mu_a * mu_b + c1) * (2 * covariance + c2) / ((mu_a**2 + mu_b**2 + c1) * (var_a + var_b + c2))
        )
        return float(similarity.mean())

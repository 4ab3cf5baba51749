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
FLAT_LUMA_RMS = 0.35
"""Before rounding; 0.37 on average and 0.41 at most after it, where the 9 x 9 deviation is under 1 (12 pictures)."""


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
    period = period_px(*luma.shape)
    pattern = render(tile, data_symbols(tile, payload), luma.shape, period, _origin(tile, payload, period))
    shaped = perceptual_mask(luma, period / UNITS) * pattern

    amplitude = strength * _largest_amplitude(rgb, shaped)
    marked = image.copy()
    for channel, weight in enumerate(CHANNEL_WEIGHTS):
        plane = np.ascontiguousarray(rgb[:, :, channel])
        change = shaped * np.float32(amplitude * weight)
        marked[:, :, channel] = cv2.add(plane, change, dtype=cv2.CV_8U)  # rounds and saturates
    return marked


def _origin(tile: Tile, payload: bytes, period: float) -> tuple[float, float]:
    """Draw the start of the tile (x, y) in pixels from key and payload: an average of pictures lines nothing up."""
    digest = hmac.new(tile.key, b"countermark origin" + payload, hashlib.sha256).digest()
    x, y = (int.from_bytes(digest[i : i + 8], "big") / 2.0**64 for i in (0, 8))
    return x * period, y * period


SAMPLED_ROWS = 16
SAMPLED_STRIPS = 16
"""Quality is measured on 16 strips of 16 rows: the PSNR of the whole picture comes out within 0.3 dB of the target."""


def _strips(plane: NDArray[np.generic]) -> NDArray[np.float32]:
    """Cut strips of rows, evenly spread; float32 (strips, rows, ...)."""
    starts = np.unique(np.linspace(0, len(plane) - SAMPLED_ROWS, SAMPLED_STRIPS).astype(int))
    return np.stack([plane[s : s + SAMPLED_ROWS] for s in starts]).astype(np.float32)


def _largest_amplitude(rgb: Image, shaped: NDArray[np.float32]) -> float:
    """Find the largest amplitude that keeps all three limits.

    Args:
        rgb: uint8 (H, W, 3).
        shaped: float32 (H, W), mask times pattern.

    """
    original, change = _strips(rgb), _strips(shaped)[..., None] * CHANNEL_WEIGHTS
    luma = original @ LUMA
    allowed_error = 255.0**2 / 10 ** (PSNR_TARGET_DB / 10)
    amplitude = FLAT_LUMA_RMS / float(LUMA @ CHANNEL_WEIGHTS)
    for _ in range(3):  # both losses grow nearly with the square of the amplitude
        marked = np.clip(np.rint(original + np.float32(amplitude) * change), 0, 255)
        error = float(np.mean((marked - original) ** 2))
        loss = 1.0 - _similarity(luma, marked @ LUMA)
        factor = math.sqrt(min(allowed_error / max(error, 1e-9), (1 - SSIM_TARGET) / max(loss, 1e-9)))
        if factor > 0.995:
            break
        amplitude *= factor
    return amplitude


def _similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean SSIM of two stacks of luma strips over 7 x 7 windows (Wang et al., IEEE TIP 13(4), 2004)."""
    mean_a, mean_b = _window_means(a), _window_means(b)
    variance = _window_means(a * a) - mean_a**2 + _window_means(b * b) - mean_b**2
    covariance = _window_means(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    structure = (2 * covariance + c2) / (variance + c2)
    return float(np.mean((2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1) * structure))


def _window_means(strips: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([cv2.blur(strip, (7, 7))[3:-3, 3:-3] for strip in strips])

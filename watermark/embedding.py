"""Embedding: the tile times a strength map, as strong as three limits allow.

    marked = round(image + amplitude * (1 + boost * (mask - 1)) * pattern * CHANNEL_WEIGHTS)

The amplitude is the largest one that keeps
- PSNR over RGB at or above PSNR_TARGET_DB,
- structural similarity of the luma at or above SSIM_TARGET,
- the luma RMS of the mark where the picture is flat at or below FLAT_LUMA_RMS: PSNR does not promise invisibility,
  and grain is seen first in skies.
Smooth pictures stop at the third limit with PSNR to spare; there the textured parts alone are boosted, up to
1.75 times and as long as the PSNR stays above BOOSTED_PSNR_DB. All is measured on a sample of the picture with the
real rounding and clipping.
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
from watermark.tile import UNITS, Tile, pattern_factors, period_px, tile_for

CHANNEL_WEIGHTS = np.array([0.4, 1.0, 0.1], np.float32)
"""Weights on R, G, B. Within 2 % of the most luma for a squared error (weights like LUMA itself), and at the same time
a strong change of green minus magenta, where pictures have little energy: the detector's second look is free."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601, what the detector and JPEG use."""

PSNR_TARGET_DB = 43.7
SSIM_TARGET = 0.985

BOOSTED_PSNR_DB = 45.0
BOOST_STEPS = (0.5, 0.25)
"""Boosts that are tried in turn, each added if the limits still hold. At 1.75 nothing was seen at 200 % zoom; at 3 a
mottle of yellow and purple was, on orange wool at 46 dB."""
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
    height, width = rgb.shape[:2]
    period = period_px(height, width)
    mask = perceptual_mask(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32), period / UNITS)
    origin = _origin(tile, payload, period)
    left, right = pattern_factors(tile, data_symbols(tile, payload), (height, width), period, origin)
    amplitude, boost = _largest_strength(rgb, mask, left, right)

    marked = image.copy()
    for top in range(0, height, BLOCK_ROWS):
        rows = slice(top, top + BLOCK_ROWS)
        shaped = _shape(mask[rows], left[rows] @ right, amplitude * strength, boost)
        for channel, weight in enumerate(CHANNEL_WEIGHTS):
            plane = np.ascontiguousarray(rgb[rows, :, channel])
            # cv2.add rounds and saturates
            marked[rows, :, channel] = cv2.add(plane, shaped * weight, dtype=cv2.CV_8U)
    return marked


def _shape(
    mask: NDArray[np.float32], pattern: NDArray[np.float32], amplitude: float, boost: float
) -> NDArray[np.float32]:
    """Give the pattern its strength at each pixel; boost acts on textured parts alone."""
    return np.float32(amplitude) * (1 + np.float32(boost) * (mask - 1)) * pattern


def _origin(tile: Tile, payload: bytes, period: float) -> tuple[float, float]:
    """Draw the start of the tile (x, y) in pixels from key and payload: an average of pictures lines nothing up."""
    digest = hmac.new(tile.key, b"countermark origin" + payload, hashlib.sha256).digest()
    x, y = (int.from_bytes(digest[i : i + 8], "big") / 2.0**64 for i in (0, 8))
    return x * period, y * period


BLOCK_ROWS = 512
"""Rows that are marked at a time: bounds the memory."""

STRIP_ROWS = 12
MOST_STRIPS = 12
SAMPLED_PX = 130_000
"""Quality is measured on up to 12 strips of 12 rows, fewer in wide pictures: the PSNR of the whole picture comes out
within 0.4 dB of what the strips say."""


def _largest_strength(
    rgb: Image, mask: NDArray[np.float32], left: NDArray[np.float32], right: NDArray[np.float32]
) -> tuple[float, float]:
    """Find the largest amplitude and boost that keep all limits.

    Args:
        rgb: uint8 (H, W, 3).
        mask: float32 (H, W) >= 1.
        left: float32 (H, n), and
        right: float32 (n, W): factors of the pattern.

    """
    count = max(4, min(MOST_STRIPS, SAMPLED_PX // (STRIP_ROWS * rgb.shape[1])))
    starts = np.unique(np.linspace(0, len(rgb) - STRIP_ROWS, count).astype(int))
    rows = starts[:, None] + np.arange(STRIP_ROWS)
    sample = _Sample(rgb[rows].astype(np.float32), mask[rows], left[rows] @ right)
    amplitude = FLAT_LUMA_RMS / float(LUMA @ CHANNEL_WEIGHTS)
    factor = sample.headroom(amplitude, 1.0, PSNR_TARGET_DB)
    for _ in range(2):  # the losses grow nearly with the square of the amplitude
        if factor < 0.995:
            amplitude *= factor
            factor = sample.headroom(amplitude, 1.0, PSNR_TARGET_DB)
    boost = 1.0
    for step in BOOST_STEPS:
        if sample.headroom(amplitude, boost + step, BOOSTED_PSNR_DB) >= 1.0:
            boost += step
    return amplitude, boost


class _Sample:
    """Strips of a picture on which the limits are measured.

    Attributes:
        original: float32 (strips, rows, W, 3); mask and pattern: float32 (strips, rows, W).

    """

    def __init__(
        self, original: NDArray[np.float32], mask: NDArray[np.float32], pattern: NDArray[np.float32]
    ) -> None:
        self.original, self.mask, self.pattern = original, mask, pattern
        self.luma = original @ LUMA

    def headroom(self, amplitude: float, boost: float, psnr_db: float) -> float:
        """Factor by which the amplitude may grow (or, under 1, must shrink) to meet PSNR and SSIM."""
        shaped = _shape(self.mask, self.pattern, amplitude, boost)
        marked = np.clip(np.rint(self.original + shaped[..., None] * CHANNEL_WEIGHTS), 0, 255)
        allowed_error = 255.0**2 / 10 ** (psnr_db / 10)
        error = float(np.mean((marked - self.original) ** 2))
        loss = 1.0 - _similarity(self.luma, marked @ LUMA)
        return math.sqrt(min(allowed_error / max(error, 1e-9), (1 - SSIM_TARGET) / max(loss, 1e-9)))


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

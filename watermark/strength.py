"""How strong the mark is in one picture: the largest strength that the limits of a profile allow.

    change = amplitude * (1 + boost * (mask - 1)) * pattern * weights        (shape() and the channel weights)

The amplitude is the largest one that keeps PSNR, structural similarity and the luma RMS in flat areas within the
limits: PSNR does not promise invisibility, and grain is seen first in skies. Smooth pictures stop at the flat areas
with PSNR to spare; there the textured parts alone are boosted. All is measured on strips of the picture, with the real
rounding and clipping.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.frontend import Plane
from watermark.inputs import Image
from watermark.profiles import Profile

CHANNEL_WEIGHTS = np.array([0.4, 1.0, 0.1], np.float32)
"""Weights on R, G, B. Within 2 % of the most luma for a squared error (weights like LUMA itself), and at the same time
a strong change of green minus magenta, where pictures have little energy: the detector's second look is free."""

GREY_WEIGHTS = np.ones(3, np.float32)
"""A greyscale picture has one channel for all three."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601, what the detector and JPEG use."""

BOOST_STEPS = (0.5, 0.25)
"""Boosts that are tried in turn, each added if the limits still hold. At 1.75 nothing was seen at 200 % zoom; at 3 a
mottle of yellow and purple was, on orange wool at 46 dB."""

STRIP_ROWS = 12
MOST_STRIPS = 12
SAMPLED_PX = 130_000
"""Quality is measured on up to 12 strips of 12 rows, fewer in wide pictures: the PSNR of the whole picture comes out
within 0.4 dB of what the strips say."""


@dataclass(frozen=True)
class Strength:
    """What a picture bears: the amplitude in flat areas, in grey levels of pattern RMS, and the boost of texture."""

    amplitude: float
    boost: float

    def towards(self, other: "Strength", share: float) -> "Strength":
        """Mix two strengths; share 0 is this one, 1 the other."""
        return Strength(
            self.amplitude + share * (other.amplitude - self.amplitude),
            self.boost + share * (other.boost - self.boost),
        )

    def shape(self, mask: Plane, pattern: Plane) -> Plane:
        """Give the pattern its strength at each pixel."""
        return np.float32(self.amplitude) * (1 + np.float32(self.boost) * (mask - 1)) * pattern


class Sample:
    """Strips of a picture on which the limits are measured."""

    def __init__(
        self, rgb: Image, mask: Plane, left: Plane, right: Plane, weights: NDArray[np.float32]
    ) -> None:
        """Cut the strips.

        Args:
            rgb: uint8 (H, W, 3).
            mask: float32 (H, W) >= 1.
            left: float32 (H, n), and
            right: float32 (n, W): factors of the pattern.
            weights: float32 (3,), of the pattern on R, G, B.

        """
        count = max(4, min(MOST_STRIPS, SAMPLED_PX // (STRIP_ROWS * rgb.shape[1])))
        starts = np.unique(np.linspace(0, len(rgb) - STRIP_ROWS, count).astype(int))
        rows = starts[:, None] + np.arange(STRIP_ROWS)
        self.original = rgb[rows].astype(np.float32)
        self.mask, self.pattern, self.weights = mask[rows], left[rows] @ right, weights
        self.luma = self.original @ LUMA

    def largest(self, profile: Profile) -> Strength:
        """Find the largest strength within the limits of a profile."""
        strength = Strength(profile.flat_luma_rms / float(LUMA @ self.weights), 1.0)
        factor = self.headroom(strength, profile.psnr_db, profile.ssim)
        for _ in range(2):  # the losses grow nearly with the square of the amplitude
            if factor < 0.995:
                strength = Strength(strength.amplitude * factor, 1.0)
                factor = self.headroom(strength, profile.psnr_db, profile.ssim)
        return self.boosted(strength, profile.smooth_psnr_db, profile.ssim, BOOST_STEPS)

    def boosted(self, strength: Strength, psnr_db: float, ssim: float, steps: tuple[float, ...]) -> Strength:
        """Add every step of boost that keeps the limits."""
        for step in steps:
            more = Strength(strength.amplitude, strength.boost + step)
            if self.headroom(more, psnr_db, ssim) >= 1.0:
                strength = more
        return strength

    def headroom(self, strength: Strength, psnr_db: float, ssim: float) -> float:
        """Factor by which the amplitude may grow (or, under 1, must shrink) to meet PSNR and SSIM."""
        shaped = strength.shape(self.mask, self.pattern)
        marked = np.clip(np.rint(self.original + shaped[..., None] * self.weights), 0, 255)
        allowed_error = 255.0**2 / 10 ** (psnr_db / 10)
        error = float(np.mean((marked - self.original) ** 2))
        loss = 1.0 - _similarity(self.luma, marked @ LUMA)
        return math.sqrt(min(allowed_error / max(error, 1e-9), (1 - ssim) / max(loss, 1e-9)))


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

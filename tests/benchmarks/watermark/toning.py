"""Distortions of each pixel alone, or nearly: noise, blur, denoising, tone and colour. uint8 RGB of the same size."""

from collections.abc import Callable

import cv2
import numpy as np
import pywt
from numpy.typing import NDArray

from tests.benchmarks.watermark.covers import Picture


def rounded(values: NDArray[np.floating]) -> Picture:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def noise(image: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    return rounded(image + rng.normal(0, sigma, image.shape).astype(np.float32))


def salt_and_pepper(image: Picture, share: float, rng: np.random.Generator) -> Picture:
    spoilt, drawn = image.copy(), rng.random(image.shape[:2])
    spoilt[drawn < share / 2] = 0
    spoilt[drawn > 1 - share / 2] = 255
    return spoilt


def film_grain(image: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    """Grain of 1.5 pixels, grey, strongest in the middle tones."""
    clumps = cv2.GaussianBlur(rng.normal(0, 1, image.shape[:2]).astype(np.float32), (0, 0), 0.75)
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    strength = sigma / clumps.std() * (0.3 + 2.8 * luma * (1 - luma))
    return rounded(image + (strength * clumps)[..., None])


def motion_blur(image: Picture, length_px: int) -> Picture:
    return cv2.blur(image, (length_px, 1))


def sharpened(image: Picture, amount: float, sigma: float) -> Picture:
    soft = cv2.GaussianBlur(image, (0, 0), sigma).astype(np.float32)
    return rounded(image + amount * (image - soft))


def bilateral(image: Picture) -> Picture:
    return cv2.bilateralFilter(image, 7, 30, 3)


def means_of_similar_patches(image: Picture) -> Picture:
    """Non-local means (Buades, Coll and Morel, CVPR 2005), strength 5."""
    return cv2.fastNlMeansDenoisingColored(image, None, 5, 5, 5, 15)


def wavelet_shrunk(image: Picture, threshold: float) -> Picture:
    """Soft thresholds on three levels of every plane."""
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    for channel in range(3):
        pyramid = pywt.wavedec2(planes[..., channel], "sym4", level=3)
        shrunk = [tuple(pywt.threshold(band, threshold, "soft") for band in level) for level in pyramid[1:]]
        back = pywt.waverec2([pyramid[0], *shrunk], "sym4")
        planes[..., channel] = back[: image.shape[0], : image.shape[1]]
    return cv2.cvtColor(rounded(planes), cv2.COLOR_YCrCb2RGB)


def toned(image: Picture, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Picture:
    """Apply a curve over 0..255 to every channel."""
    return rounded(curve(np.arange(256, dtype=np.float64)))[image]


def gamma(image: Picture, exponent: float) -> Picture:
    return toned(image, lambda v: 255 * (v / 255) ** exponent)


def contrast(image: Picture, factor: float) -> Picture:
    return toned(image, lambda v: (v - 128) * factor + 128)


def posterised(image: Picture, bits: int) -> Picture:
    return image >> (8 - bits) << (8 - bits)


def hue_turned(image: Picture, degrees: float, saturation: float) -> Picture:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + degrees / 2) % 180  # OpenCV counts hue in steps of 2 degrees
    hsv[..., 1] = np.minimum(hsv[..., 1] * saturation, 255)
    return cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)


def grey(image: Picture) -> Picture:
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def white_balanced(image: Picture, red: float, blue: float) -> Picture:
    return rounded(image * np.float32((red, 1.0, blue)))


def equalised(image: Picture) -> Picture:
    """Histogram equalisation of the luma."""
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    planes[..., 0] = cv2.equalizeHist(np.ascontiguousarray(planes[..., 0]))
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)


def locally_equalised(image: Picture, limit: float) -> Picture:
    """CLAHE on 8 x 8 tiles (Zuiderveld, Graphics Gems IV, 1994)."""
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
    planes[..., 0] = cv2.createCLAHE(limit, (8, 8)).apply(np.ascontiguousarray(planes[..., 0]))
    return cv2.cvtColor(planes, cv2.COLOR_LAB2RGB)

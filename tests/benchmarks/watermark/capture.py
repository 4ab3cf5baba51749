"""Chains that pictures go through: screenshots, social networks, print and scan, photographs of a screen.

The last two are simulations: their parts (perspective, blur, noise, colour, moire) are those that prints and screens
have, their strengths are ordinary ones chosen by eye. They are no substitute for a printer.
"""

import cv2
import numpy as np

from tests.benchmarks.watermark.compression import jpeg
from tests.benchmarks.watermark.covers import Picture
from tests.benchmarks.watermark.geometry import cropped, perspective, rotated, scaled
from tests.benchmarks.watermark.toning import gamma, noise, rounded


def screenshot(image: Picture, rng: np.random.Generator) -> Picture:
    """Shown at 80 %, stored as JPEG 75, a little darker, cut at the edges."""
    return cropped(gamma(jpeg(scaled(image, 0.8), 75), 1.1), 0.9, rng)


def social_networks(image: Picture) -> Picture:
    """Twice: long side 1080, JPEG 70."""
    for _ in range(2):
        image = jpeg(scaled(image, 1080 / max(image.shape[:2])), 70)
    return image


def edited(image: Picture, rng: np.random.Generator) -> Picture:
    """Turned by 3 degrees, cut to 80 %, scaled to 90 %, JPEG 60."""
    return jpeg(scaled(cropped(rotated(image, 3), 0.8, rng), 0.9), 60)


def print_and_scan(image: Picture, rng: np.random.Generator) -> Picture:
    """Ink that spreads, paper that is not white, a halftone that beats with the scanner, a sheet laid down askew."""
    margin = min(image.shape[:2]) // 16
    sheet = cv2.copyMakeBorder(image, *(margin,) * 4, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    sheet = perspective(rotated(sheet, float(rng.uniform(-2, 2))), rng, 0.008)
    ink = cv2.GaussianBlur(scaled(sheet, 1.15), (0, 0), 0.9).astype(np.float32) / 255
    ink = 0.06 + 0.86 * ink**1.15  # the range that ink on paper has, darkened by dot gain
    ink = ink @ np.float32([[0.92, 0.05, 0.03], [0.06, 0.88, 0.06], [0.02, 0.08, 0.90]]).T
    y, x = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]].astype(np.float32)
    beat = np.sin(2 * np.pi * (x * 0.13 + y * 0.21)) * np.sin(2 * np.pi * (x * 0.21 - y * 0.13))
    scanned = 255 * (ink + 0.015 * beat[..., None]) * np.float32((1.0, 0.985, 0.94))
    return jpeg(noise(rounded(scanned), 2.5, rng), 85)


def photo_of_a_screen(image: Picture, rng: np.random.Generator) -> Picture:
    """Tilted, with dark surroundings, colour fringes of the pixel grid, uneven light, and a phone's JPEG."""
    margin = min(image.shape[:2]) // 12
    seen = cv2.copyMakeBorder(image, *(margin,) * 4, cv2.BORDER_CONSTANT, value=(18, 18, 20))
    seen = perspective(rotated(seen, float(rng.uniform(-3, 3))), rng, 0.03)
    seen = cv2.GaussianBlur(seen, (0, 0), 0.8).astype(np.float32) / 255
    y, x = np.mgrid[0 : seen.shape[0], 0 : seen.shape[1]].astype(np.float32)
    turn = rng.uniform(0.02, 0.05, 2)
    waves = [np.sin(2 * np.pi * (x * turn[0] + y * turn[1] + channel / 3)) for channel in range(3)]
    light = 1.05 - 0.3 * ((x / seen.shape[1] - 0.6) ** 2 + (y / seen.shape[0] - 0.4) ** 2)
    seen = (
        seen**1.1 * (1 + 0.04 * np.stack(waves, axis=-1)) * light[..., None] * np.float32((0.96, 1.0, 1.06))
    )
    return jpeg(noise(rounded(255 * seen), 3.5, rng), 80)

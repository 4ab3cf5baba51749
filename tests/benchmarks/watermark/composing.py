"""Distortions that put something over, around or beside the picture. uint8 RGB, the size may change."""

import math
from itertools import pairwise

import cv2
import numpy as np

from tests.benchmarks.watermark.covers import Picture
from tests.benchmarks.watermark.geometry import resized, scaled


def covered(image: Picture, area: float, rng: np.random.Generator) -> Picture:
    """A black rectangle somewhere."""
    out = image.copy()
    y, x, height, width = _place(image, math.sqrt(area), math.sqrt(area), rng)
    out[y : y + height, x : x + width] = 0
    return out


def logo(image: Picture, area: float, rng: np.random.Generator) -> Picture:
    """A red plate with a word on it, two and a half times as wide as high."""
    out = image.copy()
    y, x, height, width = _place(image, math.sqrt(area / 2.5), math.sqrt(area * 2.5), rng)
    out[y : y + height, x : x + width] = (196, 36, 44)
    place = (x + width // 10, y + int(0.66 * height))
    size, thick = width / 140, max(1, width // 70)
    cv2.putText(out, "BRAND", place, cv2.FONT_HERSHEY_DUPLEX, size, (255, 255, 255), thick, cv2.LINE_AA)
    return out


def emoji(image: Picture, count: int, rng: np.random.Generator) -> Picture:
    """Yellow faces, each a fifth of the short side."""
    out = image.copy()
    height, width = image.shape[:2]
    radius = min(height, width) // 10
    for _ in range(count):
        x, y = int(rng.integers(radius, width - radius)), int(rng.integers(radius, height - radius))
        cv2.circle(out, (x, y), radius, (255, 205, 60), -1, cv2.LINE_AA)
        for side in (-1, 1):
            cv2.circle(
                out,
                (x + side * radius // 3, y - radius // 4),
                max(1, radius // 8),
                (60, 40, 20),
                -1,
                cv2.LINE_AA,
            )
        cv2.ellipse(
            out,
            (x, y),
            (radius // 2, radius // 2),
            0,
            20,
            160,
            (60, 40, 20),
            max(1, radius // 10),
            cv2.LINE_AA,
        )
    return out


def captioned(image: Picture) -> Picture:
    """White words with black outlines above and below, as memes have."""
    out = image.copy()
    height, width = image.shape[:2]
    size = width / 420
    for words, y in (("ONE DOES NOT SIMPLY", 0.12), ("REMOVE A WATERMARK", 0.95)):
        for colour, thick in ((0, 6), (255, 2)):
            place = (width // 20, int(y * height))
            stroke = max(1, round(thick * size))
            cv2.putText(out, words, place, cv2.FONT_HERSHEY_DUPLEX, size, (colour,) * 3, stroke, cv2.LINE_AA)
    return out


def bordered(image: Picture, share: float) -> Picture:
    """A white frame, wider below, with a line of text: the other form of a meme."""
    margin = round(share * min(image.shape[:2]))
    out = cv2.copyMakeBorder(
        image, 2 * margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(255, 255, 255)
    )
    size = image.shape[1] / 500
    place = (margin, round(1.4 * margin))
    cv2.putText(
        out, "when the mark survives", place, cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), 2, cv2.LINE_AA
    )
    return out


def pasted_into(image: Picture, other: Picture, rng: np.random.Generator) -> Picture:
    """At half its size, somewhere in another picture of its former size."""
    out = resized(other, image.shape[1], image.shape[0])
    small = scaled(image, 0.5)
    y, x = (int(rng.integers(out.shape[i] - small.shape[i] + 1)) for i in range(2))
    out[y : y + small.shape[0], x : x + small.shape[1]] = small
    return out


def mirrored_collage(image: Picture) -> Picture:
    """The picture beside its mirror image, both above their reflections, at the picture's own size."""
    pair = np.concatenate([image, image[:, ::-1]], axis=1)
    return scaled(np.concatenate([pair, pair[::-1]], axis=0), 0.5)


def one_ninth_on_a_page(image: Picture, rng: np.random.Generator) -> Picture:
    """One of nine patches, padded with grey to the size of the picture."""
    out = np.full_like(image, 128)
    height, width = image.shape[0] // 3, image.shape[1] // 3
    y, x = int(rng.integers(3)) * height, int(rng.integers(3)) * width
    top, left = int(rng.integers(2 * height)), int(rng.integers(2 * width))
    out[top : top + height, left : left + width] = image[y : y + height, x : x + width]
    return out


def nine_patches(image: Picture, gap: float) -> Picture:
    """Cut into nine, each cropped at its edges and padded with white: the patches drift apart by the gap."""
    rows, columns = (np.linspace(0, side, 4).astype(int) for side in image.shape[:2])
    margin = max(2, round(gap * min(image.shape[:2]) / 3))
    bands = []
    for top, bottom in pairwise(rows):
        patches = [
            cv2.copyMakeBorder(
                image[top + margin : bottom - margin, left + margin : right - margin],
                *(2 * margin,) * 4,
                cv2.BORDER_CONSTANT,
                value=(255, 255, 255),
            )
            for left, right in pairwise(columns)
        ]
        bands.append(np.concatenate(patches, axis=1))
    return np.concatenate(bands, axis=0)


def _place(image: Picture, down: float, across: float, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A random place (y, x, height, width) of a rectangle with these shares of the sides."""
    height, width = round(image.shape[0] * min(down, 1)), round(image.shape[1] * min(across, 1))
    y, x = int(rng.integers(image.shape[0] - height + 1)), int(rng.integers(image.shape[1] - width + 1))
    return y, x, height, width

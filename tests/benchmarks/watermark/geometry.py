"""Distortions that move pixels: scaling, turning, bending, cutting. All take and give uint8 RGB, the size may change.

Angles are in degrees; areas are shares of the picture's area; lengths in pixels unless said otherwise.
"""

import math

import cv2
import numpy as np

from tests.benchmarks.watermark.covers import Picture


def resized(image: Picture, width: float, height: float) -> Picture:
    """Give a size; averages when shrinking, cubic when growing."""
    size = (max(1, round(width)), max(1, round(height)))
    smaller = size[0] * size[1] < image.shape[0] * image.shape[1]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def scaled(image: Picture, across: float, down: float | None = None) -> Picture:
    return resized(image, image.shape[1] * across, image.shape[0] * (across if down is None else down))


def scaled_and_back(image: Picture, share: float) -> Picture:
    return resized(scaled(image, share), image.shape[1], image.shape[0])


def enlarged_and_sharpened(image: Picture, factor: float) -> Picture:
    """Lanczos, then an unsharp mask, as "enhance" buttons do."""
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    large = cv2.resize(image, size, interpolation=cv2.INTER_LANCZOS4)
    return cv2.addWeighted(large, 1.8, cv2.GaussianBlur(large, (0, 0), 1.5), -0.8, 0)


def rotated(image: Picture, degrees: float) -> Picture:
    """Turn about the centre in a frame of the same size; corners are black."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC)


def straightened(image: Picture, degrees: float) -> Picture:
    """Turn, and cut the largest upright rectangle of the same shape without corners, as a "straighten" tool does."""
    height, width = image.shape[:2]
    turn = math.radians(abs(degrees))
    longer, shorter = max(height, width), min(height, width)
    share = 1 / (math.cos(turn) + longer / shorter * math.sin(turn))
    rows, columns = int(height * share), int(width * share)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(rotated(image, degrees)[top : top + rows, left : left + columns])


def sheared(image: Picture, degrees: float) -> Picture:
    """Slant to the right; the frame grows so that nothing is lost."""
    height, width = image.shape[:2]
    slant = math.tan(math.radians(degrees))
    matrix = np.float32([[1, slant, 0], [0, 1, 0]])
    return cv2.warpAffine(image, matrix, (width + math.ceil(slant * height), height), flags=cv2.INTER_CUBIC)


def perspective(image: Picture, rng: np.random.Generator, share: float) -> Picture:
    """Pull each corner inwards by up to `share` of the sides."""
    height, width = image.shape[:2]
    corners = np.float32([[0, 0], [width, 0], [width, height], [0, height]])
    inwards = np.float32([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    moved = corners + (rng.uniform(0, share, (4, 2)) * (width, height) * inwards).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, moved)
    return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC)


def elastic(image: Picture, rng: np.random.Generator, rms_px: float) -> Picture:
    """Move every pixel by a smooth random field (correlated over a sixteenth of the short side)."""
    height, width = image.shape[:2]
    reach = min(height, width) / 16
    field = cv2.GaussianBlur(
        rng.normal(0, 1, (height // 4, width // 4, 2)).astype(np.float32), (0, 0), reach / 4
    )
    field = cv2.resize(
        field * np.float32(rms_px / field.std()), (width, height), interpolation=cv2.INTER_CUBIC
    )
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return cv2.remap(
        image, x + field[..., 0], y + field[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def barrel(image: Picture, bend: float) -> Picture:
    """Radial lens distortion r -> r (1 + bend r^2), r = 1 at the corners."""
    height, width = image.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    across, down = x - width / 2, y - height / 2
    factor = 1 + np.float32(bend) * (across**2 + down**2) / np.float32((width**2 + height**2) / 4)
    return cv2.remap(image, across * factor + width / 2, down * factor + height / 2, cv2.INTER_CUBIC)


def seams_removed(image: Picture, share: float) -> Picture:
    """Take out the `share` of columns that are missed least, each a connected seam.

    Avidan and Shamir, SIGGRAPH 2007.
    """
    for _ in range(round(image.shape[1] * share)):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        cost = np.abs(across) + np.abs(down)
        height, width = cost.shape
        padded = np.full(width + 2, np.inf, np.float32)
        for row in range(1, height):
            padded[1:-1] = cost[row - 1]
            cost[row] += np.minimum(np.minimum(padded[:-2], padded[2:]), padded[1:-1])
        keep = np.ones((height, width), bool)
        column = int(cost[-1].argmin())
        for row in range(height - 1, -1, -1):
            keep[row, column] = False
            if row:
                first = max(0, column - 1)
                column = first + int(cost[row - 1, first : column + 2].argmin())
        image = image[keep].reshape(height, width - 1, 3)
    return np.ascontiguousarray(image)


def cropped(image: Picture, area: float, rng: np.random.Generator | None = None) -> Picture:
    """Keep a share of the area, in the middle or, given a generator, anywhere."""
    height, width = (round(side * math.sqrt(area)) for side in image.shape[:2])
    spare = image.shape[0] - height, image.shape[1] - width
    y, x = (s // 2 for s in spare) if rng is None else (int(rng.integers(s + 1)) for s in spare)
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def cropped_and_back(image: Picture, area: float, rng: np.random.Generator) -> Picture:
    return resized(cropped(image, area, rng), image.shape[1], image.shape[0])

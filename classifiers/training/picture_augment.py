"""Change a training picture the way pictures change in the world.

Owns the augmentation of `train_pictures`, numpy and OpenCV alone: turned, cropped, mirrored, other light and colour,
blurred, saved as JPEG again. What it must keep: the thing that the label names. So a crop keeps at least `MIN_AREA` of
the picture.
"""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

MIN_AREA: Final = 0.6
"""Share of the picture that a crop keeps at least. ImageNet recipes go down to 0.08, which would cut a small object
out of a picture that still carries its label."""
_MAX_TURN_DEG: Final = 15.0
_MAX_STRETCH: Final = 1.15
_LIGHT: Final = 0.25
_JPEG: Final = (40, 95)


def augment(square: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Give a changed copy of uint8 (S, S, 3): uint8 (side, side, 3). Deterministic for a given state of `rng`."""
    picture = _warped(square, side, rng)
    picture = _relit(picture, rng)
    if rng.random() < 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 1.2))), np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(*_JPEG))
        _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _warped(square: NDArray[np.uint8], side: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Crop, turn, stretch and mirror in one step; what comes from outside the picture is mirrored in."""
    whole = square.shape[0]
    zoom = side / (whole * np.sqrt(rng.uniform(MIN_AREA, 1)))
    stretch = _MAX_STRETCH ** rng.uniform(-1, 1)
    turn = np.deg2rad(rng.uniform(-_MAX_TURN_DEG, _MAX_TURN_DEG))
    flip = -1 if rng.random() < 0.5 else 1
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.diag([zoom * stretch * flip, zoom / stretch])
    slack = max(0.0, (whole * zoom - side) / 2)
    centre = np.array([side, side]) / 2 + rng.uniform(-slack, slack, 2)
    offset = centre - matrix @ (np.array([whole, whole]) / 2)
    return np.asarray(
        cv2.warpAffine(
            square,
            np.column_stack((matrix, offset)),
            (side, side),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        ),
        np.uint8,
    )


def _relit(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Change brightness, contrast, saturation and the balance of the colours."""
    brightness, contrast, saturation = rng.uniform(1 - _LIGHT, 1 + _LIGHT, 3)
    colours = brightness * rng.uniform(1 - _LIGHT / 3, 1 + _LIGHT / 3, 3)
    pixels = picture.astype(np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = (grey + (pixels - grey) * saturation) * colours.astype(np.float32)
    middle = float(pixels.mean())
    return np.asarray(np.clip(middle + (pixels - middle) * contrast, 0, 255), np.uint8)

"""Pictures made here: fields of noise at every scale, shapes with edges, and a smooth sky."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

cv2.setNumThreads(1)

MakePicture = Callable[..., np.ndarray]


def make(seed: int = 0, height: int = 384, width: int = 448, texture: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    luma = np.tile(np.linspace(150, 90, height, dtype=np.float32)[:, None], (1, width))
    colour = np.zeros((height, width, 3), np.float32)
    for octave in range(1, 9):
        size = (2 + width * 2**octave // 512, 2 + height * 2**octave // 512)
        amplitude = texture * 40 / 2 ** (0.6 * octave)
        grain = rng.normal(0, amplitude, size[::-1]).astype(np.float32)
        luma += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        tint = rng.normal(0, 0.5 * amplitude, (*size[::-1], 3)).astype(np.float32)
        colour += cv2.resize(tint, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = luma[..., None] + colour
    for _ in range(6):
        centre = tuple(int(v) for v in rng.integers(0, (width, height)))
        axes = tuple(int(v) for v in rng.integers(10, max(11, min(height, width) // 4), 2))
        shade = [float(v) for v in rng.uniform(20, 230, 3)]
        shape = np.zeros((height, width), np.uint8)
        cv2.ellipse(shape, centre, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        share = shape[..., None].astype(np.float32) / 255 * 0.7
        picture = picture * (1 - share) + np.array(shade, np.float32) * share
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def make_picture() -> MakePicture:
    return make


@pytest.fixture(scope="session")
def key() -> bytes:
    return bytes(range(32))

"""Turn a picture into what an image network reads.

Owns the check that an array is a picture, and the one way from pixels to network input, so that training,
calibration and serving cannot drift apart. Rules it keeps: the whole picture is seen, squashed to a square: a crop
would leave a border that nobody judges; the input is copied, never changed.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ImageRejected


def check_picture(image: NDArray[np.uint8]) -> None:
    """Refuse what is not uint8 (H, W, 3) with H, W >= 1.

    Raises:
        ImageRejected: it is not.

    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ImageRejected(f"image: got {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB")


def squash(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Resize uint8 (H, W, 3) to uint8 (side, side, 3), whatever its aspect ratio."""
    shrinks = image.shape[0] > side or image.shape[1] > side
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (side, side), interpolation=how), np.uint8)


def network_input(
    square: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """Normalise uint8 (S, S, 3) RGB to float32 (1, 3, S, S): (pixel / 255 - mean) / std for each colour."""
    scale = 1 / (255 * np.asarray(std, np.float32))
    shift = np.asarray(mean, np.float32) / np.asarray(std, np.float32)
    return np.ascontiguousarray((square * scale - shift).transpose(2, 0, 1)[None], np.float32)

"""What of a text or a picture is sent to a moderation service.

Long texts go as overlapping windows, pictures as JPEG within sizes that both services document. Nothing is left out:
every character is in a window, and the whole picture is sent, scaled.
"""

import io
from collections.abc import Iterator
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifiers.picture_input import check_picture

OVERLAP: Final = 200
"""Characters that a window shares with the one before it, so that a phrase on the cut is whole in one of them."""
MAX_SIDE: Final = 1536
MIN_SIDE: Final = 50
"""Pixels. Azure takes 50 x 50 to 2048 x 2048 and 4 MB, OpenAI 20 MB; noise of 1536 x 1536, which compresses worst,
is 2.1 MB at `QUALITY`."""
QUALITY: Final = 90


def clean_text(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot carry, by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def windows(text: str, size: int) -> Iterator[str]:
    """Cut `text` into windows of at most `size` > `OVERLAP` characters, each `OVERLAP` into the one before it.

    Blank texts and blank windows are not given: there is nothing in them to judge, and services refuse them.
    """
    for start in range(0, max(len(text) - OVERLAP, 1), size - OVERLAP):
        window = text[start : start + size]
        if window.strip():
            yield window


def jpeg_bytes(image: NDArray[np.uint8]) -> bytes:
    """Give uint8 (H, W, 3) RGB as JPEG with both sides in [`MIN_SIDE`, `MAX_SIDE`] pixels.

    Larger pictures are shrunk as a whole, sides too short are lengthened by repeating their edge. In a picture many
    times as long as wide small things are lost by that.

    Raises:
        ImageRejected: not such an array.

    """
    check_picture(image)
    factor = MAX_SIDE / max(image.shape[:2])
    if factor < 1:
        height, width = (max(1, round(side * factor)) for side in image.shape[:2])
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    missing = [max(0, MIN_SIDE - side) for side in image.shape[:2]]
    if any(missing):
        image = np.pad(image, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()

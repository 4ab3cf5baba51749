"""What `embed` and `detect` accept: the checks every public call makes before it touches a pixel.

Rule: a value that passes here can be processed without any further check of type, shape or size.
"""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.errors import BadImage, BadKey, BadPayload, ImageTooSmall

Image = NDArray[np.uint8]
AnyImage = NDArray[np.uint8] | NDArray[np.uint16]
Picture = TypeVar("Picture", NDArray[np.uint8], NDArray[np.uint16])

SHORTEST_SIDE_PX = 128
"""Smallest side that is marked: a little over one period of the smallest tile (tile.py)."""

SHORTEST_SEARCHED_PX = 64
"""Smallest side that is searched: crops of marked pictures down to half a period can still be read."""

LEVELS_PER_8_BIT = 257
"""Levels of 16 bits for one of 8: 65535 / 255."""

PAYLOAD_BYTES = 8
KEY_BYTES = (16, 64)


def check_image(image: AnyImage, shortest_px: int = SHORTEST_SIDE_PX) -> AnyImage:
    """Return `image` unchanged if it can be marked or searched.

    Args:
        image: uint8 or uint16, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA.
        shortest_px: least side that is accepted.

    Raises:
        BadImage: another type, dtype or shape.
        ImageTooSmall: a side is under `shortest_px`.

    """
    if not isinstance(image, np.ndarray) or image.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        got = getattr(image, "dtype", type(image).__name__)
        raise BadImage(f"image: got {got}, expected a numpy array of uint8 or uint16, convert it first")
    if image.ndim != 2 and (image.ndim != 3 or image.shape[2] not in {3, 4}):
        raise BadImage(
            f"image: got shape {image.shape}, expected (H, W), (H, W, 3) or (H, W, 4), convert to grey, RGB or RGBA"
        )
    height, width = image.shape[:2]
    if min(height, width) < shortest_px:
        raise ImageTooSmall(
            f"image: got {width}x{height} px, expected a shortest side of at least {shortest_px} px, use a larger image"
        )
    return image


def rgb_of(image: AnyImage) -> Image:
    """Show any accepted picture as uint8 (H, W, 3), contiguous; alpha is dropped, 16 bits are rounded to 8."""
    colours = image if image.ndim == 2 else image[:, :, :3]
    if colours.dtype == np.uint16:
        colours = cv2.convertScaleAbs(np.ascontiguousarray(colours), alpha=1 / LEVELS_PER_8_BIT)
    if colours.ndim == 2:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_GRAY2RGB), np.uint8)
    return np.ascontiguousarray(colours, np.uint8)


def check_key(key: bytes) -> bytes:
    """Return `key` as bytes.

    Raises:
        BadKey: not bytes, or not 16 to 64 of them.

    """
    if not isinstance(key, (bytes, bytearray, memoryview)):
        raise BadKey(f"key: got {type(key).__name__}, expected bytes, decode it first")
    low, high = KEY_BYTES
    if not low <= len(key) <= high:
        raise BadKey(
            f"key: got {len(key)} bytes, expected {low} to {high}, make one with secrets.token_bytes(32)"
        )
    return bytes(key)


def check_payload(payload: bytes) -> bytes:
    """Return `payload` as bytes.

    Raises:
        BadPayload: not bytes, or not exactly 8 of them.

    """
    if not isinstance(payload, (bytes, bytearray, memoryview)):
        raise BadPayload(f"payload: got {type(payload).__name__}, expected {PAYLOAD_BYTES} bytes")
    if len(payload) != PAYLOAD_BYTES:
        raise BadPayload(
            f"payload: got {len(payload)} bytes, expected {PAYLOAD_BYTES}, pad or hash it to 64 bits"
        )
    return bytes(payload)

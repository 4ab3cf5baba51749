"""The ISCC Image-Code (ISO 24138:2024, algorithm v0), a registered soft binding of C2PA ("io.iscc.v0").

32 x 32 grey values, their cosine transform, and for the 8 x 8 lowest cosines one bit each: above the median or not.
The text form is "ISCC:" and the base32 of two header bytes and the code. Written from the standard's public
description; tests hold it against codes of iscc-core 1.5.0.
"""

import base64
import binascii
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ISCC_ALG = "io.iscc.v0"
ISCC_BYTES = 8

_SIDE, _LOW = 32, 8
_PREFIX = "ISCC:"
_HEADERS = {8: b"\x21\x01", 16: b"\x21\x03", 24: b"\x21\x05", 32: b"\x21\x07"}
"""Main type 2 (content), subtype 1 (image); version 0, length in 32-bit words less one: by bytes of code."""


def iscc_of_grey(grey: NDArray[np.uint8]) -> bytes:
    """Return the 64-bit code (8 bytes) of a grey picture, uint8 (H, W).

    Even borders are cut off first, as the standard has it, so that a frame does not change the code.
    """
    small = np.asarray(
        Image.fromarray(_without_border(grey)).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), np.float64
    )
    return code_of_pixels(small)


def code_of_pixels(pixels: NDArray[np.float64]) -> bytes:
    """Return the code (8 bytes) of 32 x 32 grey values in 0..255."""
    dct = _dct()
    low = (dct @ pixels @ dct.T)[:_LOW, :_LOW]
    return np.packbits(low.ravel() > np.median(low)).tobytes()


def iscc_text(code: bytes) -> str:
    """Return the text form of a 64-bit code."""
    return _PREFIX + base64.b32encode(_HEADERS[ISCC_BYTES] + code).decode().rstrip("=")


def iscc_from_text(text: str) -> bytes | None:
    """Return the first 64 bits of an Image-Code of any length; None for anything else."""
    body = text.removeprefix(_PREFIX).upper()
    if len(body) > 60:  # 2 + 32 bytes in base32 are 55 characters
        return None
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except (binascii.Error, ValueError):
        return None
    return data[2:10] if _HEADERS.get(len(data) - 2) == data[:2] else None


def _without_border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Cut off the rows and columns at the rim that are all of the corner's value."""
    differs = grey != grey[0, 0]
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return grey
    return np.ascontiguousarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


@cache
def _dct() -> NDArray[np.float64]:
    """The unnormalised cosine transform (DCT-II), (32, 32); the scale does not matter for bits."""
    k, n = np.arange(_SIDE)[:, None], np.arange(_SIDE)
    return np.asarray(np.cos(np.pi * k * (2 * n + 1) / (2 * _SIDE)))

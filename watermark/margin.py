"""Margin: how much of the message a harsh compression would leave.

A picture with little texture can meet every limit of quality and still lose its message to JPEG at quality 10, while
the next one has twice what it needs. So the marked picture is compressed, and the soft information about the bits that
were sent is measured in what the detector would see. Unit: bits, sum(1 - log2(1 + exp(-llr * sent))) over 2048 code
bits; a message of 104 bits decodes from about 115 (NOTES.md).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Lock, sample
from watermark.frontend import Scene, unit_rms
from watermark.inputs import Image
from watermark.message import data_symbols
from watermark.search import reduced_luma, searched_part
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import UNITS, Tile, period_px

HARSH_JPEG_QUALITIES = (10, 20)
"""What a message shall survive, hardest first; where one is out of reach the next is tried for."""

ENOUGH = 135.0
"""A little over what decodes: the detector's better front end adds up to 20 % to what is measured here."""

HOPELESS = 90.0
"""Below this at full strength no message will be read: the picture is spared the stronger mark."""


def surviving_information(
    tile: Tile, marked: Image, payload: bytes, variant: int, origin: tuple[float, float], quality: int
) -> float:
    """Bits of soft information that JPEG at a quality leaves of the message in `marked`, uint8 (H, W, 3)."""
    _, file = cv2.imencode(
        ".jpg", np.ascontiguousarray(marked[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    decoded = np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)
    compressed = np.ascontiguousarray(decoded[:, :, ::-1])
    rgb, reduction = searched_part(compressed)
    luma = reduced_luma(rgb, reduction)
    matrix = np.eye(2) / (period_px(*marked.shape[:2]) * reduction)
    # the phases of a spectrum count from its centre
    centre = np.array([luma.shape[1] // 2, luma.shape[0] // 2])
    shift = (np.array(origin) * reduction - centre) @ matrix * UNITS
    lock = Lock(matrix, (float(shift[0]), float(shift[1])), 1, variant, 0.0, 0.0)
    looks = [Spectrum(unit_rms(Scene(luma).luma()))]
    llr = soft_bits(tile, sample(tile, looks, matrix), lock)
    return _information(llr, data_symbols(tile, payload, variant))


def _information(llr: NDArray[np.float32], symbols: NDArray[np.complex128]) -> float:
    sent = np.stack([np.sign(symbols.real), np.sign(symbols.imag)], axis=1).ravel()
    return float(np.sum(1.0 - np.log2(1.0 + np.exp(-llr * sent))))

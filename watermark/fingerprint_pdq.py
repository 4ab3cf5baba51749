"""PDQ: a 256-bit hash of a whole picture that survives re-encoding, resizing and small overlays.

Written from Meta's public description ("The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm",
2019): two passes of a box filter, 64 x 64 samples, the 16 x 16 lowest cosines without the constant one, one bit each:
above the median or not. Mirroring and turning a picture changes only signs and order of the cosines, so one
transform gives the hashes of all eight versions.

Hashes are read by other implementations: bit order as in Meta's hexadecimal text, most significant bit first. They
see the picture in full size, we the working picture of watermark.fingerprint: the hashes differ in 0 to 14 of 256 bits
(41 photographs and drawings against pdqhash 0.2.8).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

PDQ_BYTES = 32
SAMPLES, COSINES = 64, 16
_QUALITY_PER_GRADIENT = 90  # from the description: so that ordinary pictures reach 100

_K = np.arange(1, COSINES + 1)[:, None]
_DCT = (np.sqrt(2 / SAMPLES) * np.cos(np.pi / (2 * SAMPLES) * _K * (2 * np.arange(SAMPLES) + 1))).astype(
    np.float32
)
_SIGNS = (-1.0) ** np.arange(1, COSINES + 1, dtype=np.float32)  # odd cosines change sign in a mirror


def pdq_cosines(grey: NDArray[np.uint8]) -> tuple[NDArray[np.float32], int]:
    """Return the 16 x 16 cosines (float32, rows are vertical frequencies) and the quality (0 flat .. 100).

    `grey` is uint8 (H, W). Below a quality of 50 there is too little in the picture for its hash to be trusted.
    """
    smooth = grey.astype(np.float32)
    height, width = grey.shape
    windows = [(size + 2 * SAMPLES - 1) // (2 * SAMPLES) for size in (width, height)]
    anchor = tuple(window - (window + 2) // 2 for window in windows)
    inside = _box(np.ones_like(smooth), windows, anchor)  # at the rim the mean of what there is
    for _ in range(2):
        smooth = _box(smooth, windows, anchor) / inside
    rows = ((np.arange(SAMPLES) + 0.5) * height / SAMPLES).astype(int)
    columns = ((np.arange(SAMPLES) + 0.5) * width / SAMPLES).astype(int)
    samples = smooth[np.ix_(rows, columns)]
    steps = [np.abs(np.trunc(np.diff(samples, axis=axis) * 100 / 255)).sum() for axis in (0, 1)]
    quality = min(100, int(sum(steps)) // _QUALITY_PER_GRADIENT)
    return (_DCT @ samples @ _DCT.T).astype(np.float32), quality


def pdq_hash(cosines: NDArray[np.float32]) -> bytes:
    """Return the 32 bytes of one hash."""
    ordered = np.sort(cosines, axis=None)
    bits = cosines > ordered[(cosines.size - 1) // 2]  # the lower median, as the description has it
    return np.packbits(bits.ravel()[::-1]).tobytes()


def dihedral_hashes(cosines: NDArray[np.float32]) -> list[bytes]:
    """Return the hashes of the picture in its eight positions, the given one first."""
    rows, columns = _SIGNS[:, None], _SIGNS[None, :]
    upright = [cosines, cosines * rows, cosines * columns, cosines * rows * columns]
    return [pdq_hash(one) for one in (*upright, *(one.T for one in upright))]


def hamming(a: bytes, b: bytes) -> int:
    """Count the bits in which two hashes of one length differ."""
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count()


def _box(values: NDArray[np.float32], windows: list[int], anchor: tuple[int, ...]) -> NDArray[np.float32]:
    """Sum over a window around each value, with zeros outside."""
    out = cv2.boxFilter(values, -1, windows, anchor=anchor, normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(out, np.float32)

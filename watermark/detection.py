"""Detection: is the mark of this key in this picture, and what does it say? Nothing but pixels and key is needed.

The search goes from cheap to dear and stops at the first payload whose keyed check passes:
0. the period that a picture of this size would have been marked with, in eight orientations.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from watermark.alignment import Lock, lock_at
from watermark.errors import BadOption
from watermark.frontend import Plane, suppress_host
from watermark.inputs import Image, check_image, check_key
from watermark.message import CHECK_BITS, LIST_SIZE, read_payload
from watermark.significance import POSSIBLE, PRESENT, check_p_value, lock_p_value
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import Tile, period_px, tile_for

EFFORTS = ("fast", "normal", "thorough")

SEARCHED_PX = 640_000
"""Larger pictures are averaged down to this many pixels: cost stays flat, and the mark's band survives."""

READ_FROM_Z = 5.3
"""Locks below this are not worth decoding: one look at an unmarked picture exceeds it once in 500."""

DIHEDRAL = tuple(
    np.array(m, np.float64)
    for m in ([[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, 1]], [[0, 1], [1, 0]])
)
"""Identity, quarter turn, mirror, both; half turns come free with every test."""


@dataclass(frozen=True)
class Geometry:
    """How the picture was turned since it was marked, as far as the mark shows.

    Attributes:
        rotation_deg: counter-clockwise, -180..180.
        scale: size now over size when marked, judged by the period that a picture of the present size would carry.
        flipped: whether it is mirrored.
        inverted: whether the colours are inverted.

    """

    rotation_deg: float
    scale: float
    flipped: bool
    inverted: bool


@dataclass(frozen=True)
class Detection:
    """The answer of `detect`.

    Attributes:
        present: whether the mark of this key is there, at p <= 1e-6 or with a payload that passes its check.
        payload: 8 bytes when the keyed check passes, else None; never a guess.
        p_value: probability that an unmarked picture gives an answer this strong, for the whole search.
        status: "detected" | "possible" (p <= 1e-3) | "not_detected", which does not mean human-made.
        geometry: how the picture was turned, None unless detected.

    """

    present: bool
    payload: bytes | None
    p_value: float
    status: str
    geometry: Geometry | None


def detect(image: Image, *, key: bytes, effort: str = "normal") -> Detection:
    """Look for the mark of `key` in a picture.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W, 4) RGBA (alpha is not looked at), shortest side >= 128 px.
        key: 16 to 64 secret bytes, as given to `embed`.
        effort: "fast" | "normal" | "thorough".

    Raises:
        BadImage, ImageTooSmall, BadKey, BadOption: an argument is not as described.

    """
    check_image(image)
    tile = tile_for(check_key(key))
    if effort not in EFFORTS:
        raise BadOption(f"effort: got {effort!r}, expected one of {', '.join(EFFORTS)}")
    return _Search(tile, image).run()


class _Search:
    """One call of `detect`: what was computed so far, and how many looks it took."""

    def __init__(self, tile: Tile, image: Image) -> None:
        self.tile = tile
        self.luma, self.reduction = _searched_plane(image)
        self.nominal_period = period_px(*image.shape[:2]) * self.reduction
        self.tests = 0
        self.reads = 0
        self.best: Lock | None = None

    def run(self) -> Detection:
        spectrum = Spectrum(suppress_host(self.luma))
        locks = [lock_at(self.tile, spectrum, turn / self.nominal_period) for turn in DIHEDRAL]
        self.tests += len(locks)
        lock = max(locks, key=lambda lock: lock.z)
        self.best = lock
        payload = self._read(spectrum, lock)
        return self._answer(payload)

    def _read(self, spectrum: Spectrum, lock: Lock) -> bytes | None:
        if lock.z < READ_FROM_Z:
            return None
        self.reads += 1
        coefficients = spectrum.sample(self.tile.carriers @ lock.matrix.T)
        return read_payload(self.tile, soft_bits(self.tile, coefficients, lock))

    def _answer(self, payload: bytes | None) -> Detection:
        assert self.best is not None  # noqa: S101 - level 0 always sets it
        p_value = lock_p_value(self.best.z, self.tests)
        if payload is not None:
            p_value = min(p_value, check_p_value(self.reads * LIST_SIZE, CHECK_BITS))
        present = payload is not None or p_value <= PRESENT
        status = "detected" if present else "possible" if p_value <= POSSIBLE else "not_detected"
        geometry = _geometry(self.best, self.nominal_period) if present else None
        return Detection(present, payload, p_value, status, geometry)


def _searched_plane(image: Image) -> tuple[Plane, float]:
    """Luma float32 of at most SEARCHED_PX, and the factor of reduction (<= 1)."""
    luma = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    factor = min(1.0, math.sqrt(SEARCHED_PX / (height * width)))
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return luma.astype(np.float32), factor


def _geometry(lock: Lock, nominal_period: float) -> Geometry:
    """Read rotation, scale and mirror off a map of harmonics to frequencies."""
    matrix = lock.matrix
    determinant = float(np.linalg.det(matrix))
    flipped = determinant < 0
    upright = matrix @ np.diag([-1.0, 1.0]) if flipped else matrix
    # image rows run down, so a positive angle in (x, y) turns clockwise on the screen
    angle = -math.degrees(math.atan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    period = 1.0 / math.sqrt(max(abs(determinant), 1e-12))
    return Geometry(angle, period / nominal_period, flipped, lock.sign < 0)

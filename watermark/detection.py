"""Detection: is the mark of this key in this picture, and what does it say? Nothing but pixels and key is needed.

The search goes from cheap to dear and stops at the first payload whose keyed check passes:
0. the period that a picture of this size would have been marked with, in eight orientations.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from watermark.alignment import Lock, Matrix, climb, lock_coefficients, sample
from watermark.errors import BadOption
from watermark.frontend import Plane, suppress_host
from watermark.inputs import Image, check_image, check_key
from watermark.message import CHECK_BITS, LIST_SIZE, read_payload
from watermark.significance import POSSIBLE, PRESENT, check_p_value, lock_p_value
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.spectrum_search import Candidate, PowerMap, climb_magnitudes, search_aspects, search_octaves
from watermark.tile import PERIOD_FACTOR, REFERENCE_SIDE_PX, UNITS, Tile, period_px, tile_for

EFFORTS = ("fast", "normal", "thorough")

SEARCHED_PX = 400_000
"""Larger pictures are averaged down to this many pixels: cost stays flat, and the mark's band survives."""

READ_FROM_Z = 5.3
"""Locks below this are not worth decoding: one look at an unmarked picture exceeds it once in 500."""

PROMISING_Z = 5.5
CERTAIN_Z = 6.5
LOCKED_CANDIDATES = 8
SPIN = 4
"""Shifts of the wavelet grid when a lock was found and its message was not."""

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
    return _Search(tile, image).run(effort)


class _Search:
    """One call of `detect`: what was computed so far, and how many looks it took."""

    def __init__(self, tile: Tile, image: Image) -> None:
        self.tile = tile
        self.planes, self.reduction = searched_planes(image)
        self.nominal_period = period_px(*image.shape[:2]) * self.reduction
        self.tests = 0
        self.reads = 0
        self.best: Lock | None = None
        self.payload: bytes | None = None

    def run(self, effort: str) -> Detection:
        """Go through the levels until a payload is read."""
        self._nominal([Spectrum(residual) for residual in suppress_host(self.planes[:1])])
        if self.payload is None and effort != "fast":
            residuals = suppress_host(self.planes)
            looks = [Spectrum(residual) for residual in residuals]
            self._nominal(looks)
            if self.payload is None:
                self._anywhere(looks, [PowerMap.of(residual) for residual in residuals])
        return self._answer()

    def _nominal(self, looks: list[Spectrum]) -> None:
        """Level 0: the period that a picture of this size would have been marked with, in eight orientations."""
        for turn in DIHEDRAL:
            self._try(looks, turn / self.nominal_period)

    def _anywhere(self, looks: list[Spectrum], maps: list[PowerMap]) -> None:
        """Levels 1 and 2: any scale, angle and mirror; then any aspect as well."""
        lower, upper = self._period_limits()
        self._try_candidates(looks, maps, search_octaves(self.tile, maps, (lower, upper)))
        if self.payload is None and self.best_z < CERTAIN_Z:
            near = (max(lower, self.nominal_period / 1.6), min(upper, 1.6 * self.nominal_period))
            self._try_candidates(looks, maps, search_aspects(self.tile, maps, near))
        if self.payload is None and self.best is not None and self.best.z >= PROMISING_Z:
            lock, tests = climb(self.tile, looks, self.best)
            self.tests += tests * len(looks)
            if not self._read(looks, lock):
                spun = [Spectrum(residual) for residual in suppress_host(self.planes, SPIN)]
                self._read(spun, lock)

    def _try_candidates(
        self, looks: list[Spectrum], maps: list[PowerMap], candidates: list[Candidate]
    ) -> None:
        for candidate in climb_magnitudes(self.tile, maps, candidates)[:LOCKED_CANDIDATES]:
            if self._try(looks, candidate.matrix):
                return

    def _try(self, looks: list[Spectrum], matrix: Matrix) -> bool:
        """Test one map and read the message there if it locks; says whether a payload was read."""
        coefficients = sample(self.tile, looks, matrix)
        lock = lock_coefficients(self.tile, coefficients, matrix)
        self.tests += 2 * len(looks) - 1
        if self.best is None or lock.z > self.best.z:
            self.best = lock
        if lock.z < READ_FROM_Z:
            return False
        return self._read(looks, lock)

    def _read(self, looks: list[Spectrum], lock: Lock) -> bool:
        self.reads += 1
        payload = read_payload(self.tile, soft_bits(self.tile, sample(self.tile, looks, lock.matrix), lock))
        if payload is not None or self.best is None or lock.z > self.best.z:
            self.best = lock
        self.payload = payload
        return payload is not None

    def _period_limits(self) -> tuple[float, float]:
        """Periods worth searching: a fifth of the size to any crop, but never fewer than 30 px."""
        height, width = self.planes[0].shape
        proportional = (
            UNITS * PERIOD_FACTOR * math.sqrt(min(height, width) * self.reduction / REFERENCE_SIDE_PX)
        )
        longest = min(3.5 * self.nominal_period, 1.6 * max(height, width))
        return max(30.0, proportional / 2.2), longest

    @property
    def best_z(self) -> float:
        return 0.0 if self.best is None else self.best.z

    def _answer(self) -> Detection:
        assert self.best is not None  # noqa: S101 - level 0 always sets it
        p_value = lock_p_value(self.best.z, self.tests)
        if self.payload is not None:
            p_value = min(p_value, check_p_value(self.reads * LIST_SIZE, CHECK_BITS))
        present = self.payload is not None or p_value <= PRESENT
        status = "detected" if present else "possible" if p_value <= POSSIBLE else "not_detected"
        geometry = _geometry(self.best, self.nominal_period) if present else None
        return Detection(present, self.payload, p_value, status, geometry)


def searched_planes(image: Image) -> tuple[list[Plane], float]:
    """Luma and green minus magenta, float32, of at most SEARCHED_PX, and the factor of reduction (<= 1)."""
    rgb = np.ascontiguousarray(image[:, :, :3])
    height, width = rgb.shape[:2]
    factor = min(1.0, math.sqrt(SEARCHED_PX / (height * width)))
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    red, green, blue = (rgb[:, :, i].astype(np.float32) for i in range(3))
    return [luma, green - 0.5 * (red + blue)], factor


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

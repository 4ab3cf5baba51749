"""The search: from cheap to dear, until a message is read or the effort is spent.

Level 0  the period that a picture of this size would have been marked with, in eight orientations: luma alone, then
         luma and colour difference.
Level 1  any scale, angle and mirror, proposed by the magnitude of the spectrum (spectrum_search.py).
Level 2  the same with width and height scaled apart; then level 1 again through the better front end.
Level 3  (thorough) shear, far scales, and parts of the picture on their own, for collages and strong perspective.

Every proposal gets one coherent test (alignment.py); a lock above READ_FROM_Z is read. Rule: every coherent test is
counted in `tests` and every attempt to read in `reads`, for the p-value of the whole search.
"""

import math
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Lock, Matrix, climb, lock_coefficients, sample
from watermark.frontend import Plane, suppress_host
from watermark.inputs import SHORTEST_SEARCHED_PX, Image
from watermark.message import read_payload
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.spectrum_search import Candidate, PowerMap, climb_magnitudes, search_octaves, search_stretched
from watermark.tile import PERIOD_FACTOR, REFERENCE_SIDE_PX, UNITS, Tile, period_px

SEARCHED_PX = 400_000
"""Larger pictures are averaged down to this many pixels, which makes the cost flat: the mark's band survives."""

READ_FROM_Z = 5.3
"""Locks below this are not decoded; one search in ten of an unmarked picture exceeds it somewhere."""

REFINE_FROM_Z = 5.3
"""The best lock of a search without a message is read again, with more effort, from here on."""

CERTAIN_Z = 6.5
"""With a lock this good the map is right: it is refined before others are proposed."""

LOCKED_CANDIDATES = 8
SPIN = 4
"""Shifts of the wavelet grid for the last attempts: worth 1 to 2 dB after strong compression."""

WIDEST_RATIO = 8
"""Longer side over shorter side of what is looked at: reducing a longer picture would shrink its tile to nothing."""

LONGEST_RATIO = 3
"""The same for levels 1 to 3."""

SMALLEST_PERIOD_PX = 30.0
"""At shorter periods most pilots lie beyond half a cycle per pixel."""

DIHEDRAL = tuple(
    np.array(m, np.float64)
    for m in ([[1, 0], [0, 1]], [[0, -1], [1, 0]], [[-1, 0], [0, 1]], [[0, 1], [1, 0]])
)
"""Identity, quarter turn, mirror, and both; half turns come free with every test."""

ASPECTS = tuple(np.diag([math.exp(-x / 2), math.exp(x / 2)]) for x in np.linspace(-0.17, 0.17, 22))
"""Width over height +-17 %, in steps that the spectrum's resolution cannot tell apart."""

WINDOWS = ((0.2, 0.2), (0.0, 0.0), (0.0, 0.4), (0.4, 0.0), (0.4, 0.4))
"""Top and left of the parts, each 0.6 of the picture's sides, that are searched on their own."""


class _View:
    """One picture, or a part of one, in the forms that the levels need; each is made when first asked for."""

    def __init__(self, planes: list[Plane], shifts: int = 1) -> None:
        self.planes = planes
        self.shifts = shifts
        self.shape = planes[0].shape

    @cached_property
    def spun(self) -> "_View":
        """The same through the better and dearer front end."""
        return _View(self.planes, SPIN)

    def compact(self) -> "_View":
        """The middle of a very wide or very tall picture: a map that fits its whole length is too dear to find."""
        if max(self.shape) <= LONGEST_RATIO * min(self.shape):
            return self
        return _View([_middle(plane, LONGEST_RATIO) for plane in self.planes])

    @cached_property
    def residuals(self) -> list[Plane]:
        return suppress_host(self.planes, self.shifts)

    @cached_property
    def looks(self) -> list[Spectrum]:
        return [Spectrum(residual) for residual in self.residuals]

    @cached_property
    def maps(self) -> list[PowerMap]:
        return [PowerMap.of(residual) for residual in self.residuals]

    def luma_look(self) -> list[Spectrum]:
        return [Spectrum(residual) for residual in suppress_host(self.planes[:1])]

    def window(self, top: float, left: float, share: float = 0.6) -> "_View":
        height, width = self.shape
        rows = slice(round(top * height), round((top + share) * height))
        columns = slice(round(left * width), round((left + share) * width))
        return _View([np.ascontiguousarray(plane[rows, columns]) for plane in self.planes])


class Search:
    """One search: what it found so far, and how many looks it took.

    Attributes:
        best: the lock that was read, or the best one seen.
        payload: 8 bytes that passed their check, or None.
        tests: coherent tests so far.
        reads: attempts to decode so far.
        nominal_period: of a picture of this size, in searched pixels.

    """

    def __init__(self, tile: Tile, image: Image) -> None:
        planes, reduction = searched_planes(image)
        self.tile = tile
        self.view = _View(planes)
        self.nominal_period = period_px(*image.shape[:2]) * reduction
        self.proportional_period = (
            UNITS * PERIOD_FACTOR * reduction * math.sqrt(min(image.shape[:2]) / REFERENCE_SIDE_PX)
        )
        self.best = Lock(np.eye(2) / self.nominal_period, (0, 0), 1, 0.0, 0.0)
        self.payload: bytes | None = None
        self.tests = 0
        self.reads = 0

    def run(self, effort: str) -> None:
        """Go through the levels of an effort: "fast" | "normal" | "thorough"."""
        if self._nominal(self.view.luma_look()) or effort == "fast":
            return
        if self._nominal(self.view.looks):
            return
        if self.best.z >= CERTAIN_Z and self._refine(self.view):
            return
        view = self.view.compact()
        if not self._anywhere(view) and effort == "thorough":
            self._far(view)

    def _nominal(self, looks: list[Spectrum]) -> bool:
        return any(self._try(looks, turn / self.nominal_period) for turn in DIHEDRAL)

    def _anywhere(self, view: _View) -> bool:
        lower, upper = self._periods(view)
        if self._try_candidates(view, search_octaves(self.tile, view.maps, (lower, upper))):
            return True
        if self.best.z < CERTAIN_Z:
            near = (max(lower, self.nominal_period / 1.6), min(upper, self.nominal_period * 1.6))
            if self._try_candidates(view, search_stretched(self.tile, view.maps, near, ASPECTS)):
                return True
        if self.best.z < CERTAIN_Z and self._try_candidates(
            view.spun, search_octaves(self.tile, view.spun.maps, (lower, upper))
        ):
            return True
        return self.best.z >= REFINE_FROM_Z and self._refine(view)

    def _far(self, view: _View) -> bool:
        near = (self.nominal_period / 1.4, self.nominal_period * 1.4)
        if self._try_candidates(view, search_stretched(self.tile, view.maps, near, _shears())):
            return True
        for place in WINDOWS:
            part = view.window(*place)
            if min(part.shape) >= SHORTEST_SEARCHED_PX:
                candidates = search_octaves(self.tile, part.maps, self._periods(part))
                if self._try_candidates(part, candidates):
                    return True
        lower, _ = self._periods(view)
        far = (max(SMALLEST_PERIOD_PX, lower / 2), lower)
        return far[0] < far[1] and self._try_candidates(view, search_octaves(self.tile, view.maps, far))

    def _try_candidates(self, view: _View, candidates: list[Candidate]) -> bool:
        refined = climb_magnitudes(self.tile, view.maps, candidates)[:LOCKED_CANDIDATES]
        return any(self._try(view.looks, candidate.matrix) for candidate in refined)

    def _try(self, looks: list[Spectrum], matrix: Matrix) -> bool:
        """Test one map, and read the message there if it locks."""
        lock = lock_coefficients(self.tile, sample(self.tile, looks, matrix), matrix)
        self.tests += 2 * len(looks) - 1  # each plane, and two planes together
        if lock.z > self.best.z:
            self.best = lock
        return lock.z >= READ_FROM_Z and self._read(looks, lock)

    def _refine(self, view: _View) -> bool:
        """Read at the best lock with the better front end, then climb from there to a better map and read again."""
        looks = view.spun.looks
        if self._try(looks, self.best.matrix):
            return True
        lock, tests = climb(self.tile, looks, self.best)
        self.tests += tests * (2 * len(looks) - 1)
        return self._read(looks, lock)

    def _read(self, looks: list[Spectrum], lock: Lock) -> bool:
        self.reads += 1
        self.payload = read_payload(
            self.tile, soft_bits(self.tile, sample(self.tile, looks, lock.matrix), lock)
        )
        if self.payload is not None or lock.z > self.best.z:
            self.best = lock
        return self.payload is not None

    def _periods(self, view: _View) -> tuple[float, float]:
        """Periods worth searching: from a picture scaled to a fifth to the heaviest crop that still shows a tile."""
        shortest = max(SMALLEST_PERIOD_PX, self.proportional_period / 2.2)
        return shortest, max(1.5 * shortest, min(3.5 * self.nominal_period, 1.6 * max(view.shape)))


def searched_planes(image: Image) -> tuple[list[Plane], float]:
    """Reduce a picture to what is searched.

    Args:
        image: uint8 (H, W, 3 or 4).

    Returns:
        Luma and green minus magenta, float32 of at most SEARCHED_PX pixels, and the factor of reduction (<= 1);
        of the middle alone if a side is more than WIDEST_RATIO times the other.

    """
    rgb = _middle(image[:, :, :3], WIDEST_RATIO)
    height, width = rgb.shape[:2]
    factor = min(1.0, math.sqrt(SEARCHED_PX / (height * width)))
    if factor < 1.0:
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    red, green, blue = (rgb[:, :, i].astype(np.float32) for i in range(3))
    return [luma, green - 0.5 * (red + blue)], factor


def _middle(plane: NDArray[Any], ratio: int) -> NDArray[Any]:
    """The middle of a picture whose longer side is more than `ratio` times the shorter, contiguous."""
    height, width = plane.shape[:2]
    rows, columns = min(height, ratio * width), min(width, ratio * height)
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.ascontiguousarray(plane[top : top + rows, left : left + columns])


def _shears() -> list[Matrix]:
    """Symmetric stretches that no aspect makes: shear up to 6 degrees, with aspects of +-9 %."""
    return [
        np.array([[1 - along, across], [across, 1 + along]])
        for along in np.linspace(-0.045, 0.045, 7)
        for across in np.linspace(-0.055, 0.055, 9)
    ]

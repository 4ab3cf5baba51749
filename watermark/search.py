"""The search: from cheap to dear, until a message is read or the effort is spent.

Level 0  the period that a picture of this size would have been marked with, in eight orientations: luma alone, then
         luma and colour difference.
Level 1  any scale, angle and mirror, proposed by the magnitude of the spectrum (spectrum_search.py).
Level 2  pictures that were not turned, among so few maps that faint marks win, also stretched and sheared; turned ones
         with width and height scaled apart; then level 1 again through the better front end. A mark that is certain
         but cannot be read is followed block by block (tracking.py).
Level 3  (thorough) finer stretches, shear of turned pictures, far scales, and parts of the picture on their own, for
         collages and strong perspective.

Every proposal gets one coherent test (alignment.py); a lock above READ_FROM_Z is read. Several keys share everything
that does not hang on a key: front end, spectra, power maps. Once a message is read, the same place is looked at again
without it, for a second mark.

Rule: every coherent test is counted in `tests` and every attempt to read in `reads`, for the p-value of the whole
search.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Coefficients, Lock, Matrix, climb, lock_coefficients, sample, sharpen
from watermark.cancellation import cancel
from watermark.frontend import Plane, Scene, add_shifts, unit_rms
from watermark.inputs import SHORTEST_SEARCHED_PX, AnyImage, Image, rgb_of
from watermark.message import read_payload
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.spectrum_search import (
    Candidate,
    PowerMap,
    climb_magnitudes,
    search_octaves,
    search_stretched,
    search_upright,
)
from watermark.tile import PERIOD_FACTOR, REFERENCE_SIDE_PX, UNITS, VARIANTS, Tile, period_px
from watermark.tracking import track

SEARCHED_PX = 400_000
"""Larger pictures are averaged down to this many pixels, which makes the cost flat: the mark's band survives."""

READ_FROM_Z = 5.4
"""Locks below this are not decoded; one search in ten of an unmarked picture exceeds it somewhere."""

FAINT_Z = 4.6
"""The same where only one map comes into question: half of the unmarked pictures exceed it there."""

REFINE_FROM_Z = 5.3
"""The best lock of a search without a message is read again, with more effort, from here on."""

CERTAIN_Z = 6.5
"""With a lock this good the map is right: it is refined before others are proposed."""

IN_PLACE = 1e-3
"""Largest deviation of a map from the nominal one: a picture of 1,000 px that is one pixel off."""

LOCKED_CANDIDATES = 8
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

ASPECTS = tuple(np.diag([math.exp(-x / 2), math.exp(x / 2)]) for x in np.linspace(-0.17, 0.17, 20))
"""Width over height +-17 % of turned pictures; pictures that were not turned are searched further."""

WINDOWS = ((0.2, 0.2), (0.0, 0.0), (0.0, 0.4), (0.4, 0.0), (0.4, 0.4))
"""Top and left of the parts, each 0.6 of the picture's sides, that are searched on their own."""


class View:
    """One picture, or a part of one, in the forms that the levels need; each is made when first asked for.

    Attributes:
        luma: float32 (H, W).
        shape: (H, W).

    """

    def __init__(self, luma: Plane, difference: Callable[[], Plane], plain: "View | None" = None) -> None:
        self.luma, self._make_difference, self._plain = luma, difference, plain
        self.shape = luma.shape

    @cached_property
    def spun(self) -> "View":
        """The same through the better and dearer front end."""
        return View(self.luma, lambda: self.difference, plain=self)

    def compact(self) -> "View":
        """The middle of a very wide or very tall picture: a map that fits its whole length is too dear to find."""
        if max(self.shape) <= LONGEST_RATIO * min(self.shape):
            return self
        return View(_middle(self.luma, LONGEST_RATIO), lambda: _middle(self.difference, LONGEST_RATIO))

    def window(self, top: float, left: float, share: float = 0.6) -> "View":
        """A part of the picture; `top`, `left` and `share` are shares of its sides."""
        height, width = self.shape
        rows = slice(round(top * height), round((top + share) * height))
        columns = slice(round(left * width), round((left + share) * width))
        return View(
            np.ascontiguousarray(self.luma[rows, columns]),
            lambda: np.ascontiguousarray(self.difference[rows, columns]),
        )

    @cached_property
    def luma_looks(self) -> list[Spectrum]:
        """The luma alone, which is enough for most pictures."""
        return [Spectrum(self._luma_residual)]

    @cached_property
    def looks(self) -> list[Spectrum]:
        """Luma and colour difference."""
        if self._plain is not None:
            return [Spectrum(residual) for residual in self.residuals]
        return [*self.luma_looks, Spectrum(self.residuals[1])]

    @cached_property
    def residuals(self) -> list[Plane]:
        """Luma and colour difference, whitened; float32 (H, W) each."""
        if self._plain is not None:
            return add_shifts(self._plain.residuals, [self.luma, self.difference])
        return [self._luma_residual, unit_rms(self._scene.difference(self.difference))]

    @cached_property
    def maps(self) -> list[PowerMap]:
        """Power spectra of both residuals."""
        return [PowerMap.of(residual) for residual in self.residuals]

    @cached_property
    def _scene(self) -> Scene:
        return Scene(self.luma)

    @cached_property
    def _luma_residual(self) -> Plane:
        return unit_rms(self._scene.luma())

    @cached_property
    def difference(self) -> Plane:
        """The colour difference, float32 (H, W); made when first asked for."""
        return self._make_difference()


@dataclass(frozen=True, eq=False)
class Reading:
    """A message whose check passed, where it was read, and in which looks."""

    tile: Tile
    looks: list[Spectrum]
    lock: Lock
    payload: bytes


class Search:
    """One search under one or several keys: what it found so far, and how many looks it took.

    Attributes:
        best: the lock that was read, or the best one seen.
        best_tile: whose lock it is.
        reading: the first message that passed its check, or None.
        others: further messages at the same place.
        tests: coherent tests so far.
        reads: attempts to decode so far.
        nominal_period: of a picture of this size, in searched pixels.
        view: the picture as it is searched.

    """

    def __init__(self, tiles: Sequence[Tile], image: AnyImage) -> None:
        rgb, reduction = searched_part(image)
        self.tiles = tuple(tiles)
        self.view = View(reduced_luma(rgb, reduction), lambda: reduced_difference(rgb, reduction))
        self.nominal_period = period_px(*image.shape[:2]) * reduction
        self.proportional_period = (
            UNITS * PERIOD_FACTOR * reduction * math.sqrt(min(image.shape[:2]) / REFERENCE_SIDE_PX)
        )
        self.best = Lock(np.eye(2) / self.nominal_period, (0, 0), 1, 0, 0.0, 0.0)
        self.best_tile = self.tiles[0]
        self.reading: Reading | None = None
        self.others: list[Reading] = []
        self.tests = 0
        self.reads = 0

    def run(self, effort: str) -> None:
        """Go through the levels of an effort: "fast" | "normal" | "thorough"."""
        if self._levels(effort) and self.reading is not None:
            self._look_for_others(self.reading)

    def in_place(self, lock: Lock) -> bool:
        """Whether a lock is where `embed` puts a mark: upright, at the period of a picture of this size."""
        return lock.sign > 0 and bool(np.abs(lock.matrix * self.nominal_period - np.eye(2)).max() < IN_PLACE)

    def lock_in_whole(self) -> Lock:
        """The best map's lock in the whole picture, to a fraction of a unit: it may have been found in a part."""
        coefficients = sample(self.best_tile, self.view.looks, self.best.matrix)
        lock = lock_coefficients(self.best_tile, coefficients, self.best.matrix)
        return sharpen(self.best_tile, coefficients, lock)

    def _levels(self, effort: str) -> bool:
        if self._nominal(self.view.luma_looks):
            return True
        if effort == "fast":
            return False
        if self._nominal(self.view.looks):
            return True
        if self.best.z >= CERTAIN_Z and self._refine(self.view):
            return True
        view = self.view.compact()
        return self._anywhere(view) or (effort == "thorough" and self._far(view))

    def _nominal(self, looks: list[Spectrum]) -> bool:
        return any(
            self._try(tile, looks, turn / self.nominal_period) for turn in DIHEDRAL for tile in self.tiles
        )

    def _anywhere(self, view: View) -> bool:
        lower, upper = self._periods(view)
        near = (max(lower, self.nominal_period / 1.6), min(upper, self.nominal_period * 1.6))
        if self._try_candidates(view, search_octaves(self.tiles, view.maps, (lower, upper))):
            return True
        if self.best.z < CERTAIN_Z and self._try_candidates(
            view, search_upright(self.tiles, view.maps, (lower, upper), near)
        ):
            return True
        if self.best.z < CERTAIN_Z and self._try_candidates(
            view, search_stretched(self.tiles, view.maps, near, ASPECTS[1::3])
        ):
            return True
        if self._faint(self.view.spun.looks):
            return True
        spun = view.spun
        if self.best.z < CERTAIN_Z and (
            self._try_candidates(spun, search_upright(self.tiles, spun.maps, (lower, upper), near))
            or self._try_candidates(spun, search_octaves(self.tiles, spun.maps, (lower, upper)))
        ):
            return True
        return self.best.z >= REFINE_FROM_Z and self._refine(view)

    def _faint(self, looks: list[Spectrum]) -> bool:
        """Read the picture as it would lie if nothing had turned it, even at a faint lock: strong compression alone."""
        matrix = DIHEDRAL[0] / self.nominal_period
        for tile in self.tiles:
            coefficients = sample(tile, looks, matrix)
            lock = self._lock(tile, coefficients, matrix)
            self._keep(tile, lock)
            # the pilots of a faint lock may mislead about the fraction of a unit
            if lock.z >= FAINT_Z and (
                self._read(tile, looks, lock) or self._read(tile, looks, lock, whole=True)
            ):
                return True
        return False

    def _far(self, view: View) -> bool:
        near = (self.nominal_period / 1.4, self.nominal_period * 1.4)
        for stretches in (ASPECTS, _shears()):
            if self._try_candidates(view, search_stretched(self.tiles, view.maps, near, stretches)):
                return True
        for place in WINDOWS:
            part = view.window(*place)
            if min(part.shape) >= SHORTEST_SEARCHED_PX:
                candidates = search_octaves(self.tiles, part.maps, self._periods(part))
                if self._try_candidates(part, candidates):
                    return True
        lower, _ = self._periods(view)
        far = (max(SMALLEST_PERIOD_PX, lower / 2), lower)
        return far[0] < far[1] and self._try_candidates(view, search_octaves(self.tiles, view.maps, far))

    def _try_candidates(self, view: View, candidates: list[Candidate]) -> bool:
        most = LOCKED_CANDIDATES + 2 * (len(self.tiles) - 1)
        return any(
            self._try(candidate.tile, view.looks, candidate.matrix)
            for candidate in climb_magnitudes(view.maps, candidates)[:most]
        )

    def _try(self, tile: Tile, looks: list[Spectrum], matrix: Matrix) -> bool:
        """Test one map, and read the message there if it locks."""
        lock = self._lock(tile, sample(tile, looks, matrix), matrix)
        self._keep(tile, lock)
        return lock.z >= READ_FROM_Z and self._read(tile, looks, lock)

    def _lock(self, tile: Tile, coefficients: Coefficients, matrix: Matrix) -> Lock:
        self.tests += VARIANTS * (2 * len(coefficients) - 1)  # each plane, and two planes together
        return lock_coefficients(tile, coefficients, matrix)

    def _keep(self, tile: Tile, lock: Lock) -> None:
        if lock.z > self.best.z:
            self.best, self.best_tile = lock, tile

    def _refine(self, view: View) -> bool:
        """Read at the best lock with the better front end, then climb from there to a better map and read again."""
        looks, tile = view.spun.looks, self.best_tile
        if self._try(tile, looks, self.best.matrix):
            return True
        lock, tests = climb(tile, looks, self.best)
        self.tests += tests * (2 * len(looks) - 1)
        self._keep(tile, lock)
        return self._read(tile, looks, lock) or (lock.z >= CERTAIN_Z and self._track(view, tile, lock))

    def _track(self, view: View, tile: Tile, lock: Lock) -> bool:
        """Read a mark that is certainly there, but bent, in blocks."""
        for llr, tests in track(tile, view.residuals, lock):
            self.tests += tests * (2 * len(view.residuals) - 1)
            self.reads += 1
            payload = read_payload(tile, llr, lock.variant)
            if payload is not None:
                self.best, self.best_tile = lock, tile
                self.reading = Reading(tile, view.looks, lock, payload)
                return True
        return False

    def _read(self, tile: Tile, looks: list[Spectrum], lock: Lock, *, whole: bool = False) -> bool:
        """Read a message at the start of the tile to a fraction of a unit, or at the whole unit that locked."""
        coefficients = sample(tile, looks, lock.matrix)
        start = lock if whole else sharpen(tile, coefficients, lock)
        payload = self._decode(tile, coefficients, start)
        if payload is None:
            return False
        self.best, self.best_tile = start, tile
        self.reading = Reading(tile, looks, start, payload)
        return True

    def _decode(self, tile: Tile, coefficients: Coefficients, lock: Lock) -> bytes | None:
        self.reads += 1
        return read_payload(tile, soft_bits(tile, coefficients, lock), lock.variant)

    def _look_for_others(self, first: Reading) -> None:
        """Look where the first mark was for a second of its key, and for one of each other key."""
        looks, matrix = first.looks, first.lock.matrix
        for tile in self.tiles:
            coefficients = sample(tile, looks, matrix)
            if tile is first.tile:
                coefficients = cancel(tile, coefficients, first.lock, first.payload)
            lock = self._lock(tile, coefficients, matrix)
            if lock.z >= READ_FROM_Z:
                payload = self._decode(tile, coefficients, sharpen(tile, coefficients, lock))
                if payload is not None and (tile is not first.tile or payload != first.payload):
                    self.others.append(Reading(tile, looks, lock, payload))

    def _periods(self, view: View) -> tuple[float, float]:
        """Periods worth searching: from a picture scaled to a fifth to the heaviest crop that still shows a tile."""
        shortest = max(SMALLEST_PERIOD_PX, self.proportional_period / 2.2)
        return shortest, max(1.5 * shortest, min(3.5 * self.nominal_period, 1.6 * max(view.shape)))


def searched_part(image: AnyImage) -> tuple[Image, float]:
    """The part of a picture that is searched, at full size, and the factor by which to reduce it.

    Args:
        image: as `detect` accepts it.

    Returns:
        uint8 (H, W, 3): all of the picture, or its middle if a side is more than WIDEST_RATIO times the other; and a
        factor <= 1 after which it has at most SEARCHED_PX pixels.

    """
    rgb = rgb_of(_middle(image, WIDEST_RATIO))
    return rgb, min(1.0, math.sqrt(SEARCHED_PX / (rgb.shape[0] * rgb.shape[1])))


def reduced_luma(rgb: Image, factor: float) -> Plane:
    """Luma float32 (H * factor, W * factor) of uint8 (H, W, 3)."""
    return _reduce(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), factor).astype(np.float32)


def reduced_difference(rgb: Image, factor: float) -> Plane:
    """Green minus magenta, float32 (H * factor, W * factor) of uint8 (H, W, 3)."""
    red, green, blue = (channel.astype(np.float32) for channel in cv2.split(_reduce(rgb, factor)))
    return np.asarray(green - 0.5 * (red + blue), np.float32)


def _reduce(plane: NDArray[Any], factor: float) -> NDArray[Any]:
    if factor >= 1.0:
        return plane
    height, width = plane.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA))


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

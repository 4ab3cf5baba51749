"""The magnitude search: the scales, angles and mirrors at which the pilots stand out of the power spectrum.

On axes of log frequency and angle, scaling and rotating a picture shift its spectrum, so the score of every (period,
angle) is a sum of 48 shifted copies of one log-polar map (O'Ruanaidh and Pun, Signal Processing 66(3), 1998). A shift
of the picture changes no magnitude at all. Steps must resolve 1 / size of the picture at the pilots' frequency, and
small periods need more of them than large ones: each octave of periods has its own map.

The score of a hypothesis is sum (power / local mean - 1) / sqrt(pilots in band): about unit normal under noise.
The luma and the colour difference are scored apart and together, and the best of the three counts: either may be dead.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.frontend import Plane
from watermark.tile import PILOT_RADII, Tile

Matrix = NDArray[np.float64]

PADDING = 1.3
TAPER_PX = 12
LOCAL_BINS = 31
POWER_CLIP = 10.0
"""A single line of the host's spectrum counts at most this many times its neighbourhood."""

BAND_EDGE = 0.46
GRID_STEP = 0.7
"""Step of the grid, in units of the spectrum's resolution at radius PIVOT."""

STRETCHED_STEP = 1.2
"""The same for the many maps of stretched pictures."""

PIVOT = 18.0
UPRIGHT_KEPT = 2
KEPT_PER_OCTAVE = 12
CLIMBED = 32


_STRETCHES = np.stack(
    [np.diag([math.exp(-x / 2), math.exp(x / 2)]) for x in np.linspace(-0.36, 0.36, 37)]
    + [np.array([[1, x], [0, 1]]) for x in np.linspace(-0.12, 0.12, 13)]
    + [np.array([[1, 0], [x, 1]]) for x in np.linspace(-0.12, 0.12, 13)]
)
"""Width over height up to 1.4, and shear up to 7 degrees along either side."""


@dataclass(frozen=True, eq=False)
class PowerMap:
    """Power of one residual over its local mean, minus 1, on the half plane fx >= 0.

    Attributes:
        excess: float32 (rows, columns), rows are fy from -0.5 to 0.5 and columns fx from -margin to 0.5.
        size: the longer side of the residual, in pixels: frequencies closer than 1 / size are not told apart.

    """

    excess: Plane
    size: int

    MARGIN = 4

    @classmethod
    def of(cls, residual: Plane) -> "PowerMap":
        """Transform a residual float32 (H, W)."""
        from scipy import fft  # noqa: PLC0415 - its import takes half as long as all others together

        height, width = residual.shape
        rows, columns = (
            2 * fft.next_fast_len(math.ceil(PADDING * n / 2), real=True) for n in (height, width)
        )
        spectrum = fft.rfft2(residual * _taper(height)[:, None] * _taper(width)[None], s=(rows, columns))
        power = np.fft.fftshift(spectrum.real**2 + spectrum.imag**2, axes=0)
        mirrored = power[-np.arange(rows) % rows, 1 : cls.MARGIN + 1][:, ::-1]
        power = np.concatenate([mirrored, power], axis=1)
        rough = cv2.blur(power, (LOCAL_BINS, LOCAL_BINS))
        local = cv2.blur(np.minimum(power, 3 * rough), (LOCAL_BINS, LOCAL_BINS))
        excess = np.minimum(power / (local + 1e-9), POWER_CLIP) - 1
        centre = rows // 2
        excess[centre - 1 : centre + 2] = 0  # the axes carry the picture's borders
        excess[:, cls.MARGIN - 1 : cls.MARGIN + 2] = 0
        excess[np.abs(np.arange(rows) - centre) > BAND_EDGE * rows] = 0
        excess[:, int(cls.MARGIN + BAND_EDGE * columns) :] = 0
        return cls(np.asarray(excess, np.float32), max(height, width))

    def at(self, fx: Plane, fy: Plane) -> Plane:
        """Interpolate at frequencies in cycles / px, any shape of two axes; 0 out of band."""
        rows, columns = self._bins_per_cycle
        mirror = np.where(fx < 0, np.float32(-1), np.float32(1))
        x = fx * mirror * columns + np.float32(self.MARGIN)
        y = fy * mirror * rows + np.float32(self.excess.shape[0] // 2)
        return np.asarray(cv2.remap(self.excess, x, y, cv2.INTER_LINEAR, borderValue=0))

    def along(self, radii: NDArray[np.float64], directions: NDArray[np.float64]) -> Plane:
        """Interpolate at each of n `radii` along each of m `directions` (2, m), in cycles / px; (n, m)."""
        rows, columns = self._bins_per_cycle
        right = np.where(directions[0] < 0, -directions, directions).astype(np.float32)
        length = radii.astype(np.float32)
        x = np.outer(length, right[0] * columns)
        y = np.outer(length, right[1] * rows)
        x += np.float32(self.MARGIN)
        y += np.float32(self.excess.shape[0] // 2)
        return np.asarray(cv2.remap(self.excess, x, y, cv2.INTER_LINEAR, borderValue=0))

    @property
    def _bins_per_cycle(self) -> tuple[np.float32, np.float32]:
        rows, columns = self.excess.shape
        return np.float32(rows), np.float32(2 * (columns - self.MARGIN - 1))


@dataclass(frozen=True, eq=False)
class Candidate:
    """A linear map of a tile's harmonics to frequencies, and its score."""

    tile: Tile
    matrix: Matrix
    score: float


def search_octaves(
    tiles: Sequence[Tile],
    maps: Sequence[PowerMap],
    periods: tuple[float, float],
    *,
    step: float = GRID_STEP,
    stretch: Matrix | None = None,
) -> list[Candidate]:
    """Score all rotations, both mirrors and all periods between two limits.

    Args:
        tiles: whose pilots to look for; they share the maps on polar axes, which are half of the cost.
        maps: one per plane.
        periods: the shortest and the longest, in pixels.
        step: of the grid, in units of the spectrum's resolution at radius PIVOT.
        stretch: float (2, 2) applied to frequencies after the rotation (aspect and shear); None: none.

    Returns:
        The best candidates of each octave, unordered.

    """
    shortest, longest = periods
    octaves = max(1, math.ceil(math.log2(longest / shortest) - 1e-9))
    ratio = (longest / shortest) ** (1 / octaves)
    found: list[Candidate] = []
    for octave in range(octaves):
        low = shortest * ratio**octave
        found += _search(tiles, maps, low, low * ratio, step, np.eye(2) if stretch is None else stretch)
    return found


def search_stretched(
    tiles: Sequence[Tile], maps: Sequence[PowerMap], periods: tuple[float, float], stretches: Sequence[Matrix]
) -> list[Candidate]:
    """As `search_octaves`, on a coarser grid, for each of many stretches."""
    total = np.asarray(sum(m.excess for m in maps), np.float32)
    together = PowerMap(total / np.float32(math.sqrt(len(maps))), maps[0].size)
    found: list[Candidate] = []
    for stretch in stretches:
        found += search_octaves(tiles, [together], periods, step=STRETCHED_STEP, stretch=stretch)
    return found


def search_upright(
    tiles: Sequence[Tile],
    maps: Sequence[PowerMap],
    periods: tuple[float, float],
    near: tuple[float, float],
) -> list[Candidate]:
    """Score pictures that were scaled, cropped, flipped, stretched or sheared, but not turned.

    These are the commonest changes, and so few maps that a mark too faint to win among all angles wins here. Of each
    mirror the best UPRIGHT_KEPT with equal scales at any of `periods`, and as many others at periods that are `near`.
    """
    total = np.asarray(sum(m.excess for m in maps), np.float32)
    together = PowerMap(total / np.float32(math.sqrt(len(maps))), maps[0].size)
    families = (
        _scales(periods, 0.5, together.size)[:, None, None] * np.eye(2),
        (_scales(near, STRETCHED_STEP, together.size)[:, None, None, None] * _STRETCHES).reshape(-1, 2, 2),
    )
    found: list[Candidate] = []
    for tile in tiles:
        for mirror in (1.0, -1.0):
            for family in families:
                matrices = family @ np.diag([mirror, 1.0])
                scores = _score(tile, [together], matrices)
                best = np.argsort(-scores)[:UPRIGHT_KEPT]
                found += [Candidate(tile, matrices[i], float(scores[i])) for i in best]
    return found


def _scales(periods: tuple[float, float], step: float, size: int) -> NDArray[np.float64]:
    """One over the periods between two limits, in steps of the spectrum's resolution at radius PIVOT."""
    shortest, longest = periods
    turn = step * math.sqrt(shortest * longest) / (PIVOT * size)
    count = math.ceil(math.log(longest / shortest) / turn) + 1
    return np.asarray(np.exp(-np.linspace(math.log(shortest), math.log(longest), count)))


def climb_magnitudes(maps: Sequence[PowerMap], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Refine the best CLIMBED candidates over rotation, scale, aspect and shear; best first."""
    most = sorted(candidates, key=lambda c: -c.score)[:CLIMBED]
    by_tile: dict[bytes, list[Candidate]] = {}
    for candidate in most:
        by_tile.setdefault(candidate.tile.key, []).append(candidate)
    climbed = [better for group in by_tile.values() for better in _climb(group[0].tile, maps, group)]
    return sorted(climbed, key=lambda c: -c.score)


def _climb(tile: Tile, maps: Sequence[PowerMap], candidates: Sequence[Candidate]) -> list[Candidate]:
    matrices = np.stack([c.matrix for c in candidates])
    periods = 1.0 / np.sqrt(np.abs(np.linalg.det(matrices)))
    unit = periods / (PIVOT * maps[0].size)
    best = _score(tile, maps, matrices)
    moves = np.array([[[0, -1], [1, 0]], [[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]]], np.float64)
    moves = np.concatenate([moves, -moves])
    for step in (0.4, 0.4, 0.3, 0.2, 0.2, 0.1):
        change = np.eye(2) + step * unit[:, None, None, None] * moves
        tried = change @ matrices[:, None]
        scores = _score(tile, maps, tried.reshape(-1, 2, 2)).reshape(len(matrices), -1)
        pick = scores.argmax(axis=1)
        better = scores.max(axis=1) > best
        matrices = np.where(better[:, None, None], tried[np.arange(len(pick)), pick], matrices)
        best = np.maximum(best, scores.max(axis=1))
    return [Candidate(tile, matrix, float(score)) for matrix, score in zip(matrices, best, strict=True)]


def _score(tile: Tile, maps: Sequence[PowerMap], matrices: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (n,) of maps (n, 2, 2)."""
    frequencies = (matrices @ tile.pilots.T.astype(np.float64)).transpose(0, 2, 1)
    fx, fy = (np.ascontiguousarray(frequencies[..., i], np.float32) for i in (0, 1))
    inside = (np.maximum(np.abs(fx), np.abs(fy)) <= BAND_EDGE).sum(axis=1)
    scores = np.stack([m.at(fx, fy).sum(axis=1) for m in maps]) / np.sqrt(np.maximum(inside, 12))
    return np.asarray(_best_of(scores))


def _best_of(scores: NDArray[np.floating]) -> NDArray[np.floating]:
    """The best of each plane's score and of all planes together."""
    together = scores.sum(axis=0) / math.sqrt(len(scores))
    return np.asarray(np.maximum(scores.max(axis=0), together))


def _search(
    tiles: Sequence[Tile], maps: Sequence[PowerMap], low: float, high: float, step: float, stretch: Matrix
) -> list[Candidate]:
    """Score one octave of periods on a log-polar grid."""
    angles = math.ceil(math.pi / (step * low / (PIVOT * maps[0].size)))
    turn = math.pi / angles
    periods = high * np.exp(-turn * np.arange(math.ceil(math.log(high / low) / turn) + 1))
    first = math.log(PILOT_RADII[0] / high)
    last = min(math.log(PILOT_RADII[1] / low), math.log(BAND_EDGE * 1.45)) + 2 * turn
    radii = np.exp(first + turn * np.arange(math.ceil((last - first) / turn)))
    theta = turn * np.arange(angles)
    # rows: one radius each; the map is periodic in pi, so two copies make every shift a slice
    directions = stretch @ np.stack([np.cos(theta), np.sin(theta)])
    polar = np.zeros((len(maps), len(radii) + len(periods), 2 * angles), np.float32)
    for plane, m in zip(polar, maps, strict=True):
        plane[: len(radii), :angles] = plane[: len(radii), angles:] = m.along(radii, directions)
    found = []
    for tile in tiles:
        in_band = np.searchsorted(np.sort(np.hypot(*tile.pilots.T)), BAND_EDGE * 1.1 * periods, side="right")
        for mirror in (1, -1):
            pilots = tile.pilots * np.array([mirror, 1])
            rows = np.rint((np.log(np.hypot(*pilots.T)) - math.log(PILOT_RADII[0])) / turn).astype(int)
            columns = np.rint((np.arctan2(pilots[:, 1], pilots[:, 0]) % math.pi) / turn).astype(int) % angles
            scores = np.zeros((len(maps), len(periods), angles), np.float32)
            for score, plane in zip(scores, polar, strict=True):
                for row, column in zip(rows, columns, strict=True):
                    if row < len(radii):
                        shifted = plane[row : row + len(periods), column : column + angles]
                        np.add(score, shifted, out=score)
            scores /= np.sqrt(np.maximum(in_band, 12))[None, :, None]
            surface = _best_of(scores)
            for i, j in _peaks(surface):
                matrix = stretch @ _rotation(theta[j]) @ np.diag([mirror, 1.0]) / periods[i]
                found.append(Candidate(tile, matrix, float(surface[i, j])))
    return found


def _rotation(angle: float) -> Matrix:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _peaks(surface: NDArray[np.floating]) -> NDArray[np.int64]:
    """Places (n, 2) of the highest local maxima."""
    plane = np.asarray(surface, np.float32)
    crest = np.where(plane >= cv2.dilate(plane, np.ones((5, 5), np.uint8)), plane, -np.inf)
    top = np.argpartition(-crest, min(KEPT_PER_OCTAVE, crest.size - 1), axis=None)[:KEPT_PER_OCTAVE]
    return np.stack(np.unravel_index(top, crest.shape), axis=1)


@lru_cache(maxsize=32)
def _taper(length: int) -> Plane:
    edge = np.minimum(np.arange(length) + 1, length - np.arange(length)) / TAPER_PX
    return np.minimum(edge, 1).astype(np.float32)

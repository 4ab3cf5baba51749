"""The tile: a periodic pattern that is defined by its Fourier harmonics, and everything the key decides about it.

The mark is one square pattern repeated over the picture with period T pixels, so its spectrum lives on the
integer harmonics k = (kx, ky) of 1 / T alone:

    pattern(x, y) = Re sum_k c_k exp(2 pi i (kx (x - x0) + ky (y - y0)) / T),    k in a half plane

- **Pilots**: 48 harmonics with keyed places. Their phases are one of VARIANTS keyed sets, a different one from picture
  to picture. The detector finds scale and rotation from the places alone, shift and variant from the phases, before it
  knows a single bit.
- **Data**: the 1024 harmonics nearest to the origin that are not pilots, from radius 5 outward. Each carries two code
  bits as one of four phases (QPSK), in an order that hangs on the variant (message.py).

Shifting a picture turns phases by a known law, cropping it loses energy evenly over all bits, and rotating or
scaling it moves the harmonics rigidly: this is why one code survives all of them (periodic marks: Kutter 1998;
Fourier templates: Pereira and Pun, IEEE TIP 9(6), 2000; multi-carrier modulation is ordinary OFDM).

Everything drawn from the key is a SHAKE-256 stream that is sorted, never a library's random generator: a mark must be
readable after any upgrade.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

UNITS = 128
"""Samples across one period on the grid where the detector looks for shifts: more than twice the highest harmonic."""

PILOTS = 48
PILOT_ENERGY = 0.30
"""48 pilots with 30 % of the energy: the magnitude search sees energy / sqrt(count), so few and strong ones lock."""

PILOT_RADII = (9.0, 24.0)
PILOT_SPACING = 2.9
"""Harmonics between two pilots: nearer ones would answer to the same wrong scale and angle."""

VARIANTS = 4
"""Sets of pilot phases, data orders and scramblings under one key. Whoever averages pictures must first tell the sets
apart and line up their origins; more sets make every test of the detector dearer (SECURITY.md has what it buys)."""

DATA_CARRIERS = 1024
DATA_RADIUS = 5.0
"""Below radius 5 a picture's own energy drowns any invisible signal."""

SLOPE = 0.5
"""Amplitude ~ radius ** SLOPE; recovery is flat between 0 and 1."""

PERIOD_FACTOR = 1.25
SMALLEST_PERIOD_FACTOR = 0.85
REFERENCE_SIDE_PX = 512


@dataclass(frozen=True, eq=False)
class Tile:
    """What one key decides.

    Attributes:
        pilots: int (48, 2), harmonics (kx, ky) of the pilots.
        pilot_phases: complex (VARIANTS, 48), unit modulus.
        pilot_amplitudes: float (48,).
        data: int (1024, 2), harmonics of the data carriers, nearest first.
        data_amplitudes: float (1024,).

    The energies of all amplitudes sum to 1.

    """

    key: bytes
    pilots: NDArray[np.int64]
    pilot_phases: NDArray[np.complex128]
    pilot_amplitudes: NDArray[np.float64]
    data: NDArray[np.int64]
    data_amplitudes: NDArray[np.float64]

    @cached_property
    def carriers(self) -> NDArray[np.int64]:
        """Harmonics, int (1072, 2): the pilots, then the data."""
        return np.concatenate([self.pilots, self.data])

    @cached_property
    def radii(self) -> NDArray[np.float64]:
        """Distance of each carrier from zero frequency, float (1072,), in harmonics."""
        return np.hypot(self.carriers[:, 0], self.carriers[:, 1])


def keyed_stream(key: bytes, label: str, count: int) -> NDArray[np.uint64]:
    """Draw `count` uniform 64-bit numbers that only the holder of `key` can predict; shape (count,)."""
    stream = hashlib.shake_256(len(key).to_bytes(1, "big") + key + label.encode())
    return np.frombuffer(stream.digest(8 * count), dtype="<u8").astype(np.uint64)


def period_px(height: int, width: int) -> float:
    """Period of the tile, in pixels, in a picture marked at this size.

    T = 128 max(0.85, 1.25 sqrt(shortest / 512)): a compromise between an absolute tile, which survives crops, and
    one that follows the picture, which survives resizing. 1.4 instead of 1.1 doubles the least soft information after
    JPEG 10 and halves it in crops to 10 % (NOTES.md).
    """
    return UNITS * max(
        SMALLEST_PERIOD_FACTOR, PERIOD_FACTOR * math.sqrt(min(height, width) / REFERENCE_SIDE_PX)
    )


@lru_cache(maxsize=16)
def tile_for(key: bytes) -> Tile:
    """Derive the tile of a key (about 2 ms; the last 16 keys are kept)."""
    half = _half_plane(math.ceil(PILOT_RADII[1]) + 6)
    radius = np.hypot(half[:, 0], half[:, 1])
    pilot_rows = _choose_pilots(key, half, radius)
    rest = np.setdiff1d(np.flatnonzero(radius >= DATA_RADIUS), pilot_rows)
    rest = rest[np.argsort(radius[rest], kind="stable")][:DATA_CARRIERS]

    drawn = keyed_stream(key, "pilot phases", VARIANTS * PILOTS).reshape(VARIANTS, PILOTS)
    quarter_turns = (drawn % np.uint64(4)).astype(np.float64)
    pilot_amplitudes = _shaped(radius[pilot_rows], PILOT_ENERGY)
    return Tile(
        key=key,
        pilots=half[pilot_rows],
        pilot_phases=np.exp(0.5j * np.pi * (quarter_turns + 0.5)),
        pilot_amplitudes=pilot_amplitudes,
        data=half[rest],
        data_amplitudes=_shaped(radius[rest], 1.0 - PILOT_ENERGY),
    )


def pattern_factors(
    tile: Tile,
    coefficients: NDArray[np.complex128],
    shape: tuple[int, int],
    period: float,
    origin: tuple[float, float],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Synthesise the pattern at every pixel, exactly and without interpolation, as a product of two thin matrices.

    The pattern has few distinct kx and ky, so it has rank 2 x 27: exp(i ky y) times the coefficients times
    exp(i kx x). Any block of rows can be made on its own.

    Args:
        tile: places of the carriers.
        coefficients: complex (1072,), as `message.carrier_coefficients` makes them.
        shape: (height, width) in pixels.
        period: in pixels.
        origin: where a tile starts, (x, y) in pixels.

    Returns:
        float32 (height, n) and (n, width); their product has unit RMS over a whole period.

    """
    harmonics = tile.carriers
    reach = int(np.abs(harmonics).max())
    table = np.zeros((reach + 1, 2 * reach + 1), np.complex128)  # rows ky >= 0, columns kx + reach
    table[harmonics[:, 1], harmonics[:, 0] + reach] = coefficients * math.sqrt(2.0)
    turn = 2j * np.pi / period
    down = np.exp(turn * np.outer(np.arange(shape[0]) - origin[1], np.arange(reach + 1)))
    across = table @ np.exp(turn * np.outer(np.arange(-reach, reach + 1), np.arange(shape[1]) - origin[0]))
    left = np.concatenate([down.real, -down.imag], axis=1).astype(np.float32)
    right = np.concatenate([across.real, across.imag], axis=0).astype(np.float32)
    return left, right


def _half_plane(reach: int) -> NDArray[np.int64]:
    """One of each pair k, -k with |kx|, |ky| <= reach: ky > 0, or ky = 0 and kx > 0."""
    ky, kx = np.mgrid[0 : reach + 1, -reach : reach + 1]
    rows = np.stack([kx.ravel(), ky.ravel()], axis=1)
    return rows[(rows[:, 1] > 0) | (rows[:, 0] > 0)]


def _choose_pilots(key: bytes, half: NDArray[np.int64], radius: NDArray[np.float64]) -> NDArray[np.int64]:
    """Rows of `half` that become pilots: keyed, density ~ 1 / radius so that scale is as well determined as angle."""
    candidates = np.flatnonzero((radius >= PILOT_RADII[0]) & (radius <= PILOT_RADII[1]))
    uniform = (keyed_stream(key, "pilot places", candidates.size).astype(np.float64) + 0.5) / 2.0**64
    order = candidates[
        np.argsort(-np.log(uniform) * radius[candidates], kind="stable")
    ]  # an exponential race
    chosen: list[int] = []
    for row in order:
        others = half[chosen]
        near = np.minimum(np.hypot(*(others - half[row]).T), np.hypot(*(others + half[row]).T))
        if not chosen or near.min() > PILOT_SPACING:
            chosen.append(int(row))
        if len(chosen) == PILOTS:
            break
    return np.array(chosen)


def _shaped(radius: NDArray[np.float64], energy: float) -> NDArray[np.float64]:
    """Amplitudes ~ radius ** SLOPE with the given sum of squares."""
    amplitudes = radius**SLOPE
    return np.asarray(amplitudes * math.sqrt(energy / float(np.sum(amplitudes**2))))

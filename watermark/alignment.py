"""Coherent tests: whether the tile is there under a linear map, and where it starts.

A hypothesis is a real 2 x 2 matrix B that takes the tile's harmonics k to frequencies f = B k, in cycles per pixel of
the searched planes: a rotation over the period, with a reflection, aspect and shear where there are any. The pilots
are sampled at B k, their keyed phases are removed, and the correlation is evaluated at all 128 x 128 shifts of the
tile. The other sign of B (a half turn) is the complex conjugate, and a negative peak is a picture with inverted
colours: neither needs samples of its own.

48 waves are so few that two matrix products beat an FFT of 128 x 128 six times over.

Each plane (luma, colour difference) is one look at the same mark. They are tried apart and summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watermark.spectrum import Spectrum
from watermark.tile import PILOTS, UNITS, VARIANTS, Tile, tile_for

Matrix = NDArray[np.float64]
Coefficients = NDArray[np.complex64]
"""Fourier coefficients (looks, carriers): of the pilots alone, or of the pilots and then the data."""

ALL = tuple(range(VARIANTS))
"""The variants that a test looks for when nothing is known yet."""

LIMIT = 3.0
"""A carrier counts at most three times the noise: one line in the host's spectrum must not fake a lock."""

RING_WIDTH = 2.5


@dataclass(frozen=True, eq=False)
class Lock:
    """The best shift under one linear map.

    Attributes:
        matrix: float (2, 2), harmonics to cycles / px, half turn included.
        shift: start of the tile in units of one 128th period, (x, y); whole until `sharpen`.
        sign: -1 when the colours are inverted, else 1.
        variant: which set of pilot phases.
        z: height of the correlation peak in standard deviations of a sum of random phases, 0..sqrt(2 * 48).
        peak: the same height before the division; it grows with the energy that the map collects.

    """

    matrix: Matrix
    shift: tuple[float, float]
    sign: int
    variant: int
    z: float
    peak: float


def sample(tile: Tile, looks: Sequence[Spectrum], matrix: Matrix) -> Coefficients:
    """Coefficients (looks, 1072) of all carriers under one linear map."""
    return sample_at(looks, tile.carriers @ matrix.T)


def sample_at(looks: Sequence[Spectrum], frequencies: NDArray[np.float64]) -> Coefficients:
    """Coefficients (looks, n) at `frequencies` (n, 2); the looks are of one shape."""
    places = looks[0].places(frequencies)
    return np.stack([look.at(places) for look in looks])


def carrier_noise(tile: Tile, coefficients: Coefficients) -> NDArray[np.float64]:
    """RMS of all carriers as a robust function of radius alone; float (looks, 1072).

    The median of |F|^2 over rings of 2.5 harmonics, divided by log 2, is the mean of an exponential law. Carriers
    that fell out of the spectrum (exactly 0) do not count; a ring without any other gets infinite noise.
    """
    power = np.abs(coefficients).astype(np.float64) ** 2
    rms = np.empty(power.shape)
    for ring in _rings(tile.key):
        ordered = np.sort(power[:, ring], axis=1)
        for row, values in zip(rms, ordered, strict=True):
            alive = values[np.searchsorted(values, 0.0, side="right") :]
            middle = 0.5 * (alive[(alive.size - 1) // 2] + alive[alive.size // 2]) if alive.size else np.inf
            row[ring] = np.sqrt(middle / np.log(2.0))
    return rms


@lru_cache(maxsize=16)
def _rings(key: bytes) -> list[NDArray[np.int64]]:
    """Carriers (indices) of each ring that has any."""
    rings = (tile_for(key).radii / RING_WIDTH).astype(int)
    return [np.flatnonzero(rings == ring) for ring in np.unique(rings)]


def lock_coefficients(tile: Tile, coefficients: Coefficients, matrix: Matrix) -> Lock:
    """Correlate the pilots over all shifts, both half turns and each choice of looks.

    Args:
        tile: whose pilots to look for.
        coefficients: complex (looks, 1072), sampled at `matrix`.
        matrix: what the lock is to report.

    """
    return lock_pilots(tile, normalised(tile, coefficients)[:, : len(tile.pilots)], matrix)


def normalised(tile: Tile, coefficients: Coefficients) -> Coefficients:
    """Coefficients over their noise, limited to LIMIT in modulus."""
    seen = coefficients / carrier_noise(tile, coefficients)
    return np.asarray(seen * np.minimum(1.0, LIMIT / np.maximum(np.abs(seen), 1e-9)), np.complex64)


def lock_pilots(tile: Tile, pilots: Coefficients, matrix: Matrix, variants: Sequence[int] = ALL) -> Lock:
    """As `lock_coefficients`, for normalised pilots (looks, 48) alone and chosen variants."""
    if len(pilots) > 1:
        pilots = np.concatenate(
            [pilots, pilots.sum(axis=0, keepdims=True) / np.float32(np.sqrt(len(pilots)))]
        )
    expected = np.conj(tile.pilot_phases[list(variants)])[:, None]
    # Re sum conj(phase) seen exp(i k t), and the same for conj(seen): the picture, and the picture half turned
    waves = np.stack([expected * pilots, expected * np.conj(pilots)])
    real, imaginary = (part.astype(np.float32).reshape(-1, PILOTS) for part in (waves.real, waves.imag))
    highest = np.zeros(len(real), np.float32)
    for cosines, sines in zip(*_waves(tile.key), strict=True):
        even, odd = real @ cosines, imaginary @ sines
        # even - odd is the correlation at a shift and even + odd at its opposite
        np.abs(even, out=even)
        np.abs(odd, out=odd)
        even += odd
        np.maximum(highest, even.max(axis=1), out=highest)
    spread = np.maximum(np.sqrt(0.5 * np.sum(np.abs(pilots) ** 2, axis=1)), 1e-9)
    row = int(np.argmax(highest.reshape(-1, len(pilots)) / spread))
    half_turn, which, look = np.unravel_index(row, waves.shape[:-1])
    even, odd = (part[row] @ basis for part, basis in zip((real, imaginary), _waves(tile.key), strict=True))
    surface = np.stack([even - odd, even + odd]).reshape(2, -1)
    opposite, place = divmod(int(np.argmax(np.abs(surface))), surface.shape[1])
    y, x = divmod(place, UNITS)
    peak = float(surface[opposite, place])
    return Lock(
        matrix=-matrix if half_turn else matrix,
        shift=(-x % UNITS, -y % UNITS) if opposite else (x, y),
        sign=1 if peak >= 0 else -1,
        variant=variants[int(which)],
        z=abs(peak) / float(spread[look]),
        peak=abs(peak),
    )


BLOCKS = 13
"""The shifts are tried in blocks, of five rows each, that stay in the processor's cache."""


@lru_cache(maxsize=16)
def _waves(key: bytes) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cosine and sine of each pilot at one of each pair of opposite shifts, float32 (BLOCKS, 48, 65 * 128 / BLOCKS).

    3.2 MB a key, kept: with them two matrix products try all shifts.
    """
    kx, ky = tile_for(key).pilots.T
    y, x = np.divmod(np.arange((UNITS // 2 + 1) * UNITS).reshape(BLOCKS, 1, -1), UNITS)
    turns = 2 * np.pi / UNITS * np.arange(UNITS)
    phase = (kx[:, None] * x + ky[:, None] * y) % UNITS
    return np.cos(turns).astype(np.float32)[phase], np.sin(turns).astype(np.float32)[phase]


def sharpen(tile: Tile, coefficients: Coefficients, lock: Lock) -> Lock:
    """Find the start of the tile to a fraction of a unit, where the pilots' correlation is highest.

    Half a unit turns the outermost carriers by half a radian: worth 0.5 dB of soft information on average.
    """
    count = len(tile.pilots)
    pilots = normalised(tile, coefficients)[:, :count].sum(axis=0) * np.conj(tile.pilot_phases[lock.variant])
    offsets = np.stack(np.meshgrid(*[np.linspace(-1, 1, 9)] * 2), axis=-1).reshape(-1, 2)
    shifts = np.array(lock.shift) + offsets
    heights = lock.sign * (pilots @ np.exp(2j * np.pi / UNITS * (tile.pilots @ shifts.T))).real
    best = shifts[int(np.argmax(heights))]
    return replace(lock, shift=(float(best[0]), float(best[1])))


CLIMB_STEPS = (1.0, 0.5, 0.25)
"""In units of the spectrum's resolution at radius 18."""


def climb(tile: Tile, looks: Sequence[Spectrum], lock: Lock) -> tuple[Lock, int]:
    """Refine a lock over rotation, scale, aspect and shear by its coherent peak.

    Returns:
        The refined lock, and the number of maps that were tried.

    """
    size = max(looks[0].shape)
    unit = 1.0 / (18.0 * size * np.sqrt(abs(np.linalg.det(lock.matrix))))
    noise = carrier_noise(tile, sample(tile, looks, lock.matrix))[:, : len(tile.pilots)]
    moves = np.array([[[0, -1], [1, 0]], [[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, 1], [1, 0]]], np.float64)
    tests = 0
    for step in CLIMB_STEPS:
        improved = True
        while improved and tests < 120:
            improved = False
            for move in np.concatenate([moves, -moves]):
                matrix = (np.eye(2) + step * unit * move) @ lock.matrix
                seen = sample_at(looks, tile.pilots @ matrix.T) / noise
                seen = seen * np.minimum(1.0, LIMIT / np.maximum(np.abs(seen), 1e-9))
                tried = lock_pilots(tile, np.asarray(seen, np.complex64), matrix, (lock.variant,))
                tests += 1
                if tried.peak > lock.peak:
                    lock, improved = tried, True
    return lock, tests

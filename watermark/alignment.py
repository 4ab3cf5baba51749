"""Coherent tests: whether the tile is there under a linear map, and where it starts.

A hypothesis is a real 2 x 2 matrix B that takes the tile's harmonics k to frequencies f = B k, in cycles per pixel of
the searched planes: a rotation over the period, with a reflection, aspect and shear where there are any. The pilots
are sampled at B k, their keyed phases are removed, and for each variant of the phases one inverse FFT of 128 x 128
tries all 16384 shifts of the tile at once. The other sign of B (a half turn) is the complex conjugate, and a negative
peak is a picture with inverted colours: both come free.

Each plane (luma, colour difference) is one look at the same mark. They are tried apart and summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watermark.spectrum import Spectrum
from watermark.tile import UNITS, VARIANTS, Tile, tile_for

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
    frequencies = tile.carriers @ matrix.T
    return np.stack([look.sample(frequencies) for look in looks])


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
    # Re sum conj(phase) seen exp(i k t), and the same for conj(seen): real and imaginary part of one transform
    upright, turned = expected * pilots, expected * np.conj(pilots)
    kx, ky = tile.pilots[:, 0] % UNITS, tile.pilots[:, 1] % UNITS
    table = np.zeros((*upright.shape[:2], UNITS, UNITS), np.complex64)
    table[..., ky, kx] = upright + 1j * turned
    table[..., -ky % UNITS, -kx % UNITS] = np.conj(upright) + 1j * np.conj(turned)
    # along x only the rows that hold a pilot
    rows = np.unique(np.concatenate([ky, -ky % UNITS]))
    table[..., rows, :] = np.fft.ifft(table[..., rows, :], axis=-1, norm="forward")
    surfaces = np.float32(0.5) * np.fft.ifft(table, axis=-2, norm="forward")
    flat = np.ascontiguousarray(surfaces).view(np.float32).reshape(*upright.shape[:2], -1)
    at = np.argmax(np.abs(flat), axis=-1)
    peaks = np.take_along_axis(flat, at[..., None], axis=-1)[..., 0]
    spread = np.sqrt(0.5 * np.sum(np.abs(pilots) ** 2, axis=1))
    heights = np.abs(peaks) / np.maximum(spread, 1e-9)
    which, look = np.unravel_index(int(np.argmax(heights)), heights.shape)
    place, half_turn = divmod(int(at[which, look]), 2)
    peak = float(peaks[which, look])
    return Lock(
        matrix=-matrix if half_turn else matrix,
        shift=(place % UNITS, place // UNITS),
        sign=1 if peak >= 0 else -1,
        variant=variants[int(which)],
        z=float(heights[which, look]),
        peak=abs(peak),
    )


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
                seen = np.stack([look.sample(tile.pilots @ matrix.T) for look in looks]) / noise
                seen = seen * np.minimum(1.0, LIMIT / np.maximum(np.abs(seen), 1e-9))
                tried = lock_pilots(tile, np.asarray(seen, np.complex64), matrix, (lock.variant,))
                tests += 1
                if tried.peak > lock.peak:
                    lock, improved = tried, True
    return lock, tests

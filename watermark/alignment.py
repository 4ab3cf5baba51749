"""Coherent tests: is the tile here, at this linear map, and where does it start?

A hypothesis is a real 2 x 2 matrix B that takes the tile's harmonics k to frequencies f = B k in cycles per pixel of the
searched plane: 1 / period times a rotation, with a reflection, aspect and shear where there are any. Given B, the
pilots are sampled from the spectrum, their keyed phases are removed, and one inverse FFT of 128 x 128 tries all 16384
shifts of the tile at once. The other sign of B (a half turn) is the complex conjugate, and a negative peak is a
picture with inverted colours: both come free.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from watermark.spectrum import Spectrum
from watermark.tile import UNITS, Tile

Matrix = NDArray[np.float64]
Harmonics = NDArray[np.int64]

LIMIT = 3.0
"""A pilot counts at most three times the noise: one line in the host's spectrum must not fake a lock."""

RING_WIDTH = 2.5


@dataclass(frozen=True, eq=False)
class Lock:
    """The best shift under one linear map.

    Attributes:
        matrix: float (2, 2), harmonics to cycles / px, half turn included.
        shift: start of the tile, in units of one 128th period, (x, y).
        sign: -1 when the colours are inverted, else 1.
        z: height of the correlation peak in standard deviations of a sum of random phases, 0..sqrt(2 * 48).
        peak: the same height before the division, which grows with the energy that the map collects.

    """

    matrix: Matrix
    shift: tuple[int, int]
    sign: int
    z: float
    peak: float


def carrier_noise(tile: Tile, coefficients: NDArray[np.complex64]) -> NDArray[np.float64]:
    """RMS of the coefficients (1072,) of all carriers, as a robust function of radius alone.

    The median of |F|^2 over rings of 2.5 harmonics, divided by log 2, is the mean of an exponential law.
    """
    rings = (np.hypot(*tile.carriers.T) / RING_WIDTH).astype(int)
    power = np.abs(coefficients).astype(np.float64) ** 2
    rms = np.ones(rings.max() + 1)
    for ring in np.unique(rings):
        rms[ring] = np.sqrt(np.median(power[rings == ring]) / np.log(2.0))
    return np.asarray(np.maximum(rms[rings], 1e-9))


def lock_at(tile: Tile, spectrum: Spectrum, matrix: Matrix) -> Lock:
    """Correlate the pilots under one linear map, over all shifts and both half turns."""
    coefficients = spectrum.sample(tile.carriers @ matrix.T)
    return lock_coefficients(tile, coefficients, matrix)


def lock_coefficients(tile: Tile, coefficients: NDArray[np.complex64], matrix: Matrix) -> Lock:
    """As `lock_at`, for coefficients (1072,) that were sampled at `matrix` already."""
    count = len(tile.pilots)
    seen = coefficients[:count] / carrier_noise(tile, coefficients)[:count]
    seen = seen * np.minimum(1.0, LIMIT / np.maximum(np.abs(seen), 1e-9))
    spread = float(np.sqrt(0.5 * np.sum(np.abs(seen) ** 2)))
    best = None
    for half_turn, phases in ((1, seen), (-1, np.conj(seen))):
        table = np.zeros((UNITS, UNITS), np.complex64)
        table[tile.pilots[:, 1] % UNITS, tile.pilots[:, 0] % UNITS] = np.conj(tile.pilot_phases) * phases
        surface = fft.ifft2(table).real
        at = int(np.argmax(np.abs(surface)))
        peak = float(surface.flat[at]) * UNITS * UNITS
        lock = Lock(
            half_turn * matrix,
            (at % UNITS, at // UNITS),
            1 if peak >= 0 else -1,
            abs(peak) / max(spread, 1e-9),
            abs(peak),
        )
        if best is None or lock.z > best.z:
            best = lock
    assert best is not None  # noqa: S101 - the loop ran
    return best

"""Coherent tests: whether the tile is there under a linear map, and where it starts.

A hypothesis is a real 2 x 2 matrix B that takes the tile's harmonics k to frequencies f = B k, in cycles per pixel of
the searched planes: a rotation over the period, with a reflection, aspect and shear where there are any. The pilots
are sampled at B k, their keyed phases are removed, and one inverse FFT of 128 x 128 tries all 16384 shifts of the tile
at once. The other sign of B (a half turn) is the complex conjugate, and a negative peak is a picture with inverted
colours: both come free.

Each plane (luma, colour difference) is one look at the same mark. They are tried apart and summed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from watermark.spectrum import Spectrum
from watermark.tile import UNITS, Tile

Matrix = NDArray[np.float64]
Coefficients = NDArray[np.complex64]
"""Fourier coefficients (looks, carriers): of the pilots alone, or of the pilots and then the data."""

LIMIT = 3.0
"""A carrier counts at most three times the noise: one line in the host's spectrum must not fake a lock."""

RING_WIDTH = 2.5


@dataclass(frozen=True, eq=False)
class Lock:
    """The best shift under one linear map.

    Attributes:
        matrix: float (2, 2), harmonics to cycles / px, half turn included.
        shift: start of the tile in units of one 128th period, (x, y).
        sign: -1 when the colours are inverted, else 1.
        z: height of the correlation peak in standard deviations of a sum of random phases, 0..sqrt(2 * 48).
        peak: the same height before the division; it grows with the energy that the map collects.

    """

    matrix: Matrix
    shift: tuple[int, int]
    sign: int
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
    rings = (tile.radii / RING_WIDTH).astype(int)
    power = np.abs(coefficients).astype(np.float64) ** 2
    rms = np.full((len(power), rings.max() + 1), np.inf)
    for ring in np.unique(rings):
        inside = power[:, rings == ring]
        for row, values in zip(rms, inside, strict=True):
            alive = values[values > 0]
            if alive.size:
                row[ring] = np.sqrt(np.median(alive) / np.log(2.0))
    return np.asarray(rms[:, rings])


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


def lock_pilots(tile: Tile, pilots: Coefficients, matrix: Matrix) -> Lock:
    """As `lock_coefficients`, for normalised pilots (looks, 48) alone."""
    if len(pilots) > 1:
        pilots = np.concatenate(
            [pilots, pilots.sum(axis=0, keepdims=True) / np.float32(np.sqrt(len(pilots)))]
        )
    # Re sum conj(phase) seen exp(i k t), and the same for conj(seen): real and imaginary part of one transform
    upright, turned = np.conj(tile.pilot_phases) * pilots, np.conj(tile.pilot_phases) * np.conj(pilots)
    kx, ky = tile.pilots[:, 0] % UNITS, tile.pilots[:, 1] % UNITS
    table = np.zeros((len(pilots), UNITS, UNITS), np.complex64)
    table[:, ky, kx] = upright + 1j * turned
    table[:, -ky % UNITS, -kx % UNITS] = np.conj(upright) + 1j * np.conj(turned)
    surfaces = 0.5 * fft.ifft2(table, norm="forward", overwrite_x=True)
    flat = surfaces.view(np.float32).reshape(len(pilots), -1)
    at = np.argmax(np.abs(flat), axis=1)
    peaks = flat[np.arange(len(flat)), at]
    spread = np.sqrt(0.5 * np.sum(np.abs(pilots) ** 2, axis=1))
    best = int(np.argmax(np.abs(peaks) / np.maximum(spread, 1e-9)))
    place, half_turn = divmod(int(at[best]), 2)
    peak = float(peaks[best])
    return Lock(
        matrix=-matrix if half_turn else matrix,
        shift=(place % UNITS, place // UNITS),
        sign=1 if peak >= 0 else -1,
        z=abs(peak) / max(float(spread[best]), 1e-9),
        peak=abs(peak),
    )


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
                tried = lock_pilots(tile, np.asarray(seen, np.complex64), matrix)
                tests += 1
                if tried.peak > lock.peak:
                    lock, improved = tried, True
    return lock, tests

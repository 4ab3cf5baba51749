"""Cancellation: take a mark that was read out of the coefficients, to see what is under it.

All 1072 carriers of a read mark are known. What they became on the way (shift to a fraction of a unit, gain by radius)
is fitted to what was seen and subtracted; a second mark of the same key, with its own start and variant, remains. Known
from radio as successive interference cancellation (Verdu, "Multiuser Detection", 1998).
"""

import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Coefficients, Lock, carrier_noise
from watermark.message import carrier_coefficients
from watermark.tile import UNITS, Tile

RADII_SHARED = 2.0
"""Standard deviation, in harmonics, of the radii that share one gain."""

SHIFT_STEPS = 3


def cancel(tile: Tile, coefficients: Coefficients, lock: Lock, payload: bytes) -> Coefficients:
    """Subtract a mark from the coefficients that it was read from.

    Args:
        tile: whose mark it is.
        coefficients: complex (looks, 1072), sampled at `lock.matrix`.
        lock: where it was read.
        payload: what was read.

    Returns:
        complex64 (looks, 1072).

    """
    sent = carrier_coefficients(tile, payload, lock.variant)
    noise = carrier_noise(tile, coefficients)
    seen = np.where(np.isfinite(noise), coefficients / noise, 0)
    shift = np.array(lock.shift, np.float64)
    for _ in range(SHIFT_STEPS):
        expected = sent * _turns(tile, shift)
        shift -= _slope(tile, (seen * np.conj(expected) * lock.sign).sum(axis=0)) * UNITS / (2 * np.pi)
    expected = lock.sign * sent * _turns(tile, shift)
    gain = np.stack([_by_radius(tile, row * np.conj(expected), np.abs(expected) ** 2) for row in seen])
    remaining = (seen - gain * expected) * np.where(np.isfinite(noise), noise, 0)
    return np.asarray(remaining, np.complex64)


def _by_radius(
    tile: Tile, product: NDArray[np.complex128], power: NDArray[np.float64]
) -> NDArray[np.complex128]:
    """Gain (1072,) that is shared by carriers of about the same radius."""
    ring = np.rint(tile.radii).astype(int)
    radius = np.arange(ring.max() + 1)
    near = np.exp(-0.5 * ((radius[:, None] - radius[None]) / RADII_SHARED) ** 2)
    real, imaginary, total = (np.bincount(ring, part) for part in (product.real, product.imag, power))
    return np.asarray(((near @ (real + 1j * imaginary)) / (near @ total))[ring])


def _turns(tile: Tile, shift: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(-2j * np.pi / UNITS * (tile.carriers @ shift)))


def _slope(tile: Tile, product: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Phase per harmonic (x, y) that is left in `product`, by least squares on sin(phase); clipped to a radian."""
    weight = np.abs(product)
    phase = np.where(weight > 0, product.imag / np.maximum(weight, 1e-12), 0.0)
    positive = product.real > 0  # noise turns some carriers over; they say nothing about the slope
    k = tile.carriers[positive].astype(np.float64)
    w = weight[positive]
    normal = (k * w[:, None]).T @ k + 1e-9 * np.eye(2)
    return np.asarray(
        np.clip(np.linalg.solve(normal, (k * (w * phase[positive])[:, None]).sum(axis=0)), -0.05, 0.05)
    )

"""From Fourier coefficients to soft bits: undo the shift, learn the channel from the pilots, weigh by noise.

Scaling, blur, compression and the front end attenuate high harmonics more than low ones, and some channels kill the
colour difference altogether. The pilots, whose values are known, show by how much: for each look, their gain is
averaged over neighbouring radii and shrunk where it is not significant. The looks are then combined like the antennas
of a radio (maximum ratio combining with their noise correlation), and a bit's log-likelihood ratio is
2 * gain * value / noise.
"""

import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Coefficients, Lock, normalised
from watermark.tile import UNITS, Tile

GAIN_SMOOTHING = 4.0
"""Radii over which pilots share their gain (standard deviation of a Gaussian, in harmonics)."""

LEAST_NOISE = 0.1
"""Share of a carrier's power that is always taken for noise."""

CLIP = 12.0


def soft_bits(tile: Tile, coefficients: Coefficients, lock: Lock) -> NDArray[np.float32]:
    """Log-likelihood ratios of the code bits.

    Args:
        tile: whose bits they are.
        coefficients: complex (looks, 1072), sampled at `lock.matrix`: pilots, then data.
        lock: the shift, sign and variant.

    Returns:
        float32 (2048,), positive for 0, in the order of the carriers, still scrambled.

    """
    count = len(tile.pilots)
    turns = np.exp(2j * np.pi / UNITS * (tile.carriers @ np.array(lock.shift)))
    seen = lock.sign * normalised(tile, coefficients) * turns
    gain = (
        _gains(tile, (seen[:, :count] * np.conj(tile.pilot_phases[lock.variant])).real) * tile.data_amplitudes
    )
    value = _combine(gain, seen[:, count:])
    # each of the two bits of a carrier has half its signal power and half its noise
    llr = np.empty(2 * value.size, np.float32)
    llr[0::2] = 2.0 * np.sqrt(2.0) * value.real
    llr[1::2] = 2.0 * np.sqrt(2.0) * value.imag
    return np.clip(llr, -CLIP, CLIP)


def _gains(tile: Tile, pilots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gain (looks, 1024) per unit of transmitted amplitude at each data carrier, from aligned pilots (looks, 48)."""
    radius = tile.radii
    count = len(tile.pilots)
    near = np.exp(-0.5 * ((radius[count:, None] - radius[None, :count]) / GAIN_SMOOTHING) ** 2)
    weight = near @ tile.pilot_amplitudes**2
    gain = (pilots * tile.pilot_amplitudes) @ near.T / weight
    variance = 0.5 / weight  # of a gain that is only noise
    return np.asarray(gain * np.maximum(0.0, 1.0 - variance / np.maximum(gain**2, 1e-12)))


def _combine(gain: NDArray[np.float64], seen: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """gain^T noise^-1 seen for each carrier; gain and seen are (looks, 1024), seen of unit power."""
    noise = np.maximum(1.0 - gain**2, LEAST_NOISE)
    if len(gain) == 1:
        return np.asarray(gain[0] * seen[0] / noise[0])
    across = np.mean((seen[0] * np.conj(seen[1])).real) - gain[0] * gain[1]
    across = np.clip(across, -0.9 * np.sqrt(noise[0] * noise[1]), 0.9 * np.sqrt(noise[0] * noise[1]))
    determinant = noise[0] * noise[1] - across**2
    first = (noise[1] * gain[0] - across * gain[1]) / determinant
    second = (noise[0] * gain[1] - across * gain[0]) / determinant
    return np.asarray(first * seen[0] + second * seen[1])

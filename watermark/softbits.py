"""From Fourier coefficients to soft bits: undo the shift, learn the channel from the pilots, weigh by noise.

Scaling, blur, compression and the front end attenuate high harmonics more than low ones. The pilots, whose
values are known, show by how much: their gain is averaged over neighbouring radii. What is left of a ring's power is
noise, and a bit's log-likelihood ratio is 2 * gain * value / noise (a Gaussian channel).
"""

import numpy as np
from numpy.typing import NDArray

from watermark.alignment import Lock, carrier_noise
from watermark.tile import UNITS, Tile

GAIN_SMOOTHING = 4.0
"""Radii over which pilots share their gain (standard deviation of a Gaussian, in harmonics)."""

LEAST_NOISE_SHARE = 0.15
CLIP = 12.0


def soft_bits(tile: Tile, coefficients: NDArray[np.complex64], lock: Lock) -> NDArray[np.float32]:
    """Log-likelihood ratios of the code bits.

    Args:
        coefficients: complex (1072,), sampled at `lock.matrix`: pilots, then data.

    Returns:
        float32 (2048,), positive for 0, still scrambled.

    """
    count = len(tile.pilots)
    turn = 2j * np.pi / UNITS
    aligned = lock.sign * coefficients * np.exp(turn * (tile.carriers @ np.array(lock.shift)))
    rms = carrier_noise(tile, coefficients)
    radius = np.hypot(*tile.carriers.T)

    seen = (aligned[:count] * np.conj(tile.pilot_phases)).real
    near = np.exp(-0.5 * ((radius[count:, None] - radius[None, :count]) / GAIN_SMOOTHING) ** 2)
    gain = (near @ (seen * tile.pilot_amplitudes)) / (near @ tile.pilot_amplitudes**2)
    signal = np.maximum(gain, 0.0) * tile.data_amplitudes
    noise = np.maximum(rms[count:] ** 2 - signal**2, LEAST_NOISE_SHARE * rms[count:] ** 2) / 2
    weight = 2.0 * (signal / np.sqrt(2.0)) / noise

    llr = np.empty(2 * (len(aligned) - count), np.float32)
    llr[0::2] = weight * aligned[count:].real
    llr[1::2] = weight * aligned[count:].imag
    return np.clip(llr, -CLIP, CLIP)

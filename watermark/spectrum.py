"""The spectrum of a residual, at any frequency and not only at the bins of an FFT.

Whether a tile of a given period, angle and shear is present is a question about the Fourier transform of the whole
residual at that tile's harmonics, wherever they fall. One oversampled FFT answers all such questions: samples between
the bins are interpolated with a Kaiser-Bessel kernel after the residual was divided by the kernel's transform
(a type-2 non-uniform FFT: Beatty, Nishimura, Pauly, IEEE Trans. Med. Imaging 24(6), 2005, doi:10.1109/TMI.2005.848376).
Testing a hypothesis costs 25 multiplications a harmonic instead of a resampled picture.

Frequencies are in cycles per pixel, (fx, fy); the origin of phase is the centre of the residual.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

TAPS = 5
OVERSAMPLING = 1.3
"""5 taps at 1.3 keep the interpolation error near 0.1 % of the RMS, far below the host's noise."""

_BETA = math.pi * math.sqrt((TAPS / OVERSAMPLING) ** 2 * (OVERSAMPLING - 0.5) ** 2 - 0.8)
_MARGIN = TAPS  # columns kept left of zero frequency, so that no tap needs a mirror
_TABLE_STEPS = 4096


class Spectrum:
    """The Fourier transform of one residual, sampled anywhere."""

    def __init__(self, residual: NDArray[np.float32]) -> None:
        """Transform `residual`, float32 (H, W)."""
        from scipy import fft  # noqa: PLC0415 - its import takes half as long as all others together

        height, width = residual.shape
        self.shape = (height, width)
        rows, columns = self._grid = grid_shape(height, width)
        padded = np.zeros((rows, columns), np.float32)
        weighted = residual * deapodisation(height, rows)[:, None] * deapodisation(width, columns)[None]
        top, left = height // 2, width // 2  # the centre goes to index 0, as an FFT wants it
        padded[: height - top, : width - left] = weighted[top:, left:]
        padded[: height - top, columns - left :] = weighted[top:, :left]
        padded[rows - top :, : width - left] = weighted[:top, left:]
        padded[rows - top :, columns - left :] = weighted[:top, :left]
        self._bins = with_margin(fft.rfft2(padded))

    def sample(self, frequencies: NDArray[np.float64]) -> NDArray[np.complex64]:
        """Fourier coefficients sum r(x) exp(-2 pi i f x) at `frequencies` (..., 2); complex64 (...).

        Frequencies beyond 0.48 cycles / px in either direction give 0.
        """
        places = self.places(frequencies.reshape(-1, 2))
        return self.at(places).reshape(frequencies.shape[:-1])

    def places(self, frequencies: NDArray[np.float64]) -> "Places":
        """Where to read at `frequencies` (n, 2); the same in all spectra of one shape."""
        mirror = frequencies[:, 0] < 0
        fx = np.abs(frequencies[:, 0])
        fy = np.where(mirror, -frequencies[:, 1], frequencies[:, 1])
        inside = (fx < 0.48) & (np.abs(fy) < 0.48)
        rows, columns = self._grid
        column, across = taps(np.where(inside, fx, 0.0) * columns)
        row, down = taps(np.where(inside, fy, 0.0) * rows)
        bins = (row % rows * self._bins.shape[1] + _MARGIN)[:, None] + column
        weights = (down * inside)[:, None] * across
        return Places(bins.reshape(TAPS**2, -1), weights.reshape(TAPS**2, -1), mirror)

    def at(self, places: "Places") -> NDArray[np.complex64]:
        """Fourier coefficients, complex64 (n,), at `places` of a spectrum of this shape."""
        values = np.take(self._bins, places.bins)
        values *= places.weights
        total = values.sum(axis=0)
        return np.asarray(np.conjugate(total, out=total, where=places.mirror))


@dataclass(frozen=True, eq=False)
class Places:
    """Frequencies as bins to read.

    Attributes:
        bins: int (TAPS ** 2, n), indices into the flat bins.
        weights: float32 (TAPS ** 2, n), 0 for frequencies out of band.
        mirror: bool (n,), whether the complex conjugate is read, on the half plane that is kept.

    """

    bins: NDArray[np.int64]
    weights: NDArray[np.float32]
    mirror: NDArray[np.bool_]


def with_margin(positive: NDArray[np.complex64]) -> NDArray[np.complex64]:
    """Add the columns left of zero frequency to an rfft2, complex64 (rows, columns / 2 + 1)."""
    mirrored = np.conj(positive[-np.arange(len(positive)) % len(positive), 1 : _MARGIN + 1])[:, ::-1]
    return np.concatenate([mirrored, positive], axis=1)


def grid_shape(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the oversampled FFT of a residual (H, W); the columns are even."""
    from scipy import fft  # noqa: PLC0415 - its import takes half as long as all others together

    rows, columns = (
        fft.next_fast_len(math.ceil(OVERSAMPLING * n) + TAPS, real=True) for n in (height, width)
    )
    return rows, columns + columns % 2


def taps(position: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Indices (TAPS, n) of the bins around positions (n,), and the kernel's weights there."""
    index = np.ceil(position - TAPS / 2).astype(np.int64) + np.arange(TAPS)[:, None]
    reach = np.abs(index - position) * (_TABLE_STEPS / (TAPS / 2))
    return index, _kernel_table()[np.rint(np.minimum(reach, _TABLE_STEPS)).astype(np.int64)]


@lru_cache(maxsize=1)
def _kernel_table() -> NDArray[np.float32]:
    return np.asarray(np.i0(_BETA * np.sqrt(1 - np.linspace(0, 1, _TABLE_STEPS + 1) ** 2)) / TAPS, np.float32)


@lru_cache(maxsize=16)
def deapodisation(length: int, grid: int) -> NDArray[np.float32]:
    """One over the Fourier transform of the kernel at each pixel; float32 (length,)."""
    pixel = (np.arange(length) - length // 2) / grid
    inner = np.sqrt((_BETA**2 - (np.pi * TAPS * pixel) ** 2).astype(complex))
    return np.asarray(1.0 / np.real(np.sinh(inner) / inner), np.float32)

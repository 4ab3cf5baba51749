"""Spectra of many residuals of one size at once, and the coherent tests on them, in torch, on any device.

The arithmetic of spectrum.py and alignment.py with a leading axis for the pictures: one oversampled FFT a residual,
its values between the bins, their noise, and inverse FFTs that try all shifts of a tile. Reading a message and looking
at other scales differ from picture to picture and stay where they are (search.py).

This module imports torch when it is imported; `watermark` itself does not import it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from watermark.alignment import LIMIT, RING_WIDTH, Lock, Matrix
from watermark.spectrum import Spectrum, deapodisation, grid_shape, taps, with_margin
from watermark.tile import UNITS, Tile

SURFACES_AT_ONCE = 64
"""Surfaces of 128 x 128 shifts that are made at a time: 8 MB of complex numbers, and one launch on a GPU."""


class FetchedSpectrum(Spectrum):
    """A spectrum that was transformed elsewhere."""

    def __init__(self, shape: tuple[int, int], positive: NDArray[np.complex64]) -> None:
        """Take over the oversampled FFT of a residual of `shape`, complex64 (rows, columns / 2 + 1)."""
        self.shape, self._grid = shape, grid_shape(*shape)
        self._bins = with_margin(positive)


class Spectra:
    """Fourier transforms of residuals of one size, sampled anywhere.

    Attributes:
        batch: (pictures, looks).

    """

    def __init__(self, residuals: Tensor) -> None:
        """Transform `residuals`, float32 (N, looks, H, W)."""
        height, width = residuals.shape[-2:]
        self.batch, self._shape = residuals.shape[:2], (height, width)
        rows, columns = self._grid = grid_shape(height, width)
        device = residuals.device
        down = torch.from_numpy(deapodisation(height, rows)).to(device)
        across = torch.from_numpy(deapodisation(width, columns)).to(device)
        padded = residuals.new_zeros((*residuals.shape[:-2], rows, columns))
        padded[..., :height, :width] = residuals * down[:, None] * across
        # the centre goes to index 0, as an FFT wants it
        self._bins = torch.fft.rfft2(padded.roll((-(height // 2), -(width // 2)), dims=(-2, -1)))

    def one(self, picture: int, look: int) -> Spectrum:
        """Take one of them to the CPU."""
        return FetchedSpectrum(self._shape, self._bins[picture, look].cpu().numpy())

    def sample(self, frequencies: NDArray[np.float64]) -> Tensor:
        """Fourier coefficients, complex64 (N, looks, M), at `frequencies` (M, 2) in cycles / px, as Spectrum.sample."""
        rows, columns = self._grid
        mirror = frequencies[:, 0] < 0
        fx = np.abs(frequencies[:, 0])
        fy = np.where(mirror, -frequencies[:, 1], frequencies[:, 1])
        inside = (fx < 0.48) & (np.abs(fy) < 0.48)
        column, across = taps(np.where(inside, fx, 0.0) * columns)
        row, down = taps(np.where(inside, fy, 0.0) * rows)
        row, column = row.T[:, :, None], column.T[:, None, :]
        # left of zero frequency stands the complex conjugate of the bin across the origin
        left = np.broadcast_to(column < 0, (len(row), row.shape[1], column.shape[2]))
        flat = np.where(left, -row, row) % rows * (columns // 2 + 1) + np.abs(column)
        weight = down.T[:, :, None] * across.T[:, None, :] * inside[:, None, None]
        values = self._bins.flatten(-2)[..., self._moved(flat)] * self._moved(weight.astype(np.float32))
        total = torch.where(self._moved(left), values.conj(), values).sum(dim=(-2, -1))
        return torch.where(self._moved(mirror), total.conj(), total)

    def _moved(self, values: NDArray[Any]) -> Tensor:
        """Take an array to where the bins are."""
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._bins.device)


def lock_maps(
    tile: Tile, spectra: Spectra, matrices: Sequence[Matrix]
) -> tuple[list[list[Lock]], list[list[Lock]]]:
    """Test each of some linear maps in each picture.

    Args:
        tile: whose pilots to look for.
        spectra: of N pictures, luma and colour difference.
        matrices: harmonics to cycles / px.

    Returns:
        The locks of the luma alone, and those of both planes apart and together, as `alignment.lock_coefficients`
        gives them: for each picture, one for each map.

    """
    frequencies = np.concatenate([tile.carriers @ matrix.T for matrix in matrices])
    seen = spectra.sample(frequencies).reshape(*spectra.batch, len(matrices), -1).transpose(1, 2)
    pilots = _normalised(tile, seen)[..., : len(tile.pilots)]
    pilots = torch.cat([pilots, pilots.sum(dim=2, keepdim=True) / pilots.shape[2] ** 0.5], dim=2)
    phases = torch.from_numpy(np.conj(tile.pilot_phases).astype(np.complex64)).to(pilots.device)
    # (N, maps, variants, looks, pilots)
    places, peaks = _peaks(
        tile, phases[:, None] * pilots[:, :, None], phases[:, None] * pilots[:, :, None].conj()
    )
    spread = (
        (0.5 * (pilots.real.square() + pilots.imag.square()).sum(dim=-1)).sqrt()[:, :, None].clamp_min(1e-9)
    )
    luma = _best(places[..., :1], peaks[..., :1], spread[..., :1], matrices)
    return luma, _best(places, peaks, spread, matrices)


def _normalised(tile: Tile, seen: Tensor) -> Tensor:
    """Coefficients (..., carriers) over their noise, limited to LIMIT in modulus: alignment.normalised."""
    rings = (tile.radii / RING_WIDTH).astype(int)
    power = seen.real.square() + seen.imag.square()
    noise = torch.empty_like(power)
    for ring in np.unique(rings):
        where = torch.from_numpy(np.flatnonzero(rings == ring)).to(seen.device)
        ranked = power.index_select(-1, where)
        alive = (ranked > 0).sum(dim=-1, keepdim=True)
        ranked = torch.where(ranked > 0, ranked, torch.inf).sort(dim=-1).values
        low = ranked.gather(-1, ((alive - 1) // 2).clamp_min(0))
        median = 0.5 * (low + ranked.gather(-1, (alive // 2).clamp_max(ranked.shape[-1] - 1)))
        noise[..., where] = (median / np.log(2.0)).sqrt()
    seen = seen / noise
    return seen * (LIMIT / seen.abs().clamp_min(1e-9)).clamp_max(1.0)


def _best(places: Tensor, peaks: Tensor, spread: Tensor, matrices: Sequence[Matrix]) -> list[list[Lock]]:
    """Keep the highest of all variants and looks; all of shape (N, maps, variants or 1, looks)."""
    z, best = (peaks.abs() / spread).flatten(2).max(dim=-1)
    places, heights = (values.flatten(2).gather(-1, best[..., None])[..., 0] for values in (places, peaks))
    found = [values.cpu().numpy() for values in (z, best // peaks.shape[-1], places, heights)]
    return [
        [
            _lock(matrix, *(values[picture, number] for values in found))
            for number, matrix in enumerate(matrices)
        ]
        for picture in range(len(peaks))
    ]


def _lock(matrix: Matrix, z: float, variant: int, at: int, peak: float) -> Lock:
    place, half_turn = divmod(int(at), 2)
    return Lock(
        matrix=-matrix if half_turn else matrix,
        shift=(place % UNITS, place // UNITS),
        sign=1 if peak >= 0 else -1,
        variant=int(variant),
        z=float(z),
        peak=abs(float(peak)),
    )


def _peaks(tile: Tile, upright: Tensor, turned: Tensor) -> tuple[Tensor, Tensor]:
    """Highest place, 2 * shift + half turn, and height of the surfaces of pilots (..., 48); both of shape (...)."""
    kx, ky = (torch.from_numpy(tile.pilots[:, i] % UNITS).to(upright.device) for i in (0, 1))
    places, heights = [], []
    straight, mirrored = (
        (upright + 1j * turned).flatten(0, -2),
        (upright.conj() + 1j * turned.conj()).flatten(0, -2),
    )
    for first, second in zip(
        torch.split(straight, SURFACES_AT_ONCE), torch.split(mirrored, SURFACES_AT_ONCE), strict=True
    ):
        table = first.new_zeros((len(first), UNITS, UNITS))
        table[:, ky, kx] = first
        table[:, -ky % UNITS, -kx % UNITS] = second
        surfaces = 0.5 * torch.view_as_real(torch.fft.ifft2(table, norm="forward")).flatten(1)
        place = surfaces.abs().argmax(dim=1)
        places.append(place)
        heights.append(surfaces.gather(1, place[:, None])[:, 0])
    shape = upright.shape[:-1]
    return torch.cat(places).reshape(shape), torch.cat(heights).reshape(shape)

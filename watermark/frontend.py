"""The front end: take the host picture out, keep what the mark may have added.

The picture is the noise in which the mark must be found. It is strong in few places and directions (edges, fur,
bricks), so every wavelet coefficient is divided by the local strength of its own scale and orientation: a locally
optimal detector for heavy-tailed noise, which keeps signs and does not care about brightness, contrast or gamma.

The mark is looked for twice: in the luma, which survives compression, and in green minus magenta, where pictures
have a tenth of the energy and the same mark stands out far more as long as the colours last. What the luma predicts
of the second plane (one regression coefficient per place, scale and orientation) is removed first.

Wavelet whitening against a plain high pass: NOTES.md. Averaging over shifts of the transform: Coifman and Donoho,
"Translation-invariant de-noising", 1995.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.haar import coarser, decompose, depth, finer, recompose

Plane = NDArray[np.float32]

LEVELS = 4
"""Details of levels 1 to 4 hold 0.03 to 0.5 cycles / px, the band of every tile of 36 to 420 px."""

NEIGHBOURHOOD = 1.0
"""Standard deviation, in coefficients of the same band, over which local strength is measured."""

NOISE_FLOOR = 1.0
EXPONENT = 1.3
CLIP = 2.5


def suppress_host(planes: Sequence[Plane], levels: int = LEVELS) -> list[Plane]:
    """Flatten pictures of one scene into residuals of unit RMS in which the mark stands out.

    Args:
        planes: float32 (H, W), 0..255: the luma, or the luma and a colour difference.
        levels: of the wavelet transform.

    Returns:
        As many float32 (H, W), zero mean, RMS 1 (all zero for a flat plane).

    """
    scene = Scene(planes[0], levels)
    return [unit_rms(scene.luma()), *(unit_rms(scene.difference(plane)) for plane in planes[1:])]


def add_shifts(residuals: Sequence[Plane], planes: Sequence[Plane]) -> list[Plane]:
    """Average residuals over four diagonal shifts of the wavelet grid, by 0 to 3 pixels, which gains about 1 dB.

    Two pixels are one coefficient of the finest level: it is the same in shifts 0 and 2, and in 1 and 3. So the whole
    transform is made for two shifts, and for the other two only what is coarser, at a quarter of the cost.

    Args:
        residuals: of `planes` without a shift, as `suppress_host` makes them.
        planes: float32 (H, W) each.

    """
    moved = [_shifted(plane) for plane in planes]
    once = [
        _two_shifts(residual, at) for residual, at in zip(residuals, _coarse_residuals(planes), strict=True)
    ]
    again = [
        _two_shifts(residual, at)
        for residual, at in zip(suppress_host(moved), _coarse_residuals(moved), strict=True)
    ]
    return [unit_rms(first + second[1:, 1:]) for first, second in zip(once, again, strict=True)]


def _two_shifts(residual: Plane, coarse: Plane) -> Plane:
    """A residual twice, the second time with another's `coarse` levels (unit RMS) in place of its own."""
    own = coarser(residual)
    other = coarse * np.float32(np.sqrt(np.mean(own * own)))
    return 2 * residual + finer(other - own, residual.shape)


def _coarse_residuals(planes: Sequence[Plane]) -> list[Plane]:
    """Residuals of all but the finest level, of a grid shifted by two pixels; float32 (ceil(H / 2), ceil(W / 2))."""
    moved = [_shifted(coarser(plane)) for plane in planes]
    return [residual[1:, 1:] for residual in suppress_host(moved, LEVELS - 1)]


def _shifted(plane: Plane) -> Plane:
    """Move a plane by one pixel down and right."""
    return np.asarray(cv2.copyMakeBorder(plane, 1, 0, 1, 0, cv2.BORDER_REFLECT_101))


def unit_rms(residual: Plane) -> Plane:
    """Scale a residual to RMS 1."""
    return residual / np.float32(max(float(np.sqrt(np.mean(residual * residual))), 1e-6))


class Scene:
    """The wavelet bands of one luma plane: they are whitened, and they predict the colour difference."""

    def __init__(self, luma: Plane, levels: int = LEVELS) -> None:
        """Decompose `luma`, float32 (H, W), over so many levels, or as many as it bears."""
        self.shape = luma.shape
        self._bands = decompose(luma, depth(luma.shape, levels))
        self._energies = [[_local_mean(band * band) for band in level] for level in self._bands]

    def luma(self) -> Plane:
        """Whiten the luma; float32 (H, W)."""
        levels = [
            [_normalise(band, energy) for band, energy in zip(level, energies, strict=True)]
            for level, energies in zip(self._bands, self._energies, strict=True)
        ]
        return recompose(levels, self.shape)

    def difference(self, plane: Plane) -> Plane:
        """Whiten what the luma does not predict of a colour difference; float32 (H, W)."""
        levels = []
        pyramid = decompose(plane, len(self._bands))
        for bands, luma, energies in zip(pyramid, self._bands, self._energies, strict=True):
            level = []
            for band, predictor, energy in zip(bands, luma, energies, strict=True):
                slope = _local_mean(band * predictor) / (energy + np.float32(1.0))
                unpredicted = np.asarray(band - slope * predictor, np.float32)
                level.append(_normalise(unpredicted, _local_mean(unpredicted * unpredicted)))
            levels.append(level)
        return recompose(levels, self.shape)


def _normalise(band: Plane, energy: Plane) -> Plane:
    strength = cv2.sqrt(np.maximum(energy, 0) + np.float32(NOISE_FLOOR**2))
    return np.asarray(np.clip(band / strength, -CLIP, CLIP) * cv2.pow(strength, 1.0 - EXPONENT))


def _local_mean(values: Plane) -> Plane:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), NEIGHBOURHOOD, borderType=cv2.BORDER_REFLECT))

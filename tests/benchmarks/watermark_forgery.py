"""An attacker's toolbox against the invisible watermark: everything is known but the key.

Known are the period of the tile, the band of its harmonics, the perceptual mask and the front end; unknown are which
harmonics are pilots, their phases, the order of the data and the message. So a picture is reduced to one complex number
per harmonic of the known period (its lattice), and lattices of several pictures are lined up by cross-correlation and
averaged: noise falls with their number, what they have in common stays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.frontend import suppress_host
from watermark.mask import perceptual_mask
from watermark.tile import UNITS, period_px

Picture = NDArray[np.uint8]
Lattice = NDArray[np.complex128]
"""Complex (M,): one number per harmonic, phases counted from the top left pixel."""

WEIGHTS = np.array([0.4, 1.0, 0.1], np.float32)
MARK_PSNR_DB = 43.5
"""What the mark itself costs: the attacker adds or subtracts about as much."""

FORGED_PSNR_DB = 41.0
FOLD_COSTS_DB = (40.0, 42.0, 44.0, 46.0, 48.0, 50.0, 52.0, 54.0, 56.0, 58.0, 60.0)
"""Amounts of a picture's own fold that are tried; the attacker keeps what lowers the energy most."""

ALIGNED_FROM_Z = 5.5
"""Two lattices of noise reach 4.5 to 5.2 somewhere among 16384 shifts."""


def _half_plane(inner: float, outer: float) -> NDArray[np.int64]:
    reach = math.ceil(outer)
    ky, kx = np.mgrid[0 : reach + 1, -reach : reach + 1]
    rows = np.stack([kx.ravel(), ky.ravel()], axis=1)
    radius = np.hypot(rows[:, 0], rows[:, 1])
    return rows[((rows[:, 1] > 0) | (rows[:, 0] > 0)) & (radius >= inner) & (radius <= outer)]


HARMONICS = _half_plane(5.0, 27.0)
_RINGS = np.hypot(HARMONICS[:, 0], HARMONICS[:, 1]).astype(int)


def psnr(a: Picture, b: Picture) -> float:
    return 10 * math.log10(255**2 / max(float(np.mean((a.astype(np.float64) - b) ** 2)), 1e-9))


def lattice(picture: Picture) -> Lattice:
    """Fold a picture at the period its size was marked with; moduli are 1 on average for noise, at most 3."""
    total = _normalised_fold(picture)
    return np.asarray(total * np.minimum(1.0, 3.0 / np.maximum(np.abs(total), 1e-9)))


def strongest(picture: Picture, count: int) -> NDArray[np.int64]:
    """Rows of the harmonics that stand out most in one picture: most pilots are among them."""
    return np.argsort(-np.abs(_normalised_fold(picture)))[:count]


def _normalised_fold(picture: Picture) -> Lattice:
    """Sum of both planes' folds, each over the RMS of its ring."""
    total = np.zeros(len(HARMONICS), np.complex128)
    for folded in folds(picture):
        ring_power = np.bincount(_RINGS, np.abs(folded) ** 2) / np.maximum(np.bincount(_RINGS), 1)
        total += folded / np.sqrt(np.maximum(ring_power[_RINGS], 1e-12))
    return np.asarray(total / math.sqrt(2.0))


def folds(picture: Picture) -> list[Lattice]:
    """Fold luma and colour difference, not normalised: their energy is what an attacker wants to lower."""
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    red, green, blue = (picture[:, :, i].astype(np.float32) for i in range(3))
    return [_fold(residual) for residual in suppress_host([luma, green - 0.5 * (red + blue)])]


def _fold(residual: NDArray[np.float32]) -> Lattice:
    """Fourier coefficients of float32 (H, W) at the harmonics."""
    turn = -2j * np.pi / period_px(*residual.shape)
    reach = int(np.abs(HARMONICS).max())
    down = np.exp(turn * np.outer(np.arange(reach + 1), np.arange(len(residual))))
    across = np.exp(turn * np.outer(np.arange(residual.shape[1]), np.arange(-reach, reach + 1)))
    return np.asarray((down @ (residual @ across))[HARMONICS[:, 1], HARMONICS[:, 0] + reach])


def shifted(of: Lattice, shift: tuple[int, int]) -> Lattice:
    """Move what `align` found apart onto each other."""
    return np.asarray(of * np.exp(2j * np.pi / UNITS * (HARMONICS @ np.array(shift))))


def align(a: Lattice, b: Lattice, weight: NDArray[np.float64]) -> tuple[float, tuple[int, int]]:
    """Cross-correlate; returns the height of the peak in standard deviations and the shift that takes `a` onto `b`."""
    product = a * np.conj(b) * weight
    table = np.zeros((UNITS, UNITS), np.complex128)
    table[HARMONICS[:, 1] % UNITS, HARMONICS[:, 0] % UNITS] = product
    surface = np.fft.ifft2(table, norm="forward").real
    y, x = divmod(int(surface.argmax()), UNITS)
    spread = math.sqrt(0.5 * float(np.sum(np.abs(product) ** 2)))
    return float(surface[y, x]) / max(spread, 1e-12), (x, y)


@dataclass
class Group:
    """Pictures that were found to share a pattern."""

    total: Lattice
    members: list[int]


@dataclass(frozen=True)
class Knowledge:
    """What a set of marked pictures told.

    Attributes:
        weight: float (M,), how much the power of a harmonic exceeds noise: the pilots stand out.
        groups: largest first.
        naive: float32 (H, W, 3), the plain average of what a denoiser takes away.

    """

    weight: NDArray[np.float64]
    groups: list[Group]
    naive: NDArray[np.float32]

    def pilots(self, count: int = 48) -> NDArray[np.int64]:
        """Rows of the harmonics that look like pilots."""
        return np.argsort(-self.weight)[:count]

    def template(self, group: Group) -> Lattice:
        return group.total / len(group.members)


def learn(pictures: Sequence[Picture], residuals: Sequence[NDArray[np.float32]]) -> Knowledge:
    """Line up and average marked pictures of one size."""
    lattices = [lattice(picture) for picture in pictures]
    power = np.mean([np.abs(values) ** 2 for values in lattices], axis=0)
    weight = np.maximum(power - np.median(power), 0.0)
    return Knowledge(weight, _groups(lattices, weight), np.mean(residuals, axis=0, dtype=np.float32))


def _groups(lattices: list[Lattice], weight: NDArray[np.float64]) -> list[Group]:
    """Grow groups from the most similar pair, one best-fitting picture at a time."""
    free, groups = set(range(len(lattices))), []
    while len(free) > 1:
        pairs = [(align(lattices[j], lattices[i], weight), i, j) for i in free for j in free if i < j]
        (z, shift), first, second = max(pairs, key=lambda pair: pair[0][0])
        if z < ALIGNED_FROM_Z:
            break
        group = Group(lattices[first] + shifted(lattices[second], shift), [first, second])
        free -= {first, second}
        while free:
            (z, shift), best = max((align(lattices[i], group.total, weight), i) for i in free)
            if z < ALIGNED_FROM_Z:
                break
            group.total = group.total + shifted(lattices[best], shift)
            group.members.append(best)
            free.remove(best)
        groups.append(group)
    return sorted(groups, key=lambda group: -len(group.members))


def pattern(values: Lattice, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Synthesise a lattice at every pixel; float32 (H, W) of unit RMS."""
    turn = 2j * np.pi / period_px(*shape)
    reach = int(np.abs(HARMONICS).max())
    table = np.zeros((reach + 1, 2 * reach + 1), np.complex128)
    table[HARMONICS[:, 1], HARMONICS[:, 0] + reach] = values
    down = np.exp(turn * np.outer(np.arange(shape[0]), np.arange(reach + 1)))
    across = np.exp(turn * np.outer(np.arange(-reach, reach + 1), np.arange(shape[1])))
    field = (down @ (table @ across)).real.astype(np.float32)
    return np.asarray(field / max(float(field.std()), 1e-9))


def add_pattern(picture: Picture, values: Lattice, psnr_db: float, sign: int = 1) -> Picture:
    """Add (or subtract) a lattice as the embedder would, through the perceptual mask, at a given cost."""
    height, width = picture.shape[:2]
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    shaped = perceptual_mask(luma, period_px(height, width) / UNITS) * pattern(values, (height, width))
    return add_change(picture, shaped[..., None] * WEIGHTS, psnr_db, sign)


def add_change(picture: Picture, change: NDArray[np.float32], psnr_db: float, sign: int = 1) -> Picture:
    """Add float32 (H, W, 3), scaled to cost `psnr_db`."""
    rms = math.sqrt(float(np.mean(change.astype(np.float64) ** 2)))
    gain = sign * 255 / 10 ** (psnr_db / 20) / max(rms, 1e-9)
    return np.clip(np.rint(picture + np.float32(gain) * change), 0, 255).astype(np.uint8)


def spoil_own_fold(picture: Picture, rows: NDArray[np.int64], rng: np.random.Generator) -> Picture:
    """Turn the signs of a random half of a picture's own harmonics at `rows`: their sum then correlates with nothing.

    How much to subtract is found first, as what lowers their energy most; twice that on half of them turns signs.
    Merely subtracting leaves a rest of the right phases, which still locks.
    """
    chosen = np.zeros(len(HARMONICS))
    chosen[rows] = 1.0
    own = lattice(picture) * chosen
    energy = lambda p: float(sum(np.sum(np.abs(plane) ** 2 * chosen) for plane in folds(p)))
    whole_db = min(FOLD_COSTS_DB, key=lambda level: energy(add_pattern(picture, own, level, -1)))
    half = rng.random(len(HARMONICS)) < 0.5
    return add_pattern(picture, own * half, whole_db - 3.0, -1)


def subtract_template(picture: Picture, known: Knowledge) -> Picture:
    """Find the learnt pattern that fits a picture best and subtract as much of it as leaves nothing to correlate."""
    own = lattice(picture)
    fits = [(align(known.template(group), own, known.weight), group) for group in known.groups]
    if not fits:
        return add_change(picture, known.naive, MARK_PSNR_DB, -1)
    (_, shift), group = max(fits, key=lambda fit: fit[0][0])
    estimate = shifted(known.template(group), shift) * np.sqrt(known.weight)
    left = lambda candidate: sum(
        abs(float(np.sum((plane * np.conj(estimate)).real))) for plane in folds(candidate)
    )
    levels = (38.0, 40.0, 42.0, 43.5, 45.0, 47.0, 50.0)
    return min((add_pattern(picture, estimate, level, -1) for level in levels), key=left)

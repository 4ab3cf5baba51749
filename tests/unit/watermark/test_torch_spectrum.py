"""Batched spectra and coherent tests agree with those of one picture at a time."""

import numpy as np
import pytest

from watermark.alignment import lock_coefficients, sample
from watermark.embedding import embed
from watermark.frontend import suppress_host
from watermark.search import DIHEDRAL, reduced_difference, reduced_luma
from watermark.spectrum import Spectrum
from watermark.tile import period_px, tile_for

torch = pytest.importorskip("torch")
from watermark.torch_spectrum import Spectra, lock_maps  # noqa: E402 - after the skip

SHAPE = (301, 384)


@pytest.fixture(scope="module")
def residuals(make_picture, key) -> np.ndarray:
    """Of one unmarked picture, and of a marked one on its side; float32 (2, 2, H, W)."""
    marked = embed(make_picture(2, *SHAPE[::-1]), b"12345678", key=key)
    pictures = [make_picture(1, *SHAPE), np.ascontiguousarray(np.rot90(marked))]
    return np.array([suppress_host([reduced_luma(p, 1.0), reduced_difference(p, 1.0)]) for p in pictures])


def test_samples_are_those_of_one_spectrum_at_a_time(residuals):
    rng = np.random.default_rng(3)
    frequencies = rng.uniform(-0.55, 0.55, (400, 2))  # beyond the band too
    frequencies[:40, 0] = rng.uniform(-0.004, 0.004, 40)  # beside zero frequency, where bins are mirrored
    spectra = Spectra(torch.from_numpy(residuals))
    batch = spectra.sample(frequencies).numpy()
    for picture, planes in enumerate(residuals):
        for look, residual in enumerate(planes):
            expected = Spectrum(residual).sample(frequencies)
            scale = np.abs(expected).mean()
            np.testing.assert_allclose(batch[picture, look], expected, atol=1e-3 * scale)
            fetched = spectra.one(picture, look)
            assert fetched.shape == SHAPE
            np.testing.assert_allclose(fetched.sample(frequencies), expected, atol=1e-3 * scale)
    assert (batch[..., np.abs(frequencies).max(axis=1) > 0.48] == 0).all()


def test_locks_are_those_of_one_test_at_a_time(residuals, key):
    tile = tile_for(key)
    matrices = [turn / period_px(*SHAPE) for turn in DIHEDRAL]
    luma, both = lock_maps(tile, Spectra(torch.from_numpy(residuals)), matrices)
    for picture, planes in enumerate(residuals):
        looks = [Spectrum(residual) for residual in planes]
        for number, matrix in enumerate(matrices):
            for got, chosen in ((luma, looks[:1]), (both, looks)):
                lock = got[picture][number]
                expected = lock_coefficients(tile, sample(tile, chosen, matrix), matrix)
                assert lock.z == pytest.approx(expected.z, rel=1e-4)
                assert lock.peak == pytest.approx(expected.peak, rel=1e-4)
                assert (lock.shift, lock.sign, lock.variant) == (
                    expected.shift,
                    expected.sign,
                    expected.variant,
                )
                np.testing.assert_array_equal(lock.matrix, expected.matrix)
    assert max(lock.z for lock in both[1]) > 6.0  # the marked one locks, or the comparison says little


def test_a_flat_picture_locks_nowhere(key):
    spectra = Spectra(torch.zeros(1, 2, 128, 128))
    luma, both = lock_maps(tile_for(key), spectra, [np.eye(2) / 109.0])
    assert luma[0][0].z == both[0][0].z == 0.0

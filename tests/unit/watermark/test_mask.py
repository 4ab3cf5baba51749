import numpy as np

from watermark.mask import BUSY_TEXTURE, EXPONENT, FLAT_TEXTURE, perceptual_mask


def test_flat_areas_get_one_and_noise_gets_more():
    luma = np.full((256, 400), 120, np.float32)
    luma[:, 200:] += np.random.default_rng(0).normal(0, 25, (256, 200))
    mask = perceptual_mask(luma, 1.25)
    assert mask.shape == luma.shape
    assert mask[:, :150].max() < 1.01
    assert mask[:, 260:].min() > 5
    assert mask.max() <= (BUSY_TEXTURE / FLAT_TEXTURE) ** EXPONENT + 0.01


def test_a_lone_edge_does_not_raise_the_mask():
    luma = np.full((256, 256), 60, np.float32)
    luma[:, 128:] = 200
    assert perceptual_mask(luma, 1.25).max() < 1.2


def test_sky_noise_counts_as_flat():
    luma = 150 + np.random.default_rng(0).normal(0, 1, (256, 256)).astype(np.float32)
    assert perceptual_mask(luma, 1.25).max() < 1.1


def test_every_unit_gives_a_finite_mask():
    luma = np.random.default_rng(0).uniform(0, 255, (130, 999)).astype(np.float32)
    for unit in (0.85, 1.0, 1.7, 2.5, 5.0):
        assert np.isfinite(perceptual_mask(luma, unit)).all()

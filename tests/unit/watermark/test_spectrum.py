import numpy as np
import pytest

from watermark.spectrum import Spectrum


@pytest.mark.parametrize("shape", [(64, 64), (97, 131), (80, 301)])
def test_samples_are_the_fourier_transform(shape):
    rng = np.random.default_rng(0)
    residual = rng.standard_normal(shape).astype(np.float32)
    frequencies = rng.uniform(-0.47, 0.47, (100, 2))
    y, x = np.mgrid[: shape[0], : shape[1]]
    y, x = y - shape[0] // 2, x - shape[1] // 2
    exact = np.array([np.sum(residual * np.exp(-2j * np.pi * (fx * x + fy * y))) for fx, fy in frequencies])
    error = np.abs(Spectrum(residual).sample(frequencies) - exact)
    assert error.max() < 0.01 * np.sqrt(np.mean(np.abs(exact) ** 2))


def test_shape_of_frequencies_is_kept_and_out_of_band_is_zero():
    spectrum = Spectrum(np.ones((70, 90), np.float32))
    values = spectrum.sample(np.array([[[0.1, 0.2], [0.49, 0.0]], [[-0.6, 0.1], [0.0, -0.481]]]))
    assert values.shape == (2, 2)
    assert values[0, 0] != 0
    assert list(values.ravel()[1:]) == [0, 0, 0]


def test_opposite_frequencies_are_conjugate():
    spectrum = Spectrum(np.random.default_rng(1).standard_normal((100, 75)).astype(np.float32))
    f = np.array([[0.123, -0.31], [0.0, 0.2], [0.003, 0.1]])
    assert np.allclose(spectrum.sample(-f), np.conj(spectrum.sample(f)), atol=1e-2)

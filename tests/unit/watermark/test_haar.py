import numpy as np
import pytest
import pywt

from watermark.haar import coarser, decompose, depth, finer, recompose


@pytest.mark.parametrize("shape", [(128, 96), (133, 201), (65, 64)])
def test_equal_to_the_general_transform(shape):
    plane = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    levels = depth(shape, 4)
    approximation, *expected = pywt.wavedec2(plane, "haar", mode="symmetric", level=levels)
    details = decompose(plane, levels)
    for got, wanted in zip(details, expected, strict=True):
        for band, reference in zip(got, wanted, strict=True):
            np.testing.assert_allclose(band, reference, atol=1e-2)
    whole = pywt.waverec2([np.zeros_like(approximation), *expected], "haar", mode="symmetric")
    np.testing.assert_allclose(recompose(details, shape), whole[: shape[0], : shape[1]], atol=1e-2)


@pytest.mark.parametrize("shape", [(128, 96), (133, 201)])
def test_a_plane_is_its_coarser_one_and_its_finest_details(shape):
    plane = np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)
    whole = finer(coarser(plane), shape) + recompose(decompose(plane, 1), shape)
    np.testing.assert_allclose(whole, plane, atol=1e-3)


def test_small_planes_bear_fewer_levels():
    assert depth((640, 480), 4) == 4
    assert depth((640, 12), 4) == 3

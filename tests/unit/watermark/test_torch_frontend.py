"""The batched front end gives the residuals of the numpy one."""

import numpy as np
import pytest

from watermark.frontend import suppress_host
from watermark.search import reduced_difference, reduced_luma

torch = pytest.importorskip("torch")
from watermark.torch_frontend import suppress_hosts  # noqa: E402 - after the skip


@pytest.mark.parametrize(("height", "width"), [(384, 448), (301, 255), (65, 131)])
def test_residuals_equal_those_of_numpy(make_picture, height, width):
    pictures = [make_picture(seed, height, width) for seed in (1, 2)]
    planes = [[reduced_luma(p, 1.0), reduced_difference(p, 1.0)] for p in pictures]
    with torch.inference_mode():
        batch = suppress_hosts(torch.from_numpy(np.array(planes))).numpy()
    for got, of in zip(batch, planes, strict=True):
        for residual, expected in zip(got, suppress_host(of), strict=True):
            assert residual.shape == expected.shape
            np.testing.assert_allclose(residual, expected, atol=1e-4)  # of an RMS of 1
        assert got.std() > 0.5


def test_a_flat_picture_leaves_nothing():
    with torch.inference_mode():
        residual = suppress_hosts(torch.full((1, 2, 96, 96), 128.0))
    assert float(residual.abs().max()) == 0.0

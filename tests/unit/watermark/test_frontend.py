import numpy as np
import pytest

from watermark.frontend import add_shifts, suppress_host


@pytest.fixture(scope="module")
def planes(make_picture):
    picture = make_picture(1, 200, 233).astype(np.float32)
    luma = picture @ np.array([0.299, 0.587, 0.114], np.float32)
    return [luma, picture[..., 1] - 0.5 * (picture[..., 0] + picture[..., 2])]


def test_residuals_keep_shape_and_have_unit_rms(planes):
    for residual, plane in zip(suppress_host(planes), planes, strict=True):
        assert residual.shape == plane.shape
        assert residual.dtype == np.float32
        assert np.sqrt(np.mean(residual**2)) == pytest.approx(1.0, abs=1e-3)
        assert abs(residual.mean()) < 0.05


def test_a_weak_pattern_stands_out_more_than_in_the_picture(planes):
    y, x = np.mgrid[:200, :233]
    pattern = (1.5 * np.cos(2 * np.pi * (0.09 * x + 0.05 * y))).astype(np.float32)
    reference = pattern / np.sqrt(np.sum(pattern**2))
    share = lambda plane: (
        abs(np.sum((plane - plane.mean()) * reference)) / np.sqrt(np.sum((plane - plane.mean()) ** 2))
    )
    marked = planes[0] + pattern
    assert share(suppress_host([marked])[0]) > 4 * share(marked)


def test_averaging_over_shifts_keeps_shape_and_raises_a_pattern(planes):
    y, x = np.mgrid[:200, :233]
    pattern = (1.5 * np.cos(2 * np.pi * (0.09 * x + 0.05 * y))).astype(np.float32)
    marked = [planes[0] + pattern, planes[1]]
    plain = suppress_host(marked)
    averaged = add_shifts(plain, marked)
    assert [plane.shape for plane in averaged] == [plane.shape for plane in planes]
    assert np.sqrt(np.mean(averaged[0] ** 2)) == pytest.approx(1.0, abs=1e-3)
    assert np.mean(averaged[0] * pattern) > np.mean(plain[0] * pattern)


def test_shifts_are_those_of_the_whole_transform(planes):
    expected = [np.zeros(plane.shape) for plane in planes]
    for shift in range(4):
        moved = [np.pad(plane, ((shift, 0), (shift, 0)), mode="reflect") for plane in planes]
        for total, residual in zip(expected, suppress_host(moved), strict=True):
            np.add(total, residual[shift:, shift:], out=total)
    for averaged, total in zip(add_shifts(suppress_host(planes), planes), expected, strict=True):
        inside = (slice(20, -20), slice(20, -20))  # the borders are mirrored in another way
        assert np.corrcoef(averaged[inside].ravel(), total[inside].ravel())[0, 1] > 0.9999


def test_what_the_luma_predicts_is_removed(planes):
    luma = planes[0]
    own = np.random.default_rng(0).normal(0, 1.5, luma.shape).astype(np.float32)
    predicted = suppress_host([luma, 0.4 * luma + own])[1]
    correlation = np.mean(predicted * suppress_host([luma])[0])
    assert abs(correlation) < 0.15


def test_contrast_and_brightness_do_not_matter(planes):
    one, other = suppress_host([planes[0]])[0], suppress_host([0.5 * planes[0] + 60])[0]
    assert np.mean(one * other) > 0.9


def test_flat_planes_give_zero():
    flat = np.full((128, 150), 77, np.float32)
    assert not np.any(suppress_host([flat, flat])[0])

import math

import pytest

from watermark.significance import NORMALS_PER_TEST, check_p_value, lock_p_value


def test_p_falls_with_z_and_grows_with_tests():
    assert lock_p_value(8.0, 10) < lock_p_value(7.0, 10) < lock_p_value(7.0, 100)


def test_p_is_a_probability():
    assert lock_p_value(0.0, 1000) == 1.0
    assert lock_p_value(9.8, 1) > 0.0


def test_one_look_is_counted_over_all_shifts():
    one_shift = 0.5 * math.erfc(7.0 / math.sqrt(2))
    assert lock_p_value(7.0, 1) == pytest.approx(NORMALS_PER_TEST * one_shift)


def test_check():
    assert check_p_value(64, 40) == pytest.approx(64 / 2**40)
    assert check_p_value(2**50, 40) == 1.0

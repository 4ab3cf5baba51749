import numpy as np
import pytest

from watermark.alignment import lock_coefficients, sample
from watermark.cancellation import cancel
from watermark.message import carrier_coefficients, read_payload
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import pattern_factors, tile_for

FIRST, SECOND, PERIOD = b"the 1st!", b"the 2nd!", 120.0
MATRIX = np.eye(2) / PERIOD


def pattern(key, payload, variant, origin):
    tile = tile_for(key)
    return np.matmul(
        *pattern_factors(tile, carrier_coefficients(tile, payload, variant), (360, 360), PERIOD, origin)
    )


@pytest.mark.parametrize("second_variant", [0, 2])
def test_a_weaker_mark_is_read_under_a_stronger_one(key, second_variant):
    tile = tile_for(key)
    noise = np.random.default_rng(0).normal(0, 1.5, (360, 360)).astype(np.float32)
    both = pattern(key, FIRST, 0, (10.3, 20.7)) + 0.5 * pattern(key, SECOND, second_variant, (77.0, 5.2))
    coefficients = sample(tile, [Spectrum(both + noise)], MATRIX)
    lock = lock_coefficients(tile, coefficients, MATRIX)
    assert read_payload(tile, soft_bits(tile, coefficients, lock), lock.variant) == FIRST
    rest = cancel(tile, coefficients, lock, FIRST)
    under = lock_coefficients(tile, rest, MATRIX)
    assert under.variant == second_variant
    assert read_payload(tile, soft_bits(tile, rest, under), under.variant) == SECOND


def test_nothing_locks_after_the_only_mark_is_taken_out(key):
    tile = tile_for(key)
    noise = np.random.default_rng(1).normal(0, 0.7, (360, 360)).astype(np.float32)
    coefficients = sample(tile, [Spectrum(pattern(key, FIRST, 1, (33.3, 44.4)) + noise)], MATRIX)
    lock = lock_coefficients(tile, coefficients, MATRIX)
    rest = cancel(tile, coefficients, lock, FIRST)
    assert np.sum(np.abs(rest) ** 2) < 0.2 * np.sum(np.abs(coefficients) ** 2)
    assert lock_coefficients(tile, rest, MATRIX).z < 0.6 * lock.z

import numpy as np
import pytest

from watermark.alignment import carrier_noise, climb, lock_coefficients, lock_pilots, sample
from watermark.message import carrier_coefficients
from watermark.spectrum import Spectrum
from watermark.tile import pattern_factors, tile_for

PERIOD, ORIGIN = 120.0, (37.0, 81.0)


@pytest.fixture(scope="module")
def pattern(key):
    tile = tile_for(key)
    rng = np.random.default_rng(0)
    clean = np.matmul(
        *pattern_factors(tile, carrier_coefficients(tile, b"8 bytes!", 3), (300, 360), PERIOD, ORIGIN)
    )
    return clean + rng.normal(0, 2, clean.shape).astype(np.float32)


def test_the_shift_is_where_the_tile_starts(key, pattern):
    tile, looks = tile_for(key), [Spectrum(pattern)]
    matrix = np.eye(2) / PERIOD
    lock = lock_coefficients(tile, sample(tile, looks, matrix), matrix)
    centre = np.array([360 // 2, 300 // 2])  # phases count from the centre
    expected = (np.array(ORIGIN) - centre) % PERIOD * 128 / PERIOD
    assert np.abs(np.array(lock.shift) - expected).max() < 1.5
    assert lock.sign == 1
    assert lock.variant == 3
    assert lock.z > 8


def test_half_turns_and_inversion_come_free(key, pattern):
    tile, matrix = tile_for(key), np.eye(2) / PERIOD
    turned = [Spectrum(np.ascontiguousarray(-pattern[::-1, ::-1]))]
    lock = lock_coefficients(tile, sample(tile, turned, matrix), matrix)
    assert lock.z > 8
    assert np.allclose(lock.matrix, -matrix)
    assert lock.sign == -1


def test_the_peak_is_the_highest_of_an_inverse_fft(key):
    tile, matrix = tile_for(key), np.eye(2) / PERIOD
    rng = np.random.default_rng(4)
    seen_half_turns, seen_signs = set(), set()
    for _ in range(12):
        pilots = (rng.standard_normal((1, 48)) + 1j * rng.standard_normal((1, 48))).astype(np.complex64)
        surfaces = {}
        for half_turn, values in ((False, pilots[0]), (True, np.conj(pilots[0]))):
            table = np.zeros((128, 128), complex)
            table[tile.pilots[:, 1], tile.pilots[:, 0] % 128] = values * np.conj(tile.pilot_phases[2])
            surfaces[half_turn] = np.fft.ifft2(table, norm="forward").real
        half_turn = max(surfaces, key=lambda turn: np.abs(surfaces[turn]).max())
        y, x = np.unravel_index(np.abs(surfaces[half_turn]).argmax(), (128, 128))
        lock = lock_pilots(tile, pilots, matrix, (2,))
        assert lock.shift == (x, y)
        assert lock.sign == np.sign(surfaces[half_turn][y, x])
        assert lock.peak == pytest.approx(abs(surfaces[half_turn][y, x]), rel=1e-4)
        np.testing.assert_allclose(lock.matrix, -matrix if half_turn else matrix)
        seen_half_turns.add(half_turn)
        seen_signs.add(lock.sign)
    assert (len(seen_half_turns), len(seen_signs)) == (2, 2)  # all cases occurred


def test_a_dead_look_does_not_hurt(key, pattern):
    tile, matrix = tile_for(key), np.eye(2) / PERIOD
    alone = lock_coefficients(tile, sample(tile, [Spectrum(pattern)], matrix), matrix)
    noise = np.random.default_rng(1).standard_normal(pattern.shape).astype(np.float32)
    both = lock_coefficients(tile, sample(tile, [Spectrum(noise), Spectrum(pattern)], matrix), matrix)
    assert both.z >= alone.z - 1e-3


def test_z_of_noise_stays_low(key):
    tile, matrix = tile_for(key), np.eye(2) / PERIOD
    rng = np.random.default_rng(2)
    noise = [Spectrum(rng.standard_normal((200, 200)).astype(np.float32)) for _ in range(20)]
    heights = [lock_coefficients(tile, sample(tile, [n], matrix), matrix).z for n in noise]
    assert max(heights) < 6
    assert (
        np.median(heights) > 3
    )  # the best of 16384 shifts is never small: a low value would mean a broken scale


def test_climb_corrects_a_slightly_wrong_map(key, pattern):
    tile, looks = tile_for(key), [Spectrum(pattern)]
    wrong = np.array([[1.006, 0.004], [-0.003, 0.995]]) / PERIOD
    lock = lock_coefficients(tile, sample(tile, looks, wrong), wrong)
    better, tests = climb(tile, looks, lock)
    assert better.peak > lock.peak
    assert np.abs(better.matrix * PERIOD - np.eye(2)).max() < 0.003
    assert tests > 0


def test_noise_ignores_carriers_out_of_band(key):
    tile = tile_for(key)
    matrix = np.eye(2) / 40.0  # harmonics beyond 19 fall out of the spectrum
    noise = [Spectrum(np.random.default_rng(3).standard_normal((160, 160)).astype(np.float32))]
    rms = carrier_noise(tile, sample(tile, noise, matrix))[0]
    inner = rms[tile.radii < 15]
    assert 0.5 * 160 < inner.min() <= inner.max() < 2 * 160

import numpy as np
import pytest

from watermark.alignment import lock_coefficients, sample
from watermark.message import carrier_coefficients, read_payload
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import pattern_factors, tile_for

PAYLOAD, PERIOD = b"\x01\x02\x03\x04\x05\x06\x07\x08", 111.0
MATRIX = np.eye(2) / PERIOD


def planes(key, *noise):
    tile = tile_for(key)
    clean = np.matmul(
        *pattern_factors(tile, carrier_coefficients(tile, PAYLOAD, 2), (320, 320), PERIOD, (5.0, 9.0))
    )
    rng = np.random.default_rng(0)
    return [
        Spectrum(clean * gain + rng.normal(0, sigma, clean.shape).astype(np.float32)) for gain, sigma in noise
    ]


def read(key, looks):
    tile = tile_for(key)
    coefficients = sample(tile, looks, MATRIX)
    lock = lock_coefficients(tile, coefficients, MATRIX)
    llr = soft_bits(tile, coefficients, lock)
    assert llr.shape == (2048,)
    assert np.isfinite(llr).all()
    return llr, read_payload(tile, llr, lock.variant)


@pytest.mark.parametrize(
    "noise", [[(1, 3.0)], [(-1, 3.0)], [(1, 3.0), (0, 1.0)], [(0, 1.0), (1, 3.0)], [(1, 5.0), (0.2, 1.0)]]
)
def test_messages_survive_noise_inversion_and_a_dead_look(key, noise):
    assert read(key, planes(key, *noise))[1] == PAYLOAD


def test_two_looks_carry_more_than_one(key):
    one, two = read(key, planes(key, (1, 6.0)))[0], read(key, planes(key, (1, 6.0), (1, 6.0)))[0]
    assert information(key, two) > 1.4 * information(key, one)


def information(key, llr):
    symbols = carrier_coefficients(tile_for(key), PAYLOAD, 2)[-llr.size // 2 :]
    signs = np.stack([np.sign(symbols.real), np.sign(symbols.imag)], axis=1).ravel()
    return np.sum(1 - np.log2(1 + np.exp(-llr * signs)))


def test_noise_gives_weak_bits(key):
    llr, payload = read(
        key, [Spectrum(np.random.default_rng(1).standard_normal((320, 320)).astype(np.float32))]
    )
    assert payload is None
    assert np.median(np.abs(llr)) < 1.0

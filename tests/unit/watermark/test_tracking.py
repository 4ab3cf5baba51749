import cv2
import numpy as np

from watermark.alignment import lock_coefficients, sample, sharpen
from watermark.message import carrier_coefficients, read_payload
from watermark.softbits import soft_bits
from watermark.spectrum import Spectrum
from watermark.tile import pattern_factors, tile_for
from watermark.tracking import track

PAYLOAD, PERIOD, SIDE = b"bent one", 110.0, 480
MATRIX = np.eye(2) / PERIOD


def bent(key, by_px, noise):
    """A pattern whose left side is shorter and whose right side is longer than it was, in noise."""
    coefficients = carrier_coefficients(tile_for(key), PAYLOAD, 1)
    flat = np.matmul(*pattern_factors(tile_for(key), coefficients, (SIDE, SIDE), PERIOD, (31.0, 7.0)))
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    keystone = np.float32(by_px) * (2 * x / SIDE - 1) * (2 * y / SIDE - 1)
    sheet = cv2.remap(flat, x, y + keystone, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return sheet + np.random.default_rng(0).normal(0, noise, sheet.shape).astype(np.float32)


def test_a_bent_mark_is_read_in_blocks(key):
    tile, sheet = tile_for(key), bent(key, 16, 9)
    coefficients = sample(tile, [Spectrum(sheet)], MATRIX)
    lock = lock_coefficients(tile, coefficients, MATRIX)
    assert lock.z > 5
    whole = soft_bits(tile, coefficients, sharpen(tile, coefficients, lock))
    assert read_payload(tile, whole, lock.variant) is None
    payloads = [read_payload(tile, llr, lock.variant) for llr, _ in track(tile, [sheet], lock)]
    assert PAYLOAD in payloads


def test_blocks_without_a_mark_give_no_message(key):
    tile = tile_for(key)
    noise = np.random.default_rng(1).standard_normal((SIDE, SIDE)).astype(np.float32)
    lock = lock_coefficients(tile, sample(tile, [Spectrum(noise)], MATRIX), MATRIX)
    for llr, tests in track(tile, [noise], lock):
        assert tests > 0
        assert read_payload(tile, llr, lock.variant) is None


def test_a_picture_smaller_than_its_blocks_is_not_cut(key):
    tile = tile_for(key)
    small = np.random.default_rng(2).standard_normal((180, 400)).astype(np.float32)
    lock = lock_coefficients(tile, sample(tile, [Spectrum(small)], MATRIX), MATRIX)
    assert list(track(tile, [small], lock)) == []

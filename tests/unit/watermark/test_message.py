import hashlib

import numpy as np
import pytest

from watermark.message import CODE_BITS, carrier_coefficients, data_symbols, read_payload
from watermark.tile import VARIANTS, tile_for

PAYLOAD = b"\x00\xffpaylod"


def soft(symbols, strength=3.0):
    llr = np.empty(CODE_BITS, np.float32)
    llr[0::2] = strength * np.sign(symbols.real)
    llr[1::2] = strength * np.sign(symbols.imag)
    return llr


def test_round_trip(key):
    tile = tile_for(key)
    symbols = data_symbols(tile, PAYLOAD, 1)
    assert np.allclose(np.abs(symbols), 1)
    assert read_payload(tile, soft(symbols), 1) == PAYLOAD


def test_a_third_of_the_bits_may_be_wrong(key):
    tile = tile_for(key)
    llr = soft(data_symbols(tile, PAYLOAD, 0), 0.6)
    wrong = np.random.default_rng(0).random(CODE_BITS) < 0.33
    assert read_payload(tile, np.where(wrong, -llr, llr), 0) == PAYLOAD


def test_noise_is_never_a_payload(key):
    tile = tile_for(key)
    rng = np.random.default_rng(1)
    assert all(
        read_payload(tile, rng.normal(0, 1, CODE_BITS).astype(np.float32), 0) is None for _ in range(5)
    )
    assert read_payload(tile, np.zeros(CODE_BITS, np.float32), 0) is None


def test_another_key_reads_nothing(key):
    llr = soft(data_symbols(tile_for(key), PAYLOAD, 0))
    assert read_payload(tile_for(b"another key, 23 bytes.."), llr, 0) is None


def test_another_variant_reads_nothing(key):
    tile = tile_for(key)
    assert read_payload(tile, soft(data_symbols(tile, PAYLOAD, 0)), 1) is None


def test_everything_sent_has_energy_1(key):
    assert np.sum(np.abs(carrier_coefficients(tile_for(key), PAYLOAD, 3)) ** 2) == pytest.approx(1.0)


def test_code_words_never_change(key):
    # marks already made must stay readable: this hash may only change with a new format
    bits = np.stack([soft(data_symbols(tile_for(key), PAYLOAD, v)) > 0 for v in range(VARIANTS)])
    assert hashlib.sha256(np.packbits(bits).tobytes()).hexdigest()[:16] == "aa8a03ea800b5339"

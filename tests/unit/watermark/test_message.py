import hashlib

import numpy as np

from watermark.message import CODE_BITS, data_symbols, read_payload
from watermark.tile import tile_for

PAYLOAD = b"\x00\xffpaylod"


def soft(symbols, strength=3.0):
    llr = np.empty(CODE_BITS, np.float32)
    llr[0::2] = strength * np.sign(symbols.real)
    llr[1::2] = strength * np.sign(symbols.imag)
    return llr


def test_round_trip(key):
    tile = tile_for(key)
    symbols = data_symbols(tile, PAYLOAD)
    assert np.allclose(np.abs(symbols), 1)
    assert read_payload(tile, soft(symbols)) == PAYLOAD


def test_a_third_of_the_bits_may_be_wrong(key):
    tile = tile_for(key)
    llr = soft(data_symbols(tile, PAYLOAD), 0.6)
    wrong = np.random.default_rng(0).random(CODE_BITS) < 0.33
    assert read_payload(tile, np.where(wrong, -llr, llr)) == PAYLOAD


def test_noise_is_never_a_payload(key):
    tile = tile_for(key)
    rng = np.random.default_rng(1)
    assert all(read_payload(tile, rng.normal(0, 1, CODE_BITS).astype(np.float32)) is None for _ in range(5))
    assert read_payload(tile, np.zeros(CODE_BITS, np.float32)) is None


def test_another_key_reads_nothing(key):
    llr = soft(data_symbols(tile_for(key), PAYLOAD))
    assert read_payload(tile_for(b"another key, 23 bytes.."), llr) is None


def test_code_words_never_change(key):
    # marks already made must stay readable: this hash may only change with a new format
    bits = soft(data_symbols(tile_for(key), PAYLOAD)) > 0
    assert hashlib.sha256(np.packbits(bits).tobytes()).hexdigest()[:16] == "8e0dc732f1a26022"

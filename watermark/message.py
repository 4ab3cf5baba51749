"""The message: 64 payload bits and a 40-bit keyed check, as scrambled code bits on four-phase symbols.

Rules: a payload leaves this file only with a passing check; the check, the scrambling and the order of the
carriers all hang on the key, so a wrong key sees noise. Scrambling and order differ between the variants of a key.

HMAC-SHA256 is RFC 2104; a list of 128 candidates passes by chance with probability 128 / 2**40 = 1.2e-10.
"""

import hashlib
import hmac
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from watermark.inputs import PAYLOAD_BYTES
from watermark.polar import Bits, decode, encode, polar_code
from watermark.tile import DATA_CARRIERS, Tile, keyed_stream

CHECK_BYTES = 5
CHECK_BITS = 8 * CHECK_BYTES
CODE_BITS = 2 * DATA_CARRIERS
INFORMATION_BITS = 8 * (PAYLOAD_BYTES + CHECK_BYTES)
LIST_SIZE = 128


def carrier_coefficients(tile: Tile, payload: bytes, variant: int) -> NDArray[np.complex128]:
    """Everything that is transmitted: complex (1072,), pilots and then data, of energy 1."""
    return np.concatenate(
        [
            tile.pilot_amplitudes * tile.pilot_phases[variant],
            tile.data_amplitudes * data_symbols(tile, payload, variant),
        ]
    )


def data_symbols(tile: Tile, payload: bytes, variant: int) -> NDArray[np.complex128]:
    """Code a payload into the phases of the data carriers; complex (1024,), unit modulus."""
    word = np.unpackbits(np.frombuffer(payload + _check(tile.key, payload), np.uint8))
    bits = encode(polar_code(CODE_BITS, INFORMATION_BITS), word) ^ _scrambling(tile.key, variant)
    signs = 1.0 - 2.0 * bits
    symbols = np.empty(DATA_CARRIERS, np.complex128)
    symbols[_order(tile.key, variant)] = (signs[0::2] + 1j * signs[1::2]) / np.sqrt(2.0)
    return symbols


def read_payload(tile: Tile, llr: NDArray[np.float32], variant: int) -> bytes | None:
    """Decode soft bits float32 (2048,) into the payload, or None when no candidate passes the check."""
    ordered = llr.reshape(-1, 2)[_order(tile.key, variant)].ravel()
    clear = np.where(_scrambling(tile.key, variant), -ordered, ordered).astype(np.float32)
    for word in decode(polar_code(CODE_BITS, INFORMATION_BITS), clear, LIST_SIZE):
        payload, check = _split(word)
        if hmac.compare_digest(check, _check(tile.key, payload)):
            return payload
    return None


def _check(key: bytes, payload: bytes) -> bytes:
    return hmac.new(key, b"countermark check" + payload, hashlib.sha256).digest()[:CHECK_BYTES]


@lru_cache(maxsize=64)
def _scrambling(key: bytes, variant: int) -> Bits:
    return (keyed_stream(key, f"scrambling {variant}", CODE_BITS) & np.uint64(1)).astype(np.uint8)


@lru_cache(maxsize=64)
def _order(key: bytes, variant: int) -> NDArray[np.int64]:
    """Place of each symbol among the data carriers; int (1024,)."""
    return np.argsort(keyed_stream(key, f"data order {variant}", DATA_CARRIERS), kind="stable")


def _split(word: Bits) -> tuple[bytes, bytes]:
    packed = np.packbits(word).tobytes()
    return packed[:PAYLOAD_BYTES], packed[PAYLOAD_BYTES:]

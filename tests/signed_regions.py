"""Which bytes of a signed file its manifest must protect: all but the manifest itself, as the manifest states them."""

import io
import json

import numpy as np
from c2pa import Reader
from numpy.typing import NDArray

from watermark.c2pa_settings import reading_context

# ISO base media boxes that C2PA leaves out of the hash (2.4 section 18.6, BMFF hash): our uuid box, and these.
UNHASHED_BOXES = (b"ftyp", b"free", b"skip", b"mfra", b"uuid")


def protected(data: bytes, mime: str) -> NDArray[np.intp]:
    """Offsets of the bytes that the hard binding covers."""
    covered = np.ones(len(data), np.bool_)
    with Reader(mime, io.BytesIO(data), context=reading_context(b"")) as reader:
        assertions = json.loads(reader.crjson())["manifests"][0]["assertions"]
    if "c2pa.hash.data" in assertions:
        for excluded in assertions["c2pa.hash.data"]["exclusions"]:
            covered[excluded["start"] : excluded["start"] + excluded["length"]] = False
        return np.flatnonzero(covered)
    at = 0
    while at < len(data):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if name in UNHASHED_BOXES:
            covered[at : at + size] = False
        at += size
    return np.flatnonzero(covered)


def with_flip(data: bytes, at: int, bits: int) -> bytes:
    """Flip `bits` of one byte."""
    return data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :]

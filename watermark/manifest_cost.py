"""What examining a stranger's manifest could cost, estimated before any of it is examined.

The C2PA library hashes, and copies into its report, an assertion once for each time that a claim refers to it,
whether or not the claim's signature holds. A 1.4 MB file with one assertion of 1 MB and 5,000 references to it
took 26 s and 5 GB. References cannot be counted without trusting the encoding that hides them, but each takes at
least 40 bytes of its claim; so the worst case follows from the sizes of boxes alone.

Source: JUMBF, ISO 19566-5 annex B (boxes, description boxes, APP11 segments); C2PA 2.4 section 11 (box types).
"""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any, Final

from watermark.containers import has_too_many_pieces, jpeg_segments

# Each box costs about 0.2 ms (400 ingredients, 7,000 boxes: 1.5 s); the most intricate public test file has 189.
MAX_BOXES: Final = 10_000
# What references could make the library copy, and hash. The public test files reach 2.7 MB and 58 MB.
_MAX_COPIED: Final = 64 << 20
_MAX_HASHED: Final = 2 << 30

# `self#jumbf=c2pa.assertions/x`, its key, the key of the hash and their CBOR heads.
_REFERENCE_BYTES: Final = 40
# Manifest, signature, thumbnail, data and icon: what one ingredient assertion can refer to.
_REFERENCES_OF_INGREDIENT: Final = 5

# A 32 MiB store fills 512 segments of JPEG's 64 KiB, and 132,000 sub-blocks of GIF's 255 bytes.
_MAX_SEGMENTS: Final = 20_000
_MAX_SUB_BLOCKS: Final = 150_000

# Encoders write IDAT chunks of 8 KiB and more: 32 MiB fill 4,096.
_MAX_CHUNKS: Final = 10_000

_SUPERBOX: Final = re.compile(rb"jumb(.{8})??(.{4})jumd(.{4}).{12}.([^\0]{0,300})", re.DOTALL)
_GIF_STORE: Final = b"!\xff\x0bC2PA_GIF\x01\x00\x00"


# What a file with a manifest in it must contain, by format. JPEG pixels cannot hold FF EB (FF is stuffed).
_MARKERS: Final[Mapping[str, bytes]] = MappingProxyType(
    {
        "image/png": b"caBX",
        "image/jpeg": b"\xff\xeb",
        "image/webp": b"C2PA",
        "image/gif": b"C2PA_GIF",
        "image/tiff": b"jumb",
        "image/avif": bytes.fromhex("d8fec3d61b0e483c92975828877ec481"),
    }
)

# A 5 MB PNG takes 500 reads, one of 32 MiB in 4,096 chunks about 20,000. Each costs 10 to 40 us.
_MAX_READS: Final = 60_000


class MeteredStream(io.BytesIO):
    """Bytes that stop answering after `_MAX_READS` reads.

    The C2PA library walks containers piece by piece through its stream: 16 MiB of GIF comments of one byte kept
    it busy for two minutes. An error of the stream ends the walk.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = _MAX_READS

    @property
    def exhausted(self) -> bool:
        """Whether the limit was reached."""
        return self._left <= 0

    def readinto(self, buffer: Any, /) -> int:
        """Read as BytesIO does; raises OSError, which the library's stream adapter expects, at the limit."""
        self._left -= 1
        if self.exhausted:
            raise OSError("too many reads")
        return super().readinto(buffer)


def may_hold_manifest(data: bytes, mime: str) -> bool:
    """Tell whether a manifest could be inside, by the bytes that each format marks it with."""
    return _MARKERS.get(mime, b"") in data


@dataclass(slots=True)
class _Manifest:
    """Sizes in bytes within one manifest."""

    claim: int = 0
    largest_text: int = 0
    largest: int = 0


def is_affordable(data: bytes, mime: str) -> bool:
    """Tell whether a file's manifest, if there is one, can be examined in seconds and megabytes.

    Args:
        data: the whole file.
        mime: its MIME type by content.

    """
    if has_too_many_pieces(data, mime.removeprefix("image/")):
        return False
    joined = {"image/jpeg": _joined_segments, "image/gif": _joined_blocks, "image/png": _joined_chunks}
    store = joined.get(mime, bytes)(data)
    if store is None or store.count(b"jumb") > MAX_BOXES:
        return False
    manifests = [_Manifest()]
    largest_manifest = ingredients = boxes = 0
    for kind, label, content, size in _boxes(store):
        boxes += 1
        if kind in (b"c2ma", b"c2um", b"c2cm"):
            manifests.append(_Manifest())
            largest_manifest = max(largest_manifest, size)
        elif kind == b"c2cl" or label.startswith(b"c2pa.claim"):
            manifests[-1].claim += size
        elif content in (b"cbor", b"json", b"uuid"):
            manifests[-1].largest_text = max(manifests[-1].largest_text, size)
        if kind not in (b"c2pa", b"c2ma", b"c2um", b"c2cm", b"c2as"):
            manifests[-1].largest = max(manifests[-1].largest, size)
        ingredients += label.startswith(b"c2pa.ingredient")
    copied = sum(manifest.claim // _REFERENCE_BYTES * manifest.largest_text for manifest in manifests)
    hashed = sum(manifest.claim // _REFERENCE_BYTES * manifest.largest for manifest in manifests)
    hashed += _REFERENCES_OF_INGREDIENT * ingredients * largest_manifest
    return boxes <= MAX_BOXES and copied <= _MAX_COPIED and hashed <= _MAX_HASHED


def _boxes(store: bytes) -> Iterator[tuple[bytes, bytes, bytes, int]]:
    """Yield (type, label, type of the first content box, size) of every superbox, outer before inner."""
    for match in _SUPERBOX.finditer(store):
        size = int.from_bytes(match[1] or store[max(match.start() - 4, 0) : match.start()], "big")
        size = min(size or len(store), len(store))
        content_at = match.start(2) + int.from_bytes(match[2], "big")
        yield match[3], match[4], store[content_at + 4 : content_at + 8], size


def _joined_segments(data: bytes) -> bytes | None:
    """Join the JUMBF bytes of a JPEG's APP11 segments; None when there are more segments than anyone writes.

    A continuation repeats the header of the first box.
    """
    segments = list(islice(jpeg_segments(data), _MAX_SEGMENTS + 1))
    if len(segments) > _MAX_SEGMENTS:
        return None
    bodies = (body for marker, body in segments if marker == 0xEB and body[:2] == b"JP")
    return b"".join(body[8 if body[4:8] == b"\0\0\0\x01" else 16 :] for body in bodies)


def _joined_chunks(data: bytes) -> bytes:
    """Join a PNG's caBX chunks, so that megabytes of pixels are not searched; the whole file if it is malformed."""
    found: list[bytes] = []
    at = 8
    for _ in range(_MAX_CHUNKS):
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if at + 12 + size > len(data):
            break
        if name == b"caBX":
            found.append(data[at + 8 : at + 8 + size])
        if name == b"IEND":
            return b"".join(found)
        at += 12 + size
    return data


def _joined_blocks(data: bytes) -> bytes | None:
    """Join the sub-blocks of a GIF's C2PA application extensions; None when there are too many, as above."""
    parts: list[bytes] = []
    at = data.find(_GIF_STORE)
    while at >= 0 and len(parts) <= _MAX_SUB_BLOCKS:
        at += len(_GIF_STORE)
        while at < len(data) and data[at] and len(parts) <= _MAX_SUB_BLOCKS:
            parts.append(data[at + 1 : at + 1 + data[at]])
            at += 1 + data[at]
        at = data.find(_GIF_STORE, at)
    return b"".join(parts) if len(parts) <= _MAX_SUB_BLOCKS else None

"""Where picture files keep metadata: finding the EXIF, XMP and text blocks without decoding a pixel.

Every walk is bounded: by a number of steps, by the file's end, and for compressed text by an output cap, so a
32 MiB file of 12-byte chunks or a zlib bomb costs milliseconds. The walks never raise; what looks wrong is a
problem in words.

Sources: PNG third edition sections 5.3 and 11.3; JPEG ISO 10918-1 annex B; XMP specification part 3; WebP
container specification; GIF89a.
"""

import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from PIL import Image

from watermark.exif import read_exif
from watermark.xmp import MAX_XMP_BYTES

# A 32 MiB PNG in libpng's 8 KiB pieces has 4,096 chunks.
_MAX_STEPS: Final = 20_000
_MAX_GIF_STEPS: Final = 200_000  # 32 MiB in sub-blocks of 255 bytes are 131,584; 40 ms
_MAX_TEXTS: Final = 100
_MAX_TEXT_BYTES: Final = 64 << 10
_XMP_KEYWORD: Final = "XML:com.adobe.xmp"
_FILL: Final = re.compile(rb"\xff+.", re.DOTALL)
_JPEG_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(slots=True)
class Blocks:
    """Metadata blocks of one file, raw.

    Attributes:
        exif: the first EXIF block, or the whole file for TIFF.
        xmp: the first XMP packet.
        text: PNG text by keyword, the first of each; values cut at 64 KiB.
        iim: a JPEG's first IPTC-IIM block with its Photoshop wrapping.
        problems: what is malformed, in words.

    """

    exif: bytes | None = None
    xmp: bytes | None = None
    text: dict[str, str] = field(default_factory=dict)
    iim: bytes | None = None
    problems: list[str] = field(default_factory=list)

    def add_exif(self, block: bytes) -> None:
        """Keep the first block; a second one is a problem, since readers differ on which they take."""
        if self.exif is not None and self.exif != block:
            self.problems.append("the file holds two different EXIF blocks")
        self.exif = self.exif or block

    def add_xmp(self, packet: bytes) -> None:
        """Keep the first packet, as above."""
        if self.xmp is not None and self.xmp != packet:
            self.problems.append("the file holds two different XMP packets")
        self.xmp = self.xmp or packet


def find_blocks(data: bytes, format: str) -> Blocks:  # noqa: A002 - the word of Picture.format
    """Collect the metadata blocks of a file of a known format; never raises.

    Args:
        data: the whole file.
        format: as `sniff_format` names it; BMP and unknown formats have no blocks.

    """
    blocks = Blocks()
    walk = {"png": _png, "jpeg": _jpeg, "webp": _webp, "gif": _gif, "tiff": _tiff, "avif": _avif}.get(format)
    if walk is not None:
        walk(data, blocks)
    return blocks


def _png(data: bytes, blocks: Blocks) -> None:
    at = 8
    for _ in range(_MAX_STEPS):
        length, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length] if name in (b"tEXt", b"zTXt", b"iTXt", b"eXIf") else b""
        if name == b"eXIf":
            blocks.add_exif(body)
        elif body:
            _png_text(name, body, blocks)
        at += 12 + length
        if name == b"IEND" or at >= len(data):
            return
    blocks.problems.append(f"the PNG has more than {_MAX_STEPS} chunks; the rest was not read")


def _png_text(name: bytes, body: bytes, blocks: Blocks) -> None:
    raw_keyword, _, rest = body.partition(b"\0")
    keyword = raw_keyword[:79].decode("latin-1")
    compressed = name == b"zTXt"
    if name == b"iTXt":
        compressed = rest[:1] == b"\1"
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    elif name == b"zTXt":
        rest = rest[1:]
    is_xmp = keyword == _XMP_KEYWORD
    if not is_xmp and (keyword in blocks.text or len(blocks.text) >= _MAX_TEXTS):
        return
    if compressed:
        inflated = _inflate(rest, MAX_XMP_BYTES + 1 if is_xmp else _MAX_TEXT_BYTES)
        if inflated is None:
            blocks.problems.append(f"the PNG text {keyword[:20]!r} does not decompress")
            return
        rest = inflated
    if is_xmp:
        blocks.add_xmp(rest)
    else:
        value = rest[:_MAX_TEXT_BYTES]
        blocks.text[keyword] = value.decode("utf-8" if name == b"iTXt" else "latin-1", "replace")


def _inflate(data: bytes, max_bytes: int) -> bytes | None:
    """Decompress at most `max_bytes`; None when it is not zlib data."""
    try:
        return zlib.decompressobj().decompress(data, max_bytes)
    except zlib.error:
        return None


def _jpeg(data: bytes, blocks: Blocks) -> None:
    for number, (marker, body) in enumerate(jpeg_segments(data)):
        if number > _MAX_STEPS:
            blocks.problems.append(f"the JPEG has more than {_MAX_STEPS} segments; the rest was not read")
            return
        if marker == 0xE1 and body.startswith(b"Exif\0\0"):
            blocks.add_exif(body)
        elif marker == 0xE1 and body.startswith(_JPEG_XMP):
            blocks.add_xmp(body[len(_JPEG_XMP) :])
        elif marker == 0xED and body.startswith(b"Photoshop 3.0\0"):
            blocks.iim = blocks.iim or body


def has_too_many_pieces(data: bytes, format: str) -> bool:  # noqa: A002 - as above
    """Tell whether a PNG, JPEG or AVIF is cut into more pieces than anyone writes.

    Decoders walk the pieces in interpreted or quadratic code: 16 MiB of empty PNG chunks kept Pillow busy for 8 s,
    of empty AVIF boxes the C2PA library for 23 s.
    """
    if format == "jpeg":
        return sum(1 for _ in islice(jpeg_segments(data), _MAX_STEPS + 1)) > _MAX_STEPS
    at, overhead = {"png": (8, 12), "avif": (0, 0)}.get(format, (len(data), 0))
    for _ in range(_MAX_STEPS):
        if at >= len(data):
            return False
        at += max(int.from_bytes(data[at : at + 4], "big") + overhead, 8)
    return at < len(data)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (marker code, body) of a JPEG's segments up to its first scan, or to where they stop making sense."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        fill = _FILL.match(data, at)  # any number of 0xFF may stand before a marker
        at = fill.end() - 2 if fill else at
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : end]
        at = end


def _webp(data: bytes, blocks: Blocks) -> None:
    for name, start, end in riff_chunks(data):
        if name == b"EXIF":
            blocks.add_exif(data[start:end])
        elif name == b"XMP ":
            blocks.add_xmp(data[start:end])


def riff_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, start and end of the body of each chunk of a WebP file, up to where they stop making sense."""
    at = 12
    for _ in range(_MAX_STEPS):
        if at + 8 > len(data):
            return
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        yield data[at : at + 4], at + 8, at + 8 + length
        at += 8 + length + length % 2


def _gif(data: bytes, blocks: Blocks) -> None:
    """Walk the blocks, before and behind the pictures (GIF89a sections 17 to 26); pixels are not searched."""
    at, left, packets = _after_table(data, 10, 13), _MAX_GIF_STEPS, 0
    while left > 0 and at < len(data):
        if data[at : at + 1] == b",":
            at = _after_table(data, at + 9, at + 10) + 1
        elif data[at : at + 1] == b"!":
            if packets < 2 and data[at : at + 14] == b"!\xff\x0bXMP DataXMP":
                # The packet lies raw before a "magic trailer" of 258 bytes, which leads to its own end.
                packet = data[at + 14 : at + 15 + MAX_XMP_BYTES]
                blocks.add_xmp(packet.partition(b"\x01\xff\xfe\xfd")[0])
                packets += 1  # two tell whether they differ; more would cost quadratic time
            at += 2
        else:
            return
        size = 1
        while size and left > 0:
            size = data[at] if at < len(data) else 0
            at, left = at + 1 + size, left - 1
    if left <= 0:
        blocks.problems.append(f"the GIF has more than {_MAX_GIF_STEPS} blocks; the rest was not read")


def _after_table(data: bytes, flags_at: int, table_at: int) -> int:
    """Return the offset behind an optional colour table of 3 * 2^(n + 1) bytes."""
    flags = data[flags_at] if flags_at < len(data) else 0
    return table_at + (3 << (flags & 7) + 1 if flags & 0x80 else 0)


def _tiff(data: bytes, blocks: Blocks) -> None:
    blocks.add_exif(data)
    packet = read_exif(data).xmp
    if packet:
        blocks.add_xmp(packet)


def _avif(data: bytes, blocks: Blocks) -> None:
    """Let libavif walk the boxes; opening decodes no pixels."""
    try:
        with Image.open(io.BytesIO(data), formats=["AVIF"]) as opened:
            exif, packet = opened.info.get("exif"), opened.info.get("xmp")
    except (Exception, MemoryError):  # noqa: BLE001 - Pillow raises unrelated types on hostile files
        blocks.problems.append("the AVIF boxes cannot be read")
        return
    if isinstance(exif, bytes):
        blocks.add_exif(exif)
    if isinstance(packet, bytes):
        blocks.add_xmp(packet)

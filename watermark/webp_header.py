"""The header of a WebP file: sizes and frames without a decoder.

Pillow opens every WebP with libwebp's animation decoder, which allocates and clears two canvases before a byte of the
header is answered: most of the time of a verification that looks at no pixel. Layout: RFC 9649, sections 2.5 to 2.7.
"""

from watermark.containers import riff_chunks
from watermark.errors import CorruptPicture


def read_webp_header(data: bytes) -> tuple[int, int, int]:
    """Return (width, height, frames) of a WebP file, before orientation.

    Raises:
        CorruptPicture: no chunk says the size.

    """
    size, frames = None, 0
    for name, start, _ in riff_chunks(data):
        frames += name == b"ANMF"
        size = size or _size(name, data[start : start + 10])
    if size is None:
        raise CorruptPicture("picture: the webp header names no size, send the complete original file")
    return (*size, max(1, frames))


def _size(name: bytes, head: bytes) -> tuple[int, int] | None:
    """The size that the first ten bytes of a chunk's body state."""
    if len(head) < 10:
        return None
    if name == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if name == b"VP8L" and head[0] == 0x2F:
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if name == b"VP8 " and head[3:6] == b"\x9d\x01\x2a":
        return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF
    return None

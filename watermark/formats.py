"""Picture formats: their names, MIME types, and how the first bytes tell them apart.

The first bytes decide, never a file name or a MIME type.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from watermark.errors import EmptyPicture, NotAPicture, UnsupportedPicture

PictureFormat = Literal["png", "jpeg", "webp", "gif", "tiff", "bmp", "avif"]

MIME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "png": "image/png",
        "jpeg": "image/jpeg",
        "webp": "image/webp",
        "gif": "image/gif",
        "tiff": "image/tiff",
        "bmp": "image/bmp",
        "avif": "image/avif",
    }
)

_OPENINGS: Final[tuple[tuple[bytes, PictureFormat], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),  # BigTIFF
    (b"MM\x00+", "tiff"),
    (b"BM", "bmp"),
)

# Formats that people do upload and that we do not decode: the answer is "convert it".
_FOREIGN: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x01\x00", "ICO"),
    (b"8BPS", "Photoshop"),
    (b"%PDF", "PDF"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML or SVG"),
    (b"v/1\x01", "OpenEXR"),
    (b"qoif", "QOI"),
)


def sniff_format(data: bytes) -> PictureFormat:
    """Name the format from the first bytes.

    Raises:
        EmptyPicture: there are none.
        UnsupportedPicture: a picture format that is not decoded here, named in the text.
        NotAPicture: anything else.

    """
    if not data:
        raise EmptyPicture("picture: got 0 bytes, expected an image file, send the file's content")
    for opening, kind in _OPENINGS:
        if data.startswith(opening):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:8] == b"ftyp" and {b"avif", b"avis"} & set(_brands(data)):
        return "avif"
    foreign = _foreign_name(data)
    if foreign:
        raise UnsupportedPicture(f"picture: got {foreign}, expected PNG, JPEG or WebP, convert it first")
    raise NotAPicture(
        f"picture: got {len(data)} bytes of no known image format, expected PNG, JPEG, WebP, GIF, TIFF, "
        "BMP or AVIF, send the image file itself"
    )


def _brands(data: bytes) -> list[bytes]:
    """List the brands of an ISO base media file (ISO 14496-12 section 4.3); AVIF's are avif and avis."""
    end = min(int.from_bytes(data[:4], "big"), 128)
    return [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]


def _foreign_name(data: bytes) -> str | None:
    if data[4:8] == b"ftyp":
        return "HEIC or video"
    head = data[:64].lstrip()
    return next((name for opening, name in _FOREIGN if head.startswith(opening)), None)

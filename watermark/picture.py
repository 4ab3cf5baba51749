"""Decoding of hostile uploads into pixels; what writes files is `watermark.encoding`.

Rules:

* the format is decided by the first bytes, never by a name or a MIME type;
* every cap is checked before a pixel is decoded, on what the header declares;
* a file that cannot be decoded in full raises; a truncated picture is never padded with grey;
* anything that Pillow raises becomes one of our `PictureError`s, which carry a stable `code`;
* of an animation or a multi-page file, frame 0 is decoded and `frames` says that there are more.

Memory at the peak, measured at 49 Mpx: 10 bytes a pixel beside the file itself (12 where there is alpha or AVIF,
17 for WebP), so the default caps bound one decode to 0.9 GB and about a second of CPU.
"""

import io
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, TiffImagePlugin, UnidentifiedImageError

from watermark.containers import find_blocks, has_too_many_pieces
from watermark.encoding import DEFAULT_QUALITY, WRITABLE, Pixels, encode_picture
from watermark.errors import (
    CorruptPicture,
    PictureError,
    TooManyBytes,
    TooManyPixels,
    UnsupportedPicture,
)
from watermark.exif import read_exif
from watermark.formats import MIME, PictureFormat, sniff_format
from watermark.webp_header import read_webp_header

__all__ = [
    "DEFAULT_QUALITY",
    "MIME",
    "WRITABLE",
    "Header",
    "Limits",
    "Picture",
    "PictureFormat",
    "decode_picture",
    "encode_picture",
    "read_header",
]

# A progressive JPEG of 50 Mpx spends 41 ms on a scan of 75 bytes, so a file within the byte cap could hold
# five hours of work. Encoders write 10 scans (libjpeg) to 17 (four components).
_MAX_JPEG_SCANS: Final = 64

# Larger profiles are printers' lookup tables, useless on RGB pixels; display profiles stay under 1 MB.
_MAX_ICC_BYTES: Final = 2 << 20

# Pillow warns once per distinct broken tag and Python remembers every distinct text for ever, so hostile
# files could grow the process. What matters of those warnings is raised below as an error.
warnings.filterwarnings("ignore", module=r"PIL\.")


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on one upload, checked before anything is decoded.

    The defaults take the largest still picture that a 50 Mpx camera or a 16k render writes; `max_side` is the
    largest side that WebP can hold, rounded up.
    """

    max_bytes: int = 32 << 20
    max_pixels: int = 50_000_000
    max_side: int = 16_384


@dataclass(frozen=True, slots=True)
class Header:
    """What a file declares of itself; see `Picture` for the fields."""

    format: PictureFormat
    mime: str
    width: int
    height: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Frame 0 of a decoded file.

    Attributes:
        image: uint8 (height, width, 3) RGB, or (height, width, 4) RGBA where the file has transparency;
            EXIF orientation already applied, writable, C-contiguous.
        format: what the bytes are.
        mime: the MIME type of `format`.
        width: pixels across, after orientation.
        height: pixels down, after orientation.
        frames: 1, or for animations and multi-page files a number above 1: exact for PNG, WebP and AVIF,
            2 ("more than one") for GIF and TIFF, where counting would walk the whole hostile file.
        icc: the embedded profile when it describes RGB and is at most 2 MiB, else None.

    """

    image: Pixels
    format: PictureFormat
    mime: str
    width: int
    height: int
    frames: int
    icc: bytes | None


def decode_picture(data: bytes, *, limits: Limits | None = None) -> Picture:
    """Decode frame 0 of an untrusted file to 8-bit RGB or RGBA.

    16-bit grey is divided by 257; palette, grey, bilevel, CMYK, YCCK and YCbCr become RGB by Pillow's plain
    formulae (no colour management); 32-bit integer, float and Lab pixels are refused, because the file does
    not say which range is black to white.

    Args:
        data: the whole file.
        limits: caps; None means the defaults of `Limits`.

    Raises:
        EmptyPicture, TooManyBytes, TooManyPixels, NotAPicture, UnsupportedPicture, CorruptPicture

    """
    caps = limits or Limits()
    kind = _sniff_within(data, caps)
    with _open_checked(data, kind, caps) as opened:
        frames = _count_frames(opened, kind)
        exif = opened.info.get("exif")
        icc = _rgb_profile(opened.info.get("icc_profile"))
        try:
            opened.load()
        except Image.DecompressionBombError as error:
            raise TooManyPixels(
                "picture: got hundreds of megapixels, expected fewer, scale it down"
            ) from error
        except (Exception, MemoryError) as error:  # Pillow raises a dozen unrelated types on hostile files
            raise CorruptPicture(
                f"picture: {kind} data is truncated or corrupt ({_short(error)}), send the complete file"
            ) from error
        _check_size(opened.size, caps)
        image = _as_rgb(opened)
    image = np.array(_ORIENT[_orientation(exif, kind)](image), order="C")
    height, width = image.shape[:2]
    return Picture(image, kind, MIME[kind], width, height, frames, icc)


def read_header(data: bytes, *, limits: Limits | None = None) -> Header:
    """Check the caps and read the header of an untrusted file, without decoding a pixel.

    A file that passes can still be truncated or corrupt further on.

    Raises:
        EmptyPicture, TooManyBytes, TooManyPixels, NotAPicture, UnsupportedPicture, CorruptPicture

    """
    caps = limits or Limits()
    kind = _sniff_within(data, caps)
    if kind == "webp":
        width, height, frames = read_webp_header(data)
        _check_size((width, height), caps)
        exif: object = find_blocks(data, kind).exif
    else:
        with _open_checked(data, kind, caps) as opened:
            (width, height), exif = opened.size, opened.info.get("exif")
            frames = _count_frames(opened, kind)
    turned = _orientation(exif, kind) >= 5  # 5 to 8 swap the sides
    return Header(kind, MIME[kind], *((height, width) if turned else (width, height)), frames)


_ORIENT: Final[Mapping[int, Callable[[Pixels], Pixels]]] = MappingProxyType(
    # EXIF 2.32, tag 0x0112: what to do to stored pixels so that they stand upright.
    {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.swapaxes(0, 1),
        6: lambda p: p.swapaxes(0, 1)[:, ::-1],
        7: lambda p: p[::-1, ::-1].swapaxes(0, 1),
        8: lambda p: p.swapaxes(0, 1)[::-1],
    }
)


def _sniff_within(data: bytes, caps: Limits) -> PictureFormat:
    """Name the format of a file of a size and number of pieces that can be read."""
    if len(data) > caps.max_bytes:
        raise TooManyBytes(
            f"picture: got {len(data)} bytes, expected at most {caps.max_bytes}, send a smaller file"
        )
    kind = sniff_format(data)
    if has_too_many_pieces(data, kind):
        raise CorruptPicture(
            f"picture: got {kind} cut into more pieces than any program writes, save it anew"
        )
    if kind == "jpeg":
        _check_jpeg_scans(data)
    return kind


def _open_checked(data: bytes, kind: PictureFormat, caps: Limits) -> Image.Image:
    """Open a file whose header keeps the caps; nothing is decoded yet."""
    opened = _open(data, kind)
    try:
        _check_size(opened.size, caps)
        _check_tiff_tiles(opened)
    except PictureError:
        opened.close()
        raise
    return opened


def _orientation(exif: object, kind: PictureFormat) -> int:
    """Return how stored pixels must be turned, 1 to 8.

    Pillow itself turns TIFF by the tag; elsewhere the tag sits in EXIF, where it puts AVIF's rotation too.
    """
    return read_exif(exif).orientation if isinstance(exif, bytes) and kind != "tiff" else 1


def _open(data: bytes, kind: PictureFormat) -> Image.Image:
    """Parse the header only, with the one decoder that the content asks for."""
    try:
        return Image.open(io.BytesIO(data), formats=[kind.upper()])
    except Image.DecompressionBombError as error:
        raise TooManyPixels("picture: got hundreds of megapixels, expected fewer, scale it down") from error
    except (Exception, MemoryError) as error:  # as above
        raise CorruptPicture(
            f"picture: the {kind} header cannot be read ({_short(error)}), send the complete original file"
        ) from error


def _check_size(size: tuple[int, int], caps: Limits) -> None:
    width, height = size
    if width < 1 or height < 1:
        raise CorruptPicture(f"picture: got {width} x {height} pixels, expected at least 1 x 1")
    if width * height > caps.max_pixels or max(width, height) > caps.max_side:
        raise TooManyPixels(
            f"picture: got {width} x {height} pixels, expected at most {caps.max_pixels} pixels and "
            f"{caps.max_side} a side, scale it down"
        )


def _check_jpeg_scans(data: bytes) -> None:
    """Refuse a JPEG whose scans, thumbnails and second images counted in, outnumber any encoder's."""
    scans = data.count(b"\xff\xda")
    if scans <= _MAX_JPEG_SCANS:
        return
    # Manifests and maker notes embed whole JPEGs: count again behind the header segments.
    start = _jpeg_pixels_start(data)
    scans = data.count(b"\xff\xda", start)
    if scans > _MAX_JPEG_SCANS:
        raise CorruptPicture(
            f"picture: got a JPEG of {scans} scans, expected at most {_MAX_JPEG_SCANS}, save it as baseline"
        )


def _check_tiff_tiles(opened: Image.Image) -> None:
    """Refuse TIFF tiles far larger than the picture: libtiff allocates one in full before reading it.

    A 264-byte file of 16 x 16 pixels with one LZW tile of 32,768 x 32,768 took 1 GB. TIFF 6.0 section 15 pads
    tiles to multiples of 16; writers use 128 to 1,024.
    """
    if not isinstance(opened, TiffImagePlugin.TiffImageFile):
        return
    for tag, side in ((322, opened.width), (323, opened.height)):  # TileWidth, TileLength
        tile = opened.tag_v2.get(tag, 0)
        if not isinstance(tile, int) or tile > max(1024, side + 15):
            raise CorruptPicture(
                f"picture: got TIFF tiles of side {str(tile)[:20]} in a picture of side {side}, save it anew"
            )


def _jpeg_pixels_start(data: bytes) -> int:
    """Offset of the first start-of-scan marker, or of the place where the segments stop making sense."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return min(at, len(data))


def _count_frames(opened: Image.Image, kind: PictureFormat) -> int:
    if kind in ("jpeg", "bmp"):  # a second image in a JPEG (MPO, gain map) is an aid, not a frame
        return 1
    if kind in ("gif", "tiff"):
        try:
            return 2 if getattr(opened, "is_animated", False) else 1
        except (Exception, MemoryError) as error:  # as above: it reads the second frame's header
            raise CorruptPicture(
                f"picture: the second {kind} frame cannot be read ({_short(error)})"
            ) from error
    return int(getattr(opened, "n_frames", 1))


def _rgb_profile(profile: object) -> bytes | None:
    """Keep an ICC profile only where its data colour space (ICC.1:2022 section 7.2.6) is RGB."""
    if not isinstance(profile, bytes) or len(profile) > _MAX_ICC_BYTES or profile[16:20] != b"RGB ":
        return None
    return profile


def _as_rgb(opened: Image.Image) -> Pixels:
    """Convert any decoded mode to uint8 (H, W, 3) or (H, W, 4)."""
    mode = opened.mode
    if mode.startswith("I;16"):
        grey = np.asarray(opened).astype(np.uint32)
        return np.repeat(((grey + 128) // 257).astype(np.uint8)[..., None], 3, axis=2)
    if mode in ("I", "F", "LAB"):
        raise UnsupportedPicture(
            f"picture: got pixels of type {mode}, expected 8 or 16 bit grey or colour, export as 8-bit RGB"
        )
    try:
        target = "RGBA" if opened.has_transparency_data else "RGB"
        return np.asarray(opened if mode == target else opened.convert(target))
    except (Exception, MemoryError) as error:  # as above: palettes and transparency come from the file
        raise UnsupportedPicture(
            f"picture: pixels of type {mode} cannot become RGB ({_short(error)}), export it as 8-bit RGB"
        ) from error


def _short(error: BaseException) -> str:
    """Describe a foreign exception in at most 120 printable characters."""
    if isinstance(error, UnidentifiedImageError):
        return "the decoder does not accept it"
    words = " ".join(str(error).split())[:120]
    return "".join(c if c.isprintable() else "?" for c in words) or type(error).__name__

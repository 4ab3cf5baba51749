r"""Encoding of pixels into files, each with the metadata that its format can carry.

| format | EXIF | XMP | text | ICC profile | pixels |
|---|---|---|---|---|---|
| png | eXIf chunk | iTXt `XML:com.adobe.xmp` | tEXt / iTXt | iCCP | lossless |
| jpeg | APP1 | APP1 | - | APP2 | lossy, full chroma |
| webp | `EXIF` chunk | `XMP ` chunk | - | `ICCP` chunk | lossy, or lossless at quality 100 |
| avif | item | item | - | `colr` box | lossy, full chroma |
| tiff | tags of IFD0 and the Exif IFD | tag 700 | - | tag 34675 | lossless |
| gif | - | application extension `XMP Data` | - | - | 255 colours and one transparent |

The same input gives the same bytes. Only metadata of our own making is ever written.
"""

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin, TiffImagePlugin

from watermark.errors import UnsupportedPicture

Pixels = NDArray[np.uint8]

# Quality where the caller names none. On 512 x 512 crops of Kodak 1 to 3, JPEG 95 with full chroma keeps 41.7 to
# 43.4 dB over RGB and WebP 95 (which always halves chroma) 45.0 to 45.5 dB of luma: as quiet as the invisible
# watermark itself. At WebP 90 luma falls to 41.2 dB. AVIF 92 keeps 42.7 to 44.8 dB over RGB on four pictures at
# two thirds of AVIF 95's bytes.
DEFAULT_QUALITY: Final[Mapping[str, int]] = MappingProxyType({"jpeg": 95, "webp": 95, "avif": 92})

# zlib level 1 makes a 1024 x 1024 photograph a PNG of 1.67 MB in 0.14 s; level 6 makes it 1.64 MB in 0.56 s.
_ZLIB_LEVEL: Final = 1
# libwebp method 2 halves the time of the default 4 for 4 % more bytes.
_WEBP_METHOD: Final = 2
# libaom at speed 6 takes four times as long as at 8 for 0.1 dB.
_AVIF_SPEED: Final = 8
_STRIP_BYTES: Final = 256 << 10  # of a TIFF, before compression
_TRANSPARENT: Final = 255  # the GIF palette's last entry


def encode_picture(
    image: Pixels,
    format: str,  # noqa: A002 - the word of the contract and of Picture.format
    *,
    quality: int | None = None,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    icc: bytes | None = None,
    text: Mapping[str, str] | None = None,
) -> bytes:
    r"""Encode pixels, with metadata that we built.

    JPEG has no alpha: RGBA is laid on white first. GIF has one bit of it: under half is transparent.

    Args:
        image: uint8 (H, W, 3) RGB or (H, W, 4) RGBA.
        format: one of `WRITABLE`.
        quality: 1 to 100; None means `DEFAULT_QUALITY`. Ignored for PNG, TIFF and GIF.
        exif: a TIFF structure, with or without the `Exif\0\0` prefix, as `build_exif` makes it.
        xmp: a serialised XMP packet.
        icc: an ICC profile that describes these RGB pixels; GIF cannot hold it.
        text: PNG text by keyword; other formats ignore it.

    Raises:
        UnsupportedPicture: a format that is not writable, pixels of another shape or type, or metadata or
            sides that the format cannot hold.

    """
    if format not in WRITABLE:
        raise UnsupportedPicture(f"picture: got format {format!r}, expected one of {', '.join(WRITABLE)}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (3, 4) or 0 in image.shape:
        raise UnsupportedPicture(
            f"picture: got pixels {image.dtype} {image.shape}, expected uint8 (H, W, 3) or (H, W, 4)"
        )
    level = DEFAULT_QUALITY.get(format, 100) if quality is None else quality
    if not 1 <= level <= 100:
        raise UnsupportedPicture(f"picture: got quality {level}, expected 1 to 100")
    try:
        return _WRITERS[format](image, level, _Blocks(exif, xmp, icc, text or {}))
    except (ValueError, OSError, struct.error) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UnsupportedPicture(
            f"picture: {format} cannot hold this picture or its metadata ({reason}), try another"
        ) from error


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The metadata of one file, ready to be written."""

    exif: bytes | None
    xmp: bytes | None
    icc: bytes | None
    text: Mapping[str, str]

    @property
    def options(self) -> dict[str, bytes]:
        """As Pillow's writers take them."""
        blocks = {"exif": self.exif, "xmp": self.xmp, "icc_profile": self.icc}
        return {name: block for name, block in blocks.items() if block}


def _png(image: Pixels, _: int, blocks: _Blocks) -> bytes:
    info = PngImagePlugin.PngInfo()
    if blocks.xmp:  # XMP specification part 3, section 1.1.5: one uncompressed iTXt of this keyword
        info.add_itxt("XML:com.adobe.xmp", blocks.xmp.decode("utf-8"))
    for keyword, value in blocks.text.items():
        info.add_text(keyword, value)
    return _saved(Image.fromarray(image), "PNG", compress_level=_ZLIB_LEVEL, pnginfo=info, **blocks.options)


def _jpeg(image: Pixels, quality: int, blocks: _Blocks) -> bytes:
    canvas = Image.fromarray(image)
    if image.shape[2] == 4:
        canvas = Image.new("RGB", canvas.size, "white")
        rgba = Image.fromarray(image)
        canvas.paste(rgba, mask=rgba.getchannel("A"))
    return _saved(canvas, "JPEG", quality=quality, subsampling=0, **blocks.options)


def _webp(image: Pixels, quality: int, blocks: _Blocks) -> bytes:
    lossless = quality == 100
    return _saved(
        Image.fromarray(image),
        "WEBP",
        quality=quality,
        lossless=lossless,
        method=_WEBP_METHOD,
        exact=True,
        **blocks.options,
    )


def _avif(image: Pixels, quality: int, blocks: _Blocks) -> bytes:
    # one thread: pictures are worked on in parallel already, and the bytes do not depend on the machine
    return _saved(
        Image.fromarray(image),
        "AVIF",
        quality=quality,
        subsampling="4:4:4",
        speed=_AVIF_SPEED,
        max_threads=1,
        **blocks.options,
    )


def _tiff(image: Pixels, _: int, blocks: _Blocks) -> bytes:
    """Write one little-endian directory before deflated strips (TIFF 6.0 sections 2, 14 and 18; Adobe's tag 8).

    Pillow's own writer compresses only where there is no Exif directory, and replaces non-ASCII text by "?".
    """
    height, width, channels = image.shape
    rows = max(1, _STRIP_BYTES // (width * channels))
    delta = np.diff(image, axis=1, prepend=np.zeros_like(image[:, :1]))  # predictor 2, modulo 256
    strips = [zlib.compress(delta[at : at + rows].tobytes(), _ZLIB_LEVEL) for at in range(0, height, rows)]
    sizes = [len(strip) for strip in strips]
    starts = np.cumsum([0, *sizes[:-1]]).tolist()  # behind the directory, which Pillow adds
    directory = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    directory[256], directory[257], directory[258] = width, height, (8,) * channels
    directory[259], directory[262], directory[277], directory[284], directory[317] = 8, 2, channels, 1, 2
    directory[278], directory[273], directory[279] = rows, tuple(starts), tuple(sizes)
    if channels == 4:
        directory[338] = 2  # unassociated alpha
    if blocks.exif:
        block = Image.Exif()
        block.load(blocks.exif)
        for tag, value in block.items():
            if tag == 0x8769:
                directory[tag] = block.get_ifd(tag)
            else:  # Pillow reads text as Latin-1; bytes are written as they are
                directory[tag] = value.encode("latin-1") if isinstance(value, str) else value
    for tag, content in ((700, blocks.xmp), (34675, blocks.icc)):
        if content:
            directory[tag] = content
    return b"II*\0\x08\0\0\0" + directory.tobytes(8) + b"".join(strips)


def _gif(image: Pixels, _: int, blocks: _Blocks) -> bytes:
    colours = Image.fromarray(np.ascontiguousarray(image[..., :3])).quantize(255)
    options: dict[str, object] = {}
    if image.shape[2] == 4:
        indices = np.asarray(colours).copy()
        indices[image[..., 3] < 128] = _TRANSPARENT
        flat = Image.fromarray(indices, "P")
        flat.putpalette(((colours.getpalette("RGB") or []) + [0] * 768)[:768])
        colours, options = flat, {"transparency": _TRANSPARENT}
    data = _saved(colours, "GIF", optimize=False, **options)
    if not blocks.xmp:
        return data
    # XMP specification part 3, section 1.1.2: raw bytes, which readers that skip sub-blocks leave by the "magic
    # trailer", in which every byte names the distance to its end. GIF89a section 26: extensions need this version.
    start = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    extension = b"!\xff\x0bXMP DataXMP" + blocks.xmp + trailer
    return b"GIF89a" + data[6:start] + extension + data[start:]


def _saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()


_WRITERS: Final[Mapping[str, Callable[[Pixels, int, _Blocks], bytes]]] = MappingProxyType(
    {"png": _png, "jpeg": _jpeg, "webp": _webp, "avif": _avif, "tiff": _tiff, "gif": _gif}
)

WRITABLE: Final = tuple(_WRITERS)

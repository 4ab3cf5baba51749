"""The WebP header as we read it against the decoder's answer."""

import io

import numpy as np
import pytest
from PIL import Image

from watermark.encoding import encode_picture
from watermark.errors import CorruptPicture, TooManyPixels
from watermark.picture import Limits, decode_picture, read_header

RNG = np.random.default_rng(0)
SCENE = RNG.integers(0, 256, (37, 61, 4), np.uint8)


def saved(**options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(SCENE if options.pop("alpha", False) else SCENE[:, :, :3]).save(out, "WEBP", **options)
    return out.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encode_picture(SCENE[:, :, :3].copy(), "webp", exif=exif.tobytes())


FILES = {
    "lossy": saved(quality=70),
    "lossless": saved(lossless=True),
    "alpha": saved(alpha=True, quality=70),
    "lossless alpha": saved(alpha=True, lossless=True),
    "animated": saved(
        save_all=True, append_images=[Image.fromarray(np.roll(SCENE, n, 0)[:, :, :3]) for n in (5, 9)]
    ),
    "turned": turned(6),
    "mirrored": turned(2),
}


@pytest.mark.parametrize("name", FILES)
def test_the_header_says_what_the_decoder_says(name: str) -> None:
    header, picture = read_header(FILES[name]), decode_picture(FILES[name])
    assert (header.width, header.height, header.frames) == (picture.width, picture.height, picture.frames)
    assert header.frames == (3 if name == "animated" else 1)


@pytest.mark.parametrize(
    "data", [b"RIFF\x04\0\0\0WEBP", FILES["lossy"][:22], FILES["lossless"][:20] + b"x" * 40]
)
def test_no_size_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptPicture, match="complete original file"):
        read_header(data)


def test_the_caps_hold_before_anything_is_decoded() -> None:
    with pytest.raises(TooManyPixels):
        read_header(FILES["lossy"], limits=Limits(max_pixels=1000))

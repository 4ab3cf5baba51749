"""Safe decoding and encoding: what is accepted, what is refused and with which code."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms, ImageOps

from watermark import errors
from watermark.formats import MIME, sniff_format
from watermark.picture import DEFAULT_QUALITY, WRITABLE, Limits, decode_picture, encode_picture


def gradient(height=48, width=64, channels=3):
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 // (width - 1), y * 255 // (height - 1), (x + y) % 256, 255 - y * 2]
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def saved(image, format_, **options):
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b.astype(float)) ** 2))


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


# ---- what a file is


@pytest.mark.parametrize("kind", sorted(MIME))
def test_content_decides_the_format(kind):
    data = saved(Image.fromarray(gradient()), kind)
    assert sniff_format(data) == kind
    picture = decode_picture(data)
    assert (picture.format, picture.mime) == (kind, MIME[kind])
    assert (picture.width, picture.height, picture.frames) == (64, 48, 1)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", errors.EmptyPicture),
        (b"hello", errors.NotAPicture),
        (bytes(4096), errors.NotAPicture),
        (b"<!doctype html><html></html>", errors.NotAPicture),
        (b'  <svg xmlns="http://www.w3.org/2000/svg"/>', errors.UnsupportedPicture),
        (b"%PDF-1.7\n", errors.UnsupportedPicture),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", errors.UnsupportedPicture),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2", errors.UnsupportedPicture),
        (b"\x89PNG\r\n\x1a\n", errors.CorruptPicture),
        (b"\xff\xd8\xff\xe0", errors.CorruptPicture),
        (b"RIFF\x04\x00\x00\x00WEBP", errors.CorruptPicture),
        (b"GIF89a", errors.CorruptPicture),
        (b"BM", errors.CorruptPicture),
        (b"II*\x00\x08\x00\x00\x00", errors.CorruptPicture),
    ],
)
def test_what_is_no_picture_is_refused_by_kind(data, error):
    with pytest.raises(error) as caught:
        decode_picture(data)
    assert type(caught.value) is error


def test_every_picture_error_has_its_own_code():
    codes = [kind.code for kind in errors.PictureError.__subclasses__()]
    assert sorted(codes) == sorted(
        [
            "empty_file",
            "file_too_large",
            "too_many_pixels",
            "not_a_picture",
            "unsupported_format",
            "corrupt_picture",
        ]
    )


# ---- caps


def test_bytes_are_capped_first():
    with pytest.raises(errors.TooManyBytes):
        decode_picture(bytes(101), limits=Limits(max_bytes=100))


@pytest.mark.parametrize(
    "limits", [Limits(max_pixels=64 * 48 - 1), Limits(max_side=63)], ids=["pixels", "side"]
)
@pytest.mark.parametrize("kind", sorted(MIME))
def test_pixels_and_sides_are_capped(kind, limits):
    with pytest.raises(errors.TooManyPixels):
        decode_picture(saved(Image.fromarray(gradient()), kind), limits=limits)


def test_a_picture_of_exactly_the_caps_is_taken():
    data = saved(Image.fromarray(gradient()), "PNG")
    exact = Limits(max_bytes=len(data), max_pixels=64 * 48, max_side=64)
    assert decode_picture(data, limits=exact).image.shape == (48, 64, 3)


@pytest.mark.parametrize("side", [20_000, 2**31 - 1])
def test_a_declared_size_is_refused_before_any_pixel_is_read(side):
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    with pytest.raises(errors.TooManyPixels):
        decode_picture(b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", b""))


# ---- hostile content


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp", "gif", "tiff", "bmp", "avif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_corrupt_never_grey(kind, share):
    noise = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    with pytest.raises(errors.CorruptPicture):
        decode_picture(data[: int(len(data) * share)])


def test_trailing_bytes_do_not_matter():
    data = saved(Image.fromarray(gradient()), "JPEG")
    assert np.array_equal(decode_picture(data).image, decode_picture(data + bytes(1000)).image)


def test_a_progressive_jpeg_of_many_scans_is_refused():
    data = saved(Image.new("L", (64, 64), 128), "JPEG", progressive=True)
    assert decode_picture(data).image.shape == (64, 64, 3)
    last = data.rindex(b"\xff\xda")
    with pytest.raises(errors.CorruptPicture, match="scans"):
        decode_picture(data[:-2] + data[last:-2] * 100 + data[-2:])


def test_start_of_scan_bytes_in_header_segments_do_not_count_as_scans():
    data = saved(Image.fromarray(gradient()), "JPEG")
    body = b"\xff\xda" * 500
    decoy = b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body
    assert decode_picture(data[:2] + decoy + data[2:]).image.shape == (48, 64, 3)


def test_a_file_cut_into_endless_pieces_is_refused():
    png, jpeg = (saved(Image.fromarray(gradient()), kind) for kind in ("PNG", "JPEG"))
    for data in (
        png[:33] + png_chunk(b"abCd", b"") * 25_000 + png[33:],
        jpeg[:2] + b"\xff\xe5\x00\x02" * 25_000 + jpeg[2:],
    ):
        with pytest.raises(errors.CorruptPicture, match="pieces"):
            decode_picture(data)


def test_a_tiff_tile_far_larger_than_the_picture_is_refused():
    tags = [(256, 16), (257, 16), (258, 8), (259, 5), (262, 1), (277, 1)]
    tags += [(322, 32768), (323, 32768), (324, 200), (325, 16)]
    body = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    data = (struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + body + bytes(4)).ljust(264, b"\0")
    with pytest.raises(errors.CorruptPicture, match="tiles"):
        decode_picture(data)


def test_a_compressed_text_bomb_is_refused():
    bomb = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(50 << 20), 9))
    data = saved(Image.fromarray(gradient()), "PNG")
    with pytest.raises(errors.CorruptPicture):
        decode_picture(data[:33] + bomb + data[33:])


# ---- pixel layouts


@pytest.mark.parametrize(
    ("stored", "format_", "options", "expected"),
    [
        (Image.new("1", (2, 2), 1), "PNG", {}, (255, 255, 255)),
        (Image.new("L", (2, 2), 77), "PNG", {}, (77, 77, 77)),
        (Image.new("LA", (2, 2), (77, 9)), "PNG", {}, (77, 77, 77, 9)),
        (Image.new("I;16", (2, 2), 257 * 77), "PNG", {}, (77, 77, 77)),
        (Image.new("I;16", (2, 2), 65535), "TIFF", {}, (255, 255, 255)),
        (Image.new("RGB", (2, 2), (1, 2, 3)), "PNG", {"transparency": (1, 2, 3)}, (1, 2, 3, 0)),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 255)), "TIFF", {}, (0, 0, 0)),
        (Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "JPEG", {"quality": 100}, (255, 255, 255)),
        (Image.new("RGBA", (2, 2), (1, 2, 3, 4)), "TIFF", {}, (1, 2, 3, 4)),
    ],
)
def test_every_layout_becomes_eight_bit_rgb_or_rgba(stored, format_, options, expected):
    picture = decode_picture(saved(stored, format_, **options))
    assert picture.image.dtype == np.uint8
    assert tuple(picture.image[0, 0]) == expected


def test_a_palette_keeps_its_transparency():
    stored = Image.new("P", (4, 4), 0)
    stored.putpalette([10, 20, 30, 40, 50, 60])
    assert tuple(decode_picture(saved(stored, "PNG")).image[0, 0]) == (10, 20, 30)
    assert tuple(decode_picture(saved(stored, "PNG", transparency=0)).image[0, 0]) == (10, 20, 30, 0)


@pytest.mark.parametrize("mode", ["F", "I", "LAB"])
def test_pixels_of_unknown_range_are_unsupported(mode):
    with pytest.raises(errors.UnsupportedPicture):
        decode_picture(saved(Image.new(mode, (4, 4)), "TIFF"))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_exif_orientation_is_baked_in(format_, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(Image.fromarray(gradient()), format_, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    image = decode_picture(data).image
    assert np.array_equal(image, np.asarray(upright))
    # against the stored pixels too, so that both being wrong alike would show
    rows, columns = (64, 48) if orientation >= 5 else (48, 64)
    assert image.shape == (rows, columns, 3)


def test_pixels_are_writable_and_contiguous():
    image = decode_picture(saved(Image.fromarray(gradient()), "PNG")).image
    assert image.flags.writeable
    assert image.flags.c_contiguous


@pytest.mark.parametrize(
    ("format_", "frames"), [("PNG", 3), ("WEBP", 3), ("AVIF", 3), ("GIF", 2), ("TIFF", 2)]
)
def test_animations_give_frame_0_and_say_so(format_, frames):
    shots = [Image.new("RGB", (32, 32), colour) for colour in ("white", "blue", "green")]
    data = saved(shots[0], format_, save_all=True, append_images=shots[1:])
    picture = decode_picture(data)
    assert picture.frames == frames
    assert picture.image[..., :3].min() > 250


# ---- colour profiles


def test_an_rgb_profile_is_kept_and_written():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in WRITABLE:
        kept = decode_picture(encode_picture(gradient(), kind, icc=profile)).icc
        assert kept == (None if kind == "gif" else profile)


@pytest.mark.parametrize(
    "profile", [b"\0" * 16 + b"CMYK" + b"\0" * 108, b"\0" * 16 + b"RGB " + bytes(3 << 20)]
)
def test_a_profile_of_other_pixels_or_of_absurd_size_is_dropped(profile):
    assert decode_picture(saved(Image.fromarray(gradient()), "JPEG", icc_profile=profile)).icc is None


# ---- encoding


@settings(max_examples=30, deadline=None)
@given(
    image=hnp.arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40), st.sampled_from([3, 4]))),
    kind=st.sampled_from(["png", "webp", "tiff"]),
)
def test_lossless_round_trip(image, kind):
    decoded = decode_picture(encode_picture(image, kind, quality=100)).image
    # WebP drops an alpha plane that is opaque everywhere
    assert np.array_equal(decoded[..., :3], image[..., :3])
    if decoded.shape[2] == 4:
        assert np.array_equal(decoded, image)
    elif image.shape[2] == 4:
        assert image[..., 3].min() == 255


@pytest.mark.parametrize("kind", sorted(DEFAULT_QUALITY))
def test_lossy_defaults_cost_less_than_the_watermark_may(kind):
    noise = np.random.default_rng(3).normal(size=(128, 192, 3))
    image = (cv2.GaussianBlur(noise, (0, 0), 3) * 300 + 128).clip(0, 255).astype(np.uint8)
    decoded = decode_picture(encode_picture(image, kind)).image
    assert psnr(cv2.cvtColor(decoded, cv2.COLOR_RGB2GRAY), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)) > 42


def test_jpeg_lays_alpha_on_white():
    image = np.zeros((32, 32, 4), np.uint8)
    assert decode_picture(encode_picture(image, "jpeg")).image.min() > 250
    image[..., 3] = 255
    assert decode_picture(encode_picture(image, "jpeg")).image.max() < 5


def test_a_gif_has_a_palette_of_255_and_one_bit_of_alpha():
    image = np.zeros((40, 40, 4), np.uint8)
    image[..., 0] = np.arange(40)
    image[:20, :, 3] = 255
    image[20:30, :, 3] = 127
    decoded = decode_picture(encode_picture(image, "gif")).image
    assert np.array_equal(decoded[:20], image[:20])
    assert not decoded[20:, :, 3].any()
    assert np.array_equal(decode_picture(encode_picture(image[:20, :, :3], "gif")).image, image[:20, :, :3])


def test_a_tiff_of_many_strips_is_whole():
    image = np.random.default_rng(5).integers(0, 256, (300, 700, 3), dtype=np.uint8)
    data = encode_picture(image, "tiff")
    with Image.open(io.BytesIO(data)) as opened:
        assert len(opened.tag_v2[273]) == 3
        assert opened.tag_v2[259] == 8
    assert np.array_equal(decode_picture(data).image, image)


@pytest.mark.parametrize("kind", WRITABLE)
def test_encoding_is_deterministic(kind):
    assert encode_picture(gradient(), kind) == encode_picture(gradient(), kind)


@pytest.mark.parametrize(
    ("image", "format_", "options"),
    [
        (gradient(), "bmp", {}),
        (gradient(), "PNG", {}),
        (gradient().astype(float), "png", {}),
        (gradient()[..., 0], "png", {}),
        (np.zeros((0, 4, 3), np.uint8), "png", {}),
        (gradient(), "jpeg", {"quality": 0}),
        (gradient(), "webp", {"quality": 101}),
        (gradient(), "jpeg", {"exif": b"Exif\0\0" + bytes(70_000)}),
        (np.zeros((1, 17_000, 3), np.uint8), "webp", {}),
    ],
)
def test_what_cannot_be_written_is_refused(image, format_, options):
    with pytest.raises(errors.UnsupportedPicture):
        encode_picture(image, format_, **options)

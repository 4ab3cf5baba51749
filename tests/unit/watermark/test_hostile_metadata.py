"""Containers made to harm: broken, deep, compressed without end, in tiny pieces."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tests.unit.watermark.metadata_files import AI, CAPTURE, IMAGE, jpeg_with, packet, png_with
from watermark.containers import find_blocks
from watermark.exif import read_exif
from watermark.metadata import read_metadata
from watermark.picture import encode_picture
from watermark.xmp import read_xmp


@pytest.mark.parametrize(
    "xmp",
    [
        b"<x:xmpmeta",
        b"\xff\xfe\x00",
        b"<a>" * 100_000,
        b"<?xml version='1.0' encoding='none-such'?><a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b"<a>" + b"x" * (1 << 20) + b"</a>",
    ],
    ids=["cut", "binary", "deep", "encoding", "entity", "external", "large"],
)
def test_broken_xmp_is_invalid_with_a_reason(xmp):
    out = io.BytesIO()
    info = PngImagePlugin.PngInfo()
    info.add(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    Image.fromarray(IMAGE).save(out, "PNG", pnginfo=info)
    report = read_metadata(out.getvalue(), "png")
    assert (report.status, report.ai_generated, report.fields) == ("invalid", None, {})
    assert report.notes


def test_deep_but_well_formed_xmp_is_read_without_recursion():
    depth = 50_000
    deep = packet().replace(b"</rdf:Desc", b"<b>" * depth + b"</b>" * depth + b"</rdf:Desc")
    assert read_xmp(deep).problem is None


def test_a_property_stated_twice_is_a_problem():
    assert read_xmp(packet(("I:DigitalSourceType", AI), ("I:DigitalSourceType", CAPTURE))).problem


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def test_a_compressed_text_is_inflated_only_to_its_cap():
    bomb = chunk(b"zTXt", b"parameters\0\0" + zlib.compress(b"A" * (64 << 20)))
    blocks = find_blocks(b"\x89PNG\r\n\x1a\n" + bomb + chunk(b"IEND", b""), "png")
    assert len(blocks.text["parameters"]) == 64 << 10


def test_a_compressed_packet_is_read():
    body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet(("I:DigitalSourceType", AI)))
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"iTXt", body) + chunk(b"IEND", b"")
    assert read_metadata(data, "png").ai_generated is True


def test_walks_end_on_files_of_tiny_pieces():
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"tEXt", b"") * 30_000
    jpeg = b"\xff\xd8" + b"\xff\xe1\x00\x02" * 30_000
    webp = b"RIFF\xff\xff\xff\x7fWEBP" + b"JUNK\0\0\0\0" * 30_000
    for data, kind in ((png, "png"), (jpeg, "jpeg"), (webp, "webp")):
        assert read_metadata(data, kind).ai_generated is None


def test_two_different_packets_are_a_problem():
    first, second = packet(("I:DigitalSourceType", AI)), packet(("I:DigitalSourceType", CAPTURE))
    data = jpeg_with(xmp=first)
    segment = data[data.index(b"\xff\xe1") :][: 4 + 29 + len(first)]
    other = b"\xff\xe1" + struct.pack(">H", 2 + 29 + len(second)) + segment[4 : 4 + 29] + second
    report = read_metadata(data[:2] + other + data[2:], "jpeg")
    assert any("two different XMP" in note for note in report.notes)


def test_xmp_after_the_pixels_of_a_png_is_found():
    data = png_with()
    late = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet(("I:DigitalSourceType", AI)))
    assert read_metadata(data[:-12] + late + data[-12:], "png").ai_generated is True


def test_xmp_in_gif_tiff_and_avif_is_found():
    xmp = packet(("I:DigitalSourceType", AI))
    gif = io.BytesIO()
    Image.fromarray(IMAGE).save(gif, "GIF")
    trailer = b"\x01" + bytes(range(255, -1, -1)) + b"\0"
    block = b"!\xff\x0bXMP DataXMP" + xmp + trailer
    tiff, avif = io.BytesIO(), io.BytesIO()
    Image.fromarray(IMAGE).save(tiff, "TIFF", tiffinfo={700: xmp})
    Image.fromarray(IMAGE).save(avif, "AVIF", xmp=xmp)
    files = {"gif": gif.getvalue()[:-1] + block + b";", "tiff": tiff.getvalue(), "avif": avif.getvalue()}
    for kind, data in files.items():
        assert read_metadata(data, kind).ai_generated is True, kind


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_the_exif_reader_never_raises(noise):
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"Exif\0\0II*\0\x08\0\0\0"):
        fields = read_exif(head + noise)
        assert 1 <= fields.orientation <= 8


def test_exif_values_that_claim_gigabytes_are_passed_over():
    entries = [(0x010E, 2, 2**31, 8), (0x0131, 1, 2**32 - 1, 8), (0x9286, 7, 2**27, 8), (0x0112, 3, 1, 6)]
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    fields = read_exif(struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + body + bytes(4))
    assert (fields.orientation, fields.text, fields.user_comment) == (6, {}, "")


def test_an_exif_directory_that_points_at_itself_ends():
    body = struct.pack("<HHII", 0x8769, 4, 1, 8)
    assert read_exif(struct.pack("<2sHIH", b"II", 42, 8, 1) + body + bytes(4)).orientation == 1


def test_a_gif_is_walked_and_its_pixels_are_not_searched():
    xmp = packet(("I:DigitalSourceType", AI))
    data = encode_picture(IMAGE, "gif", xmp=xmp)
    assert find_blocks(data, "gif").xmp == xmp
    extension = data[data.index(b"!\xff\x0bXMP") : data.index(b",", data.index(b"\xff\xfe\xfd"))]
    plain = encode_picture(IMAGE, "gif")
    hidden = plain[:-2] + bytes([len(extension[:200])]) + extension[:200] + b"\0;"
    assert find_blocks(hidden, "gif").xmp is None


@pytest.mark.parametrize(
    "body",
    [
        b"!\xff\x0bXMP DataXMP\0" * 100_000,
        b"!\xff\0" * 300_000,
        b"," * 2_000_000,
        b"!\xff" + b"\1a" * 300_000,
    ],
    ids=["packets", "extensions", "pictures", "pieces"],
)
def test_a_gif_of_tiny_pieces_ends(body):
    blocks = find_blocks(b"GIF89a\1\0\1\0\0\0\0" + body, "gif")
    assert len(blocks.problems) <= 2

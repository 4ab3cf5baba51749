"""Manifests built to exhaust the reader are recognised from box sizes alone; honest ones are not."""

import io
import struct
import zlib
from datetime import UTC, datetime

import numpy as np
import pytest
from c2pa import Builder, C2paSignerInfo, Signer

from watermark.c2pa_settings import signing_context
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, Source, TrustAnchors, read_manifest
from watermark.manifest_claim import manifest_definition
from watermark.manifest_cost import MAX_BOXES, is_affordable
from watermark.picture import encode_picture
from watermark.signing import create_development_identity

NOW = datetime.now(UTC)
IDENTITY = create_development_identity(NOW)
LABEL = AiLabel("0123456789abcdef", "provider", "system", "1.0", NOW)
PNG = encode_picture(np.zeros((32, 32, 3), np.uint8), "png")
JPEG = encode_picture(np.zeros((32, 32, 3), np.uint8), "jpeg")
NOTE = "the manifest is too intricate to be examined"


def box(kind, body):
    return struct.pack(">I4s", len(body) + 8, kind) + body


def store_of_references(assertion_bytes, references):
    """A store whose claim, signed for something else, refers to one large assertion again and again."""
    definition = manifest_definition(
        LABEL, mime="image/png", soft_bindings=[("x", "0" * 16)], title="x", sources=0
    )
    definition["assertions"][3]["data"]["photoshop:Credit"] = "A" * assertion_bytes
    signer = Signer.from_info(C2paSignerInfo(b"es256", IDENTITY.chain_pem, IDENTITY.key_pem, None))
    builder = Builder(definition, context=signing_context(IDENTITY.root_pem))
    return multiplied(bytes(builder.sign(signer, "image/png", io.BytesIO(PNG), io.BytesIO())), references)


def multiplied(boxes, references):
    """Rebuild a row of boxes with the claim's reference to cawg.metadata repeated."""
    out, at = b"", 0
    while at < len(boxes):
        size, kind = struct.unpack_from(">I4s", boxes, at)
        body = boxes[at + 8 : at + size]
        if kind == b"jumb":
            body = multiplied(body, references)
        elif kind == b"cbor" and b"created_assertions" in body:
            key = body.index(b"created_assertions") + len(b"created_assertions")
            entries = [b"\xa2cur" + rest for rest in body[key + 1 :].split(b"\xa2cur")[1:]]
            again = next(entry for entry in entries if b"cawg.metadata" in entry) * references
            count = b"\x99" + struct.pack(">H", len(entries) + references)
            body = body[:key] + count + again + b"".join(entries)
        out += box(kind, body)
        at += size
    return out


def png_with(store):
    chunk = struct.pack(">I", len(store)) + b"caBX" + store + struct.pack(">I", zlib.crc32(b"caBX" + store))
    return PNG[:33] + chunk + PNG[33:]


def jpeg_with(store, piece):
    """Spread a store over APP11 segments of `piece` bytes each."""
    header, rest, segments = store[:8], store[8:], []
    for number, at in enumerate(range(0, len(rest), piece), 1):
        body = b"JP\x02\x11" + struct.pack(">I", number) + header + rest[at : at + piece]
        segments.append(b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body)
    return JPEG[:2] + b"".join(segments) + JPEG[2:]


@pytest.fixture(scope="module")
def bomb():
    return store_of_references(200_000, 3_000)


def test_the_bomb_is_what_it_is_said_to_be():
    """A harmless size of the same build: the library does examine it, and finds the claim changed."""
    report = read_manifest(png_with(store_of_references(100, 3)), "image/png", trust=TrustAnchors())
    assert report.integrity == "failed"
    assert "claimSignature.mismatch" in report.failures


def test_one_large_assertion_named_often_is_not_examined(bomb):
    data = png_with(bomb)
    assert len(data) < 1 << 20
    report = read_manifest(data, "image/png", trust=TrustAnchors())
    assert (report.status, report.integrity, report.notes) == ("invalid", None, (NOTE,))


@pytest.mark.parametrize("piece", [60_000, 500, 40, 7])
def test_spreading_it_over_segments_does_not_hide_it(bomb, piece):
    data = jpeg_with(bomb, piece)
    assert not is_affordable(data, "image/jpeg")
    assert not is_affordable(data[:2] + b"\xff" * 5 + data[2:], "image/jpeg")  # fill bytes before a marker


def test_spreading_it_over_gif_blocks_does_not_hide_it(bomb):
    blocks = b"".join(
        bytes([len(bomb[at : at + 255])]) + bomb[at : at + 255] for at in range(0, len(bomb), 255)
    )
    data = b"GIF89a" + bytes(7) + b"!\xff\x0bC2PA_GIF\x01\x00\x00" + blocks + b"\0;"
    assert not is_affordable(data, "image/gif")


def test_very_many_boxes_are_not_examined():
    many = b"jumb" * (MAX_BOXES + 1)
    for data in (
        png_with(many),
        png_with(many)[:-20],
        PNG[:-12] + b"caBX" + many,
    ):  # whole, cut, without chunks
        assert read_manifest(data, "image/png", trust=TrustAnchors()).notes == (NOTE,)
    webp = b"RIFF    WEBPC2PA" + many
    assert read_manifest(webp, "image/webp", trust=TrustAnchors()).notes == (NOTE,)


def test_pixels_of_a_png_are_not_searched():
    """Chance bytes of a picture are no boxes: only caBX chunks count, and behind IEND there is nothing."""
    assert is_affordable(PNG + b"caBX" + b"jumb" * (MAX_BOXES + 1), "image/png")


def test_a_container_of_endless_pieces_is_given_up():
    """GIF comments of one byte: 1 MiB of them is 200,000 reads."""
    data = b"GIF89a\x08\0\x08\0\0\0\0" + b"!\xfe\x01a\0" * 200_000 + b";C2PA_GIF"
    assert read_manifest(data, "image/gif", trust=TrustAnchors()).notes == (NOTE,)


def test_a_file_that_cannot_hold_a_manifest_is_not_searched():
    data = b"GIF89a\x08\0\x08\0\0\0\0" + b"!\xfe\x01a\0" * 200_000 + b";"
    assert read_manifest(data, "image/gif", trust=TrustAnchors()).status == "not_present"


def test_an_intricate_honest_history_is_examined():
    signer = ManifestSigner(IDENTITY)
    made = signer.sign(PNG, "image/png", LABEL, soft_binding=LABEL.record_id)
    for _ in range(12):
        parent = Source(made.data, "image/png")
        made = signer.sign(PNG, "image/png", LABEL, soft_binding=LABEL.record_id, sources=[parent])
    assert is_affordable(made.data, "image/png")
    assert read_manifest(made.data, "image/png", trust=TrustAnchors()).integrity == "ok"


def test_a_picture_of_the_caps_without_a_manifest_is_affordable():
    for mime in ("image/png", "image/jpeg", "image/gif"):
        assert is_affordable(np.random.default_rng(1).bytes(4 << 20), mime)

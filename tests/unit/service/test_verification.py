"""The verification protocol on real files: each kind of evidence alone, together, and in contradiction."""

import io
import struct
import zlib
from datetime import UTC, datetime

import pytest
from PIL import Image

import watermark
from service.generators.builtin import draw
from service.keys import Keys
from service.marking import Origin
from service.stages import StageTimes
from service.verification import Verifier
from tests.unit.service.likeness_fake import FakeLikeness
from tests.unit.service.verification_house import NOW, House, codes, pixels_of, png, stripped
from watermark.exif import build_exif
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, TrustAnchors
from watermark.manifest_reader import STORE_OPENING
from watermark.picture import Limits, encode_picture
from watermark.signing import create_development_identity
from watermark.xmp import build_xmp


def label(record_id: str) -> AiLabel:
    return AiLabel(record_id, "Somebody", "some-model", "1", NOW)


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
def test_the_file_itself(house: House, format_: str) -> None:
    marked = house.mark(format_=format_)
    report = house.verify(marked.data)
    assert report.verdict == "ours"
    assert report.record is not None
    assert (report.record.id, report.record.found_by, report.record.exact_file) == (
        marked.id,
        "watermark",
        True,
    )
    c2pa = report.signals.c2pa
    assert (c2pa.status, c2pa.integrity, c2pa.trusted, c2pa.expired) == ("valid", "ok", True, False)
    assert c2pa.development_signer
    assert "DEVELOPMENT" in c2pa.does_not_prove
    assert report.findings == []


def test_stripped_scaled_recompressed_copy_is_recovered(house: House) -> None:
    marked = house.mark()
    copy = io.BytesIO()
    Image.fromarray(pixels_of(marked.data)).resize((400, 400)).save(copy, "JPEG", quality=60)
    report = house.verify(copy.getvalue())
    assert report.verdict == "ours"
    assert report.record is not None
    assert report.record.id == marked.id
    assert not report.record.exact_file
    assert report.signals.c2pa.status == "recovered"
    assert report.signals.c2pa.pixels_match is False
    assert report.signals.metadata.status == "not_detected"
    assert "manifest_recovered" in codes(report)
    assert "changed copy" in report.summary


def test_plain_picture_proves_nothing(house: House) -> None:
    report = house.verify(png(draw("plain", 0, 300, 300)))
    assert report.verdict == "nothing_found"
    assert report.record is None
    assert "does not mean human-made" in report.summary
    assert report.signals.watermark.payload is None
    assert report.signals.watermark.p_value is None


def test_file_changed_after_signing(house: House) -> None:
    marked = house.mark(format_="jpeg")
    report = house.verify(marked.data + b"appended")
    assert report.signals.c2pa.status == "invalid"
    assert report.signals.c2pa.integrity == "failed"
    assert report.verdict == "ours"
    assert "changed after it was signed" in report.summary


def signed_elsewhere() -> bytes:
    stranger = create_development_identity(datetime.now(UTC))
    plain = encode_picture(draw("stranger", 0, 300, 300), "jpeg")
    signer = ManifestSigner(stranger)
    return signer.sign(plain, "image/jpeg", label("0" * 16), soft_binding="0" * 16).data


def test_only_a_signed_hash_shows_that_a_file_was_changed(house: House) -> None:
    data = signed_elsewhere()
    longer = house.verify(data + b"appended")
    assert (longer.signals.c2pa.integrity, longer.signals.c2pa.changed) == ("failed", True)
    assert (longer.verdict, "was changed after" in longer.summary) == ("invalid", True)
    at = data.index(b"instanceID") + 20  # inside the claim
    forged = house.verify(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    assert (forged.signals.c2pa.signature_valid, forged.signals.c2pa.changed) == (False, False)
    assert (forged.verdict, "signature" in forged.summary) == ("invalid", True)
    assert "changed" not in forged.summary


def test_credentials_that_cannot_be_read_are_called_that(house: House) -> None:
    """The opening of a manifest store with nothing behind it: anyone can put that into any file."""
    plain = png(draw("plain", 0, 300, 300))
    body = b"\0\0\0\x40jumb\0\0\0\x1e" + STORE_OPENING + b"\x03c2pa\0junkjunk"
    chunk = struct.pack(">I", len(body)) + b"caBX" + body
    report = house.verify(plain[:33] + chunk + struct.pack(">I", zlib.crc32(chunk[4:])) + plain[33:])
    c2pa = report.signals.c2pa
    assert (c2pa.status, c2pa.integrity, c2pa.changed) == ("invalid", None, None)
    assert "cannot be read" in report.summary
    assert "changed" not in report.summary
    assert "cannot be read" in c2pa.proves


def test_watermark_gone_credentials_intact(house: House) -> None:
    """Where the watermark cannot be read (here: with another key), the intact manifest leads to the record."""
    marked = house.mark()
    blind = Verifier(
        Keys(bytes(32), house.keys.identity, b"", b"", development_watermark=True),
        TrustAnchors(house.keys.identity.root_pem),
        house.verifier._registry,
        Limits(),
    )
    report = blind.verify(marked.data)
    assert report.record is not None
    assert report.record.found_by == "content_credentials"
    assert report.signals.watermark.status == "not_detected"


def test_watermark_of_ours_without_record(house: House) -> None:
    image = watermark.embed(
        draw("city", 0, 512, 512), bytes.fromhex("00000000000000aa"), key=house.keys.watermark
    )
    report = house.verify(png(image))
    assert report.record is None
    assert report.signals.watermark.payload == "00000000000000aa"
    assert report.verdict == "unconfirmed"
    assert "watermark_not_registered" in codes(report)


def test_metadata_alone_is_a_claim(house: House) -> None:
    marked = house.mark()
    claim = label(marked.id)
    image = draw("forged", 0, 300, 300)
    forged = encode_picture(image, "jpeg", exif=build_exif(claim), xmp=build_xmp(claim))
    report = house.verify(forged)
    assert report.verdict == "ai_generated"
    assert "anyone can" in report.summary
    assert report.record is not None
    assert report.record.found_by == "metadata"
    assert "record_by_claim_only" in codes(report)
    assert report.signals.c2pa.status == "not_present", "a claim must not recover a manifest"


def test_metadata_of_another_record_contradicts_the_watermark(house: House) -> None:
    one, two = house.mark("one"), house.mark("two")
    claim = label(two.id)
    mixed = encode_picture(pixels_of(one.data), "png", exif=build_exif(claim), xmp=build_xmp(claim))
    report = house.verify(mixed)
    assert report.verdict == "conflict"
    assert "metadata_names_another_record" in codes(report)


def test_manifest_for_another_watermark_contradicts(house: House) -> None:
    one = house.mark("one")
    signer = ManifestSigner(house.keys.identity)
    resigned = signer.sign(
        png(pixels_of(one.data)), "image/png", label("00000000000000bb"), soft_binding="00000000000000bb"
    )
    report = house.verify(resigned.data)
    assert report.verdict == "conflict"
    assert "watermark_and_manifest_disagree" in codes(report)


def test_strangers_signature_is_intact_but_not_trusted(house: House) -> None:
    stranger = create_development_identity(datetime.now(UTC))
    signed = ManifestSigner(stranger).sign(
        png(draw("stranger", 0, 300, 300)),
        "image/png",
        label("00000000000000cc"),
        soft_binding="00000000000000cc",
    )
    report = house.verify(signed.data)
    c2pa = report.signals.c2pa
    assert (c2pa.integrity, c2pa.trusted) == ("ok", False)
    assert not c2pa.development_signer
    assert report.verdict == "ai_generated"
    assert "does not know" in report.summary


def test_small_picture_is_not_checked(house: House) -> None:
    report = house.verify(png(draw("small", 0, 60, 300)))
    assert report.signals.watermark.status == "not_checked"
    assert report.verdict == "nothing_found"


def test_p_value_is_coarse(house: House) -> None:
    """Only powers of ten leave: a finer score would help an attacker to climb."""
    p_value = house.verify(house.mark().data).signals.watermark.p_value
    assert p_value is not None
    assert f"{p_value:.0e}".startswith("1e-")
    assert float(f"{p_value:.0e}") == pytest.approx(p_value, rel=1e-6)


def test_signed_picture_marked_again_keeps_its_history(house: House) -> None:
    first = house.mark()
    origin = Origin(
        "mark", "not stated", "", "default@0", "allow", "req_2", source=first.data, source_mime=first.mime
    )
    second = house.marker.mark(pixels_of(first.data), "jpeg", origin, StageTimes())
    report = house.verify(second.data)
    assert second.id == first.id
    assert report.record is not None
    assert (report.record.exact_file, report.record.confirmed, report.record.mime) == (
        True,
        True,
        second.mime,
    )
    assert report.record.manifest_id == report.signals.c2pa.manifest_id
    assert "byte for byte" in report.summary
    assert report.findings == []
    assert report.signals.c2pa.status == "valid"
    assert report.signals.c2pa.ingredients == 1
    assert "c2pa.opened" in report.signals.c2pa.actions


def test_a_stranger_cannot_borrow_a_manifest_id(house: House) -> None:
    """Manifest ids are public; a self-made certificate can sign a manifest that has one of ours."""
    from c2pa import Builder, C2paSignerInfo, Signer

    ours = house.mark("the genuine one")
    stranger = create_development_identity(datetime.now(UTC))
    definition = {
        "claim_version": 2,
        "label": house.verify(ours.data).signals.c2pa.manifest_id,
        "claim_generator_info": [{"name": "x", "version": "1"}],
        "format": "image/png",
        "assertions": [
            {
                "label": "c2pa.actions.v2",
                "data": {
                    "actions": [
                        {
                            "action": "c2pa.created",
                            "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
                        }
                    ]
                },
            }
        ],
    }
    out = io.BytesIO()
    signer = Signer.from_info(C2paSignerInfo(b"es256", stranger.chain_pem, stranger.key_pem, None))
    Builder(definition).sign(signer, "image/png", io.BytesIO(png(draw("forged", 0, 300, 300))), out)
    report = house.verify(out.getvalue())
    assert report.signals.c2pa.manifest_id == house.verify(ours.data).signals.c2pa.manifest_id
    assert report.record is None
    assert report.verdict == "conflict"
    assert "borrowed_manifest_id" in codes(report)
    assert not report.signals.c2pa.development_signer


def test_what_was_handed_in_is_not_called_made_by_us(house: House) -> None:
    source = png(draw("elsewhere", 0, 300, 300))
    origin = Origin(
        "mark", "some model", "not stated", "default@0", "allow", "r", source=source, source_mime="image/png"
    )
    marked = house.marker.mark(pixels_of(source), "png", origin, StageTimes())
    report = house.verify(marked.data)
    assert "handed to this service" in report.summary
    assert "as stated" in report.summary
    assert report.signals.c2pa.actions[0] == "c2pa.opened"


def test_a_camera_signature_over_our_mark_is_an_authenticated_contradiction(house: House) -> None:
    """Both layers are sound: an intact, even trusted, signature that says camera, and the keyed mark."""
    marked = house.mark()
    camera = AiLabel(
        marked.id,
        "Somebody",
        "Camera",
        "1",
        NOW,
        "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture",
    )
    signed = ManifestSigner(house.keys.identity).sign(
        stripped(marked), "image/png", camera, soft_binding=marked.id
    )
    report = house.verify(signed.data, FakeLikeness({marked.id: "match"}))
    assert (report.signals.c2pa.status, report.signals.c2pa.trusted) == ("valid", True)
    assert report.verdict == "conflict"
    assert "manifest_denies_ai" in codes(report)


def test_signed_again_without_its_history(house: House) -> None:
    marked = house.mark()
    stranger = create_development_identity(datetime.now(UTC))
    signed = ManifestSigner(stranger).sign(
        stripped(marked), "image/png", label(marked.id), soft_binding=marked.id
    )
    report = house.verify(signed.data)
    assert report.verdict == "ours"
    assert not report.signals.c2pa.development_signer


def test_without_pixels_labels_and_signatures_are_examined(house: House) -> None:
    marked, likeness = house.mark(), FakeLikeness()
    report = house.verify(marked.data, likeness, pixels=False)
    assert report.verdict == "ours"
    assert report.checked.width == 512
    assert (report.signals.watermark.status, report.signals.fingerprint.status) == ("not_checked",) * 2
    assert codes(report) == {"pixels_not_examined"}
    assert likeness.asked == []
    plain = house.verify(png(draw("plain", 0, 300, 300)), pixels=False)
    assert plain.verdict == "nothing_found"
    assert "does not mean human-made" in plain.summary
    assert "as asked" in plain.signals.watermark.proves


def test_a_broken_stored_manifest_is_not_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = house.mark()
    stored = house.registry.manifest(marked.id)
    assert stored is not None
    damaged = stored[:-200] + bytes(200)
    monkeypatch.setattr(house.registry, "manifest", lambda record_id: damaged)
    report = house.verify(stripped(marked), FakeLikeness({marked.id: "match"}))
    assert report.signals.c2pa.status == "not_present"
    assert codes(report) == {"stored_manifest_unusable"}


def test_notes_of_the_readers_and_further_frames_are_findings(house: House) -> None:
    frames = [Image.fromarray(draw(word, 0, 128, 128)) for word in ("one", "two")]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    assert "first_frame_only" in codes(house.verify(out.getvalue()))
    remote = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf dcterms:provenance="http://127.0.0.1/x"/></x:xmpmeta>'
    report = house.verify(encode_picture(draw("remote", 0, 128, 128), "jpeg", xmp=remote))
    assert codes(report) & {"credentials_note", "metadata_note"}


def test_a_file_is_known_by_its_hash_alone(house: House) -> None:
    marked = house.mark()
    sha256 = house.verify(marked.data).checked.sha256
    known = house.verifier.known(sha256)
    assert known.record is not None
    assert known.record.id == marked.id
    assert "byte for byte" in known.summary
    unknown = house.verifier.known("0" * 64)
    assert unknown.record is None
    assert "says nothing about the picture" in unknown.summary


def test_the_history_is_told_oldest_first_and_names_no_file(house: House) -> None:
    first = house.mark()
    own = [step.action for step in house.verify(first.data).timeline]
    assert own == ["c2pa.created", "c2pa.watermarked.bound"]
    source = png(draw("elsewhere", 0, 300, 300))
    origin = Origin("mark", "x", "1", "default@0", "allow", "r", source=source, source_mime="image/png")
    marked = house.marker.mark(pixels_of(source), "png", origin, StageTimes())
    steps = house.verify(marked.data).timeline
    assert steps[0].action == "unsigned source"
    assert steps[0].depth == 1
    assert {step.manifest_id for step in steps[1:]} == {house.verify(marked.data).signals.c2pa.manifest_id}
    recovered = house.verify(stripped(first)).timeline
    assert [step.action for step in recovered] == own
    assert all(step.sound and step.signer for step in recovered)
    tampered = house.verify(house.mark(format_="jpeg").data + b"appended").timeline
    assert not any(step.sound for step in tampered)

"""The verification protocol on real files: each kind of evidence alone, together, and in contradiction."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

import watermark
from service.errors import CannotRecord
from service.generators.builtin import draw
from service.keys import Keys, load_or_create_keys
from service.marking import MarkedPicture, Marker, Origin
from service.settings import Settings
from service.stages import StageTimes
from service.stores import RegistryStore, registry_sqlite
from service.verification import Verifier
from service.verification_report import VerificationReport
from tests.unit.service.likeness_fake import FakeLikeness
from watermark.exif import build_exif
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, TrustAnchors
from watermark.manifest_reader import STORE_OPENING
from watermark.picture import Limits, decode_picture, encode_picture
from watermark.signing import create_development_identity
from watermark.xmp import build_xmp

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ORIGIN = Origin("generation", "fake", "7", "default@0", "allow", "req_1")


@dataclass
class House:
    keys: Keys
    marker: Marker
    verifier: Verifier
    registry: RegistryStore

    def mark(self, seed: str = "a harbour", format_: str = "png") -> MarkedPicture:
        return self.marker.mark(draw(seed, 0, 512, 512), format_, ORIGIN, StageTimes())

    def verify(
        self, data: bytes, likeness: FakeLikeness | None = None, *, pixels: bool = True
    ) -> VerificationReport:
        verifier = self.verifier
        if likeness is not None:
            verifier = Verifier(
                self.keys, TrustAnchors(self.keys.identity.root_pem), self.registry, Limits(), likeness
            )
        report = verifier.verify(data, pixels=pixels)
        assert "authentic" not in report.summary
        return report


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("data")
    keys = load_or_create_keys(Settings(data_dir=folder), datetime.now(UTC))
    registry = registry_sqlite.create(folder / "registry.sqlite")
    yield House(
        keys,
        Marker(keys, "Test provider", registry, lambda: NOW),
        Verifier(keys, TrustAnchors(keys.identity.root_pem), registry, Limits()),
        registry,
    )
    registry.close()


def pixels_of(data: bytes) -> np.ndarray:
    return decode_picture(data).image


def png(image: np.ndarray) -> bytes:
    return encode_picture(image, "png")


def codes(report: VerificationReport) -> set[str]:
    return {finding.code for finding in report.findings}


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


def stripped(marked: MarkedPicture) -> bytes:
    """The same picture with every byte of metadata gone."""
    return png(pixels_of(marked.data))


def test_a_matching_picture_confirms_the_mark(house: House) -> None:
    marked = house.mark()
    report = house.verify(stripped(marked), FakeLikeness({marked.id: "match"}))
    row = report.signals.fingerprint
    assert (row.status, row.record_id, row.alignment) == ("match", marked.id, [1, 0, 0, 0, 1, 0, 0, 0, 1])
    assert report.verdict == "ours"
    assert codes(report) == {"manifest_recovered"}


def test_the_file_itself_needs_no_fingerprint(house: House) -> None:
    marked, likeness = house.mark(), FakeLikeness()
    report = house.verify(marked.data, likeness)
    assert report.signals.fingerprint.status == "match"
    assert likeness.asked == []


def test_a_transplanted_mark_is_a_conflict_and_recovers_nothing(house: House) -> None:
    """Another picture with the mark of a registered one: here embedded with the key itself, the best copy there is."""
    victim = house.mark("the registered one")
    forged = watermark.embed(draw("forged", 0, 512, 512), bytes.fromhex(victim.id), key=house.keys.watermark)
    report = house.verify(png(forged), FakeLikeness())
    assert report.verdict == "conflict"
    assert codes(report) == {"transplanted_watermark"}
    assert report.signals.c2pa.status == "not_present"
    assert report.signals.fingerprint.status == "no_match"
    assert "does not show what was registered" in report.signals.fingerprint.proves
    assert "rearranged" in report.summary, "which of the two it is was not established"
    assert "was copied" not in report.summary


def test_an_altered_copy_is_recovered_with_a_warning(house: House) -> None:
    marked = house.mark()
    report = house.verify(stripped(marked), FakeLikeness({marked.id: "similar"}))
    assert report.verdict == "ours"
    assert codes(report) == {"manifest_recovered", "recovered_picture_altered"}
    assert "resembles" in report.summary
    assert "changed copy" not in report.summary, "likeness was not confirmed"


def test_a_record_without_fingerprint_is_compared_by_its_thumbnail(house: House) -> None:
    marked = house.mark()
    report = house.verify(stripped(marked), FakeLikeness(unknown={marked.id}))
    assert report.signals.fingerprint.status == "match", "its thumbnail serves instead"
    assert report.verdict == "ours"


def test_likeness_alone_leads_to_the_record_and_is_called_that(house: House) -> None:
    """The mark is gone, the picture is not: durable credentials."""
    marked, other = house.mark("known"), house.mark("other")
    likeness = FakeLikeness({marked.id: "match", other.id: "similar", "0" * 16: "similar"})
    report = house.verify(png(draw("a copy without its mark", 0, 300, 300)), likeness)
    assert report.verdict == "resembles"
    assert report.record is not None
    assert (report.record.id, report.record.found_by) == (marked.id, "fingerprint")
    assert report.signals.c2pa.status == "recovered"
    assert "does not prove" in report.summary
    assert codes(report) == {"found_by_fingerprint", "manifest_recovered"}
    shown = [(row.record_id, row.status) for row in report.signals.fingerprint.lookalikes]
    assert shown == [(marked.id, "match"), (other.id, "similar")]


def test_similar_pictures_are_listed_and_prove_nothing(house: House) -> None:
    marked = house.mark("known")
    report = house.verify(png(draw("unrelated", 0, 300, 300)), FakeLikeness({marked.id: "similar"}))
    assert report.verdict == "nothing_found"
    assert report.record is None
    assert report.signals.fingerprint.status == "similar"
    assert codes(report) == {"looks_similar"}


def test_nothing_like_it_is_said_so(house: House) -> None:
    report = house.verify(png(draw("unrelated", 0, 300, 300)), FakeLikeness())
    assert report.signals.fingerprint.status == "no_match"
    assert report.verdict == "nothing_found"


def test_a_claimed_record_of_another_picture(house: House) -> None:
    marked = house.mark()
    claim = label(marked.id)
    forged = encode_picture(draw("forged", 0, 300, 300), "jpeg", exif=build_exif(claim), xmp=build_xmp(claim))
    report = house.verify(forged, FakeLikeness())
    assert codes(report) == {"record_by_claim_only", "claimed_record_is_another_picture"}
    assert report.verdict == "ai_generated"


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


def test_an_index_that_does_not_answer_is_said_so_and_the_rest_stands(house: House) -> None:
    marked = house.mark()
    report = house.verify(stripped(marked), FakeLikeness(broken=True))
    assert report.verdict == "unconfirmed"
    assert report.signals.fingerprint.status == "not_checked"
    assert codes(report) == {"likeness_unavailable"}
    plain = house.verify(png(draw("plain", 0, 300, 300)), FakeLikeness(broken=True))
    assert codes(plain) == {"likeness_unavailable"}


def test_a_small_crop_that_fingerprints_do_not_recognise_is_no_transplant(house: House) -> None:
    """The mark's own geometry lays it back over the registered thumbnail."""
    marked = house.mark()
    report = house.verify(png(pixels_of(marked.data)[100:330, 200:430]), FakeLikeness())
    assert report.verdict == "ours"
    assert report.signals.fingerprint.status == "match"
    assert codes(report) == {"manifest_recovered"}


@pytest.mark.parametrize("likeness", [None, FakeLikeness()], ids=["no index", "not in the index"])
def test_a_mark_whose_picture_cannot_be_confirmed_recovers_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, likeness: FakeLikeness | None
) -> None:
    """A mark can be copied: its number alone says neither "ours" nor whose credentials to show."""
    marked = house.mark()
    monkeypatch.setattr(Verifier, "thumbnail", lambda self, record_id: None)
    report = house.verify(png(pixels_of(marked.data)[100:330, 200:430]), likeness)
    assert report.verdict == "unconfirmed"
    assert report.signals.fingerprint.status == "not_checked"
    assert report.record is not None
    assert (report.record.id, report.record.confirmed) == (marked.id, False)
    assert report.signals.c2pa.status == "not_present"
    assert report.timeline == []
    assert codes(report) == {"picture_not_confirmed"}
    assert "could not be confirmed" in report.summary
    assert "changed copy" not in report.summary


def test_our_own_manifest_in_the_file_confirms_its_picture(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the mark leads to the record whose stored manifest fits these bytes, no likeness is asked for."""
    marked = house.mark()
    record = house.registry.get(marked.id)
    assert record is not None
    resigned = record.model_copy(update={"sha256": "0" * 64})  # as where the file was signed again
    monkeypatch.setattr(house.registry, "get", lambda record_id: resigned)
    monkeypatch.setattr(house.registry, "by_manifest_id", lambda manifest_id: resigned)
    monkeypatch.setattr(house.registry, "by_sha256", lambda sha256: None)
    report = house.verify(marked.data, FakeLikeness(broken=True))
    assert report.verdict == "ours"
    assert report.record is not None
    assert (report.record.exact_file, report.record.confirmed) == (False, True)


def test_a_transplant_stays_one_where_the_index_does_not_answer(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = house.mark("the registered one")
    forged = watermark.embed(draw("forged", 0, 512, 512), bytes.fromhex(victim.id), key=house.keys.watermark)

    def no_answer(*_: object, **__: object) -> None:
        raise CannotRecord("the index does not answer")

    monkeypatch.setattr(FakeLikeness, "find", no_answer)
    report = house.verify(png(forged), FakeLikeness())
    assert report.verdict == "conflict"
    assert codes(report) == {"transplanted_watermark", "likeness_unavailable"}


def test_a_transplant_is_seen_without_fingerprints_too(house: House) -> None:
    victim = house.mark("the registered one")
    forged = watermark.embed(draw("forged", 0, 512, 512), bytes.fromhex(victim.id), key=house.keys.watermark)
    report = house.verify(png(forged))
    assert report.verdict == "conflict"
    assert codes(report) == {"transplanted_watermark"}


def test_a_part_of_ours_in_another_picture_is_altered_not_transplanted(house: House) -> None:
    marked = house.mark()
    image = pixels_of(marked.data).copy()
    image[180:] = draw("mountains", 3, 512, 512)[180:]
    report = house.verify(png(image), FakeLikeness())
    assert report.verdict == "ours"
    assert {"manifest_recovered", "recovered_picture_altered", "watermark_missing_in_parts"} <= codes(report)

"""The verification protocol on real files: each kind of evidence alone, together, and in contradiction."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

import watermark
from service.generators.builtin import draw
from service.keys import Keys, load_or_create_keys
from service.marking import MarkedPicture, Marker, Origin
from service.settings import Settings
from service.stages import StageTimes
from service.stores import registry_sqlite
from service.verification import Verifier
from service.verification_report import VerificationReport
from watermark.exif import build_exif
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, TrustAnchors
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

    def mark(self, seed: str = "a harbour", format_: str = "png") -> MarkedPicture:
        return self.marker.mark(draw(seed, 0, 512, 512), format_, ORIGIN, StageTimes())

    def verify(self, data: bytes) -> VerificationReport:
        report = self.verifier.verify(data)
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


def test_watermark_gone_credentials_intact(house: House) -> None:
    """Where the watermark cannot be read (here: with another key), the intact manifest leads to the record."""
    marked = house.mark()
    blind = Verifier(
        Keys(bytes(32), house.keys.identity, b"", b"", b"", development_watermark=True),
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
        "mark", "not stated", "1", "default@0", "allow", "req_2", source=first.data, source_mime=first.mime
    )
    second = house.marker.mark(draw("a harbour", 0, 512, 512), "png", origin, StageTimes())
    report = house.verify(second.data)
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

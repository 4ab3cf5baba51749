"""Likeness in the verification protocol: what confirms a mark, what unmasks a copied one, what proves nothing."""

import pytest

import watermark
from service.errors import CannotRecord
from service.generators.builtin import draw
from service.registered_pictures import RegisteredPictures
from tests.unit.service.likeness_fake import FakeLikeness
from tests.unit.service.verification_house import NOW, House, codes, pixels_of, png, stripped
from watermark.exif import build_exif
from watermark.label import AiLabel
from watermark.picture import encode_picture
from watermark.xmp import build_xmp


def label(record_id: str) -> AiLabel:
    return AiLabel(record_id, "Somebody", "some-model", "1", NOW)


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
    monkeypatch.setattr(RegisteredPictures, "thumbnail", lambda self, record_id: None)
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

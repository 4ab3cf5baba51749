"""EXIF, XMP and PNG text: what we write is read back, source types are told apart, nothing personal leaves."""

from dataclasses import replace
from datetime import datetime

import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.watermark.metadata_files import AI, CAPTURE, IMAGE, LABEL, WHEN, jpeg_with, packet, png_with
from watermark.disclosure import read_disclosure
from watermark.errors import MetadataError
from watermark.label import MAX_PROMPT, AiLabel, says_ai, source_term
from watermark.metadata import FIELDS, build_exif, build_text, build_xmp, read_metadata
from watermark.picture import WRITABLE, encode_picture
from watermark.xmp import IDENTIFIER_PREFIX, read_xmp


@pytest.mark.parametrize(
    ("kind", "parts"),
    # GIF has no place for EXIF
    [(k, p) for k in WRITABLE for p in ("exif", "xmp", "both") if (k, p) != ("gif", "exif")],
)
def test_a_label_is_read_back_from_either_carrier(kind, parts):
    data = encode_picture(
        IMAGE,
        kind,
        exif=build_exif(LABEL) if parts != "xmp" else None,
        xmp=build_xmp(LABEL) if parts != "exif" else None,
    )
    report = read_metadata(data, kind)
    assert (report.status, report.ai_generated, report.record_id) == ("detected", True, LABEL.record_id)
    assert report.sources == ("countermark", "iptc")
    assert report.notes == ()
    assert report.fields == {
        "digital_source_type": AI,
        "ai_system": LABEL.system,
        "ai_system_version": "1.0",
        "provider": LABEL.provider,
        "created": "2026-11-22T01:02:03Z",
        "software": "sdxl's turbo 1.0",
    }


def test_a_label_survives_as_png_text_alone():
    report = read_metadata(encode_picture(IMAGE, "png", text=build_text(LABEL)), "png")
    assert (report.status, report.ai_generated, report.record_id) == ("detected", True, LABEL.record_id)


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200),
    kind=st.sampled_from(WRITABLE),
)
def test_any_printable_name_survives(name, kind):
    label = AiLabel("f" * 16, name, name, name, WHEN)
    data = encode_picture(IMAGE, kind, exif=build_exif(label), xmp=build_xmp(label), text=build_text(label))
    fields = read_metadata(data, kind).fields
    assert (fields["provider"], fields["ai_system"], fields["ai_system_version"]) == (name, name, name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"record_id": "0123456789ABCDEF"},
        {"record_id": "123"},
        {"provider": ""},
        {"provider": "a\nb"},
        {"system": "x" * 201},
        {"system_version": "\u202e1.0"},
        {"created_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - the naive time is the point
        {"source_type": "trainedAlgorithmicMedia"},
    ],
)
def test_a_label_that_cannot_be_written_cannot_be_made(wrong):
    good = {"record_id": "0" * 16, "provider": "p", "system": "s", "system_version": "1", "created_at": WHEN}
    AiLabel(**good)
    with pytest.raises(MetadataError):
        AiLabel(**(good | wrong))


def test_two_of_our_ids_in_one_file_name_no_record():
    other = AiLabel("f" * 16, "p", "s", "1", WHEN)
    report = read_metadata(jpeg_with(exif=build_exif(LABEL), xmp=build_xmp(other)), "jpeg")
    assert (report.status, report.record_id) == ("invalid", None)
    assert report.notes


def test_an_unmarked_picture_has_nothing():
    for kind in WRITABLE:
        report = read_metadata(encode_picture(IMAGE, kind), kind)
        assert (report.status, report.ai_generated, report.fields, report.sources) == (
            "not_detected",
            None,
            {},
            (),
        )


@pytest.mark.parametrize(
    ("term", "answer"),
    [
        ("trainedAlgorithmicMedia", True),
        ("compositeWithTrainedAlgorithmicMedia", True),
        ("digitalCapture", False),
        ("humanEdits", False),
        ("algorithmicMedia", None),
        ("composite", None),
    ],
)
def test_source_types_answer_yes_no_or_nothing(term, answer):
    uri = "http://cv.iptc.org/newscodes/digitalsourcetype/" + term
    assert says_ai(uri) is answer
    report = read_metadata(jpeg_with(xmp=packet(("I:DigitalSourceType", uri))), "jpeg")
    assert (report.status, report.ai_generated) == ("detected", answer)


@pytest.mark.parametrize(
    "text", ["trainedAlgorithmicMedia", "http://example.org/trainedAlgorithmicMedia", AI + "/x"]
)
def test_only_the_full_uri_counts(text):
    assert source_term(text) is None
    assert (
        read_metadata(jpeg_with(xmp=packet(("I:DigitalSourceType", text))), "jpeg").status == "not_detected"
    )


@pytest.mark.parametrize(
    "form",
    [
        packet(("I:DigitalSourceType", AI)),
        packet(attributes=f'I:DigitalSourceType="{AI}"'),
        packet().replace(b"</rdf:Desc", f'<I:DigitalSourceType rdf:resource="{AI}"/></rdf:Desc'.encode()),
        packet(("I:DigitalSourceType", f"<rdf:Bag><rdf:li>{AI}</rdf:li></rdf:Bag>")),
        packet(("I:DigitalSourceType", AI)).decode().encode("utf-16"),
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        + packet(("I:DigitalSourceType", AI))
        + b" " * 2000
        + b'<?xpacket end="w"?>\0\0',
    ],
    ids=["element", "attribute", "resource", "bag", "utf-16", "padded"],
)
def test_every_way_to_write_a_property_is_read(form):
    assert read_xmp(form).values["Iptc4xmpExt:DigitalSourceType"] == AI


def test_contradicting_claims_are_no_claim():
    data = jpeg_with(exif=build_exif(LABEL), xmp=packet(("I:DigitalSourceType", CAPTURE)))
    report = read_metadata(data, "jpeg")
    assert report.ai_generated is None
    assert report.labelled_ai, "one contrary field does not unsay a label"


def test_nothing_personal_leaves():
    secret = "Jane Doe"
    gps = {piexif.GPSIFD.GPSLatitude: ((48, 1), (51, 1), (0, 1)), piexif.GPSIFD.GPSLatitudeRef: b"N"}
    exif = piexif.dump(
        {
            "0th": {
                piexif.ImageIFD.Artist: secret.encode(),
                piexif.ImageIFD.Copyright: secret.encode(),
                piexif.ImageIFD.ImageDescription: secret.encode(),
                piexif.ImageIFD.DateTime: b"1999:09:09 09:09:09",
            },
            "Exif": {
                piexif.ExifIFD.BodySerialNumber: b"SN-4711",
                piexif.ExifIFD.CameraOwnerName: secret.encode(),
            },
            "GPS": gps,
        }
    )
    xmp = packet(
        ("I:DigitalSourceType", AI),
        ("photoshop:Credit", secret),
        ("dc:creator", f"<rdf:Seq><rdf:li>{secret}</rdf:li></rdf:Seq>"),
        ("I:AIPromptInformation", f"a portrait of {secret}"),
        ("I:AIPromptWriterName", secret),
        ("xmp:CreateDate", "1999-09-09T09:09:09"),
        ("exif:GPSLatitude", "48,51N"),
    )
    report = read_metadata(jpeg_with(exif=exif, xmp=xmp), "jpeg")
    assert report.status == "detected"
    shown = repr(report)
    for leak in (secret, "1999", "4711", "48"):
        assert leak not in shown
    assert set(report.fields) <= set(FIELDS)


@pytest.mark.parametrize(
    "value",
    [
        "jane@example.org",
        "C:\\Users\\jane.doe\\tool",
        "/home/jane/model",
        "https://example.org/~jane",
        "Canva (Renderer) user=UAB12",
    ],
)
def test_a_value_that_may_name_a_person_is_not_shown_only_where_it_stands(value):
    xmp = packet(("I:DigitalSourceType", AI), ("I:AISystemUsed", value), ("xmp:CreatorTool", value))
    report = read_metadata(jpeg_with(xmp=xmp), "jpeg")
    assert (report.status, report.ai_generated) == ("detected", True)
    assert report.fields == {"digital_source_type": AI}
    assert len(report.notes) == 2
    assert "XMP xmp:CreatorTool is not shown" in report.notes[1]
    assert "jane" not in repr(report)
    assert "UAB12" not in repr(report)


@pytest.mark.parametrize("parts", ["exif", "xmp"])
def test_our_own_label_is_shown_as_it_was_written(parts):
    label = replace(LABEL, system="acme/model", provider="Acme / Sons")
    build = {"exif": build_exif, "xmp": build_xmp}[parts]
    report = read_metadata(encode_picture(IMAGE, "jpeg", **{parts: build(label)}), "jpeg")
    shown = (report.fields["ai_system"], report.fields["provider"], report.fields["software"])
    assert shown == ("acme/model", "Acme / Sons", "acme/model 1.0")
    assert report.notes == ()
    edited = packet(("dc:identifier", IDENTIFIER_PREFIX + "f" * 16), ("xmp:CreatorTool", "/home/jane/tool"))
    assert "jane" not in repr(read_metadata(jpeg_with(xmp=edited), "jpeg"))


def test_a_prompt_in_png_text_does_not_leave():
    report = read_metadata(png_with(parameters="my neighbour Jane\nSteps: 20, Sampler: Euler"), "png")
    assert "Jane" not in repr(report)


def test_values_are_bounded_and_cannot_steer_a_display():
    xmp = packet(("I:DigitalSourceType", AI), ("I:AISystemUsed", "a\u202eb\u200bc\n\td" + "x" * 5000))
    value = read_metadata(jpeg_with(xmp=xmp), "jpeg").fields["ai_system"]
    assert value.startswith("a b c dxx")
    assert len(value) == 200


def test_a_prompt_is_written_only_where_asked_for_and_never_shown():
    label = replace(LABEL, prompt="my neighbour <Jane>\n& \ud800dog\0 " + "x" * 5000)
    packet_ = build_xmp(label).decode()
    assert "<Iptc4xmpExt:AIPromptInformation>my neighbour &lt;Jane&gt; &amp; dog x" in packet_
    assert len(label.prompt_text) <= MAX_PROMPT
    assert "AIPromptInformation" not in build_xmp(LABEL).decode()
    for kind in WRITABLE:
        data = encode_picture(
            IMAGE, kind, exif=build_exif(label), xmp=build_xmp(label), text=build_text(label)
        )
        assert "Jane" not in repr(read_metadata(data, kind))


def test_disclosure_names_places_and_no_values():
    data = jpeg_with(xmp=packet(("photoshop:Credit", "Jane Doe"), ("I:AISystemUsed", "sdxl")))
    found = read_disclosure(data, "jpeg")
    assert found.stated["provider"] == ("XMP photoshop:Credit",)
    assert found.stated["system"] == ("XMP Iptc4xmpExt:AISystemUsed",)
    assert found.stated["version"] == found.stated["time"] == found.stated["identifier"] == ()
    assert "Jane" not in repr(found)
    assert found.says_ai == ()

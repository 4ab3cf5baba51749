"""EXIF, XMP and PNG text: what we write is read back, what strangers write is recognised, nothing personal leaves."""

import io
import json
import struct
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import piexif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from watermark.containers import find_blocks
from watermark.disclosure import read_disclosure
from watermark.errors import MetadataError
from watermark.exif import read_exif
from watermark.label import MAX_PROMPT, AiLabel, says_ai, source_term
from watermark.labels.tc260 import make_aigc
from watermark.metadata import FIELDS, build_exif, build_text, build_xmp, read_metadata
from watermark.picture import WRITABLE, encode_picture
from watermark.xmp import read_xmp

WHEN = datetime(2026, 11, 22, 1, 2, 3, 999, tzinfo=UTC)
LABEL = AiLabel("0123456789abcdef", 'Müller & "Söhne" <KG>', "sdxl's turbo", "1.0", WHEN)
IMAGE = np.full((40, 40, 3), 90, np.uint8)
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"


def png_with(**text):
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    out = io.BytesIO()
    Image.fromarray(IMAGE).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def jpeg_with(exif=None, xmp=None):
    return encode_picture(IMAGE, "jpeg", exif=exif, xmp=xmp)


def packet(*properties, attributes=""):
    body = "".join(f"<{name}>{value}</{name}>" for name, value in properties)
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
      <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
      xmlns:I="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
      xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
      xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:T="http://www.tc260.org.cn/ns/AIGC/1.0/" {attributes}>
      {body}</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def exif_with(comment=b"", **zeroth):
    tags = {getattr(piexif.ImageIFD, key): value for key, value in zeroth.items()}
    return piexif.dump({"0th": tags, "Exif": {piexif.ExifIFD.UserComment: comment} if comment else {}})


# ---- our own label


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


# ---- source types


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
    assert any("both" in note for note in report.notes)


# ---- other writers

AIGC = json.dumps({"Label": "1", "ContentProducer": "producer-1", "ProduceID": "id-1", "PropagateID": "x"})
UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize(
    ("data", "kind", "writer"),
    [
        (jpeg_with(xmp=packet(("photoshop:Credit", "Made with Google AI"))), "jpeg", "google"),
        (png_with(Description=f"a cat --v 6 Job ID: {UUID}", Author="someone"), "png", "midjourney"),
        (
            jpeg_with(exif=exif_with(ImageDescription=b"Signature: c2ln", Artist=UUID.encode())),
            "jpeg",
            "xai",
        ),
        (png_with(parameters="a cat\nSteps: 20, Sampler: Euler a, Seed: 1"), "png", "a1111"),
        (
            jpeg_with(exif=exif_with(b"UNICODE\0" + "cat\nSteps: 20, Sampler: Euler".encode("utf-16-be"))),
            "jpeg",
            "a1111",
        ),
        (
            jpeg_with(exif=exif_with(b"UNICODE\0" + "cat\nSteps: 20, Sampler: Euler".encode("utf-16-le"))),
            "jpeg",
            "a1111",
        ),
        (png_with(prompt='{"3": {"class_type": "KSampler"}}'), "png", "comfyui"),
        (png_with(workflow='{"nodes": []}'), "png", "comfyui"),
        (png_with(invokeai_metadata="{}"), "png", "invokeai"),
        (png_with(Software="NovelAI"), "png", "novelai"),
        (jpeg_with(exif=exif_with(Make=b"Ideogram AI")), "jpeg", "ideogram"),
        (jpeg_with() + b'PhotoEditor_Re_Edit_Data{"genAIType": 1}', "jpeg", "samsung"),
        (png_with(**{"hf-job-id": "1"}), "png", "huggingface"),
        (png_with(AIGC='{"AIGC":' + AIGC + "}"), "png", "tc260"),
        (jpeg_with(xmp=packet(("T:AIGC", AIGC))), "jpeg", "tc260"),
        (jpeg_with(exif=exif_with(b"ASCII\0\0\0" + b'{"AIGC":' + AIGC.encode() + b"}")), "jpeg", "tc260"),
    ],
)
def test_writers_are_recognised(data, kind, writer):
    report = read_metadata(data, kind)
    assert writer in report.sources
    assert (report.status, report.ai_generated) == ("detected", True)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (jpeg_with(exif=exif_with(Software=b"Adobe Photoshop 25.0", Artist=b"Jane Doe")), "jpeg"),
        (png_with(Description="Steps: follow the Sampler", prompt="to whom it may concern"), "png"),
        (jpeg_with(xmp=packet(("photoshop:Credit", "Jane Doe, not made by Google"))), "jpeg"),
        (jpeg_with(exif=exif_with(ImageDescription=b"Signature: mine", Artist=b"Jane")), "jpeg"),
        (jpeg_with() + b'PhotoEditor_Re_Edit_Data{"genAIType": 0}', "jpeg"),
        (png_with(AIGC="[" * 5000), "png"),
        (png_with(AIGC='{"AIGC": 3, "Label": []}'), "png"),
    ],
)
def test_near_misses_are_not(data, kind):
    assert read_metadata(data, kind).status == "not_detected"


def test_a_suspected_label_is_a_label_but_no_claim():
    report = read_metadata(png_with(AIGC=AIGC.replace('"1"', '"3"', 1)), "png")
    assert (report.status, report.ai_generated, report.fields["aigc_label"]) == ("detected", None, "3")


# ---- what may be shown


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


def test_a_prompt_in_png_text_does_not_leave():
    report = read_metadata(png_with(parameters="my neighbour Jane\nSteps: 20, Sampler: Euler"), "png")
    assert "Jane" not in repr(report)


def test_values_are_bounded_and_cannot_steer_a_display():
    xmp = packet(("I:DigitalSourceType", AI), ("I:AISystemUsed", "a\u202eb\u200bc\n\td" + "x" * 5000))
    value = read_metadata(jpeg_with(xmp=xmp), "jpeg").fields["ai_system"]
    assert value.startswith("a b c dxx")
    assert len(value) == 200


# ---- hostile containers


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


# ---- claims and conventions


@pytest.mark.parametrize(
    "form",
    [
        packet(("T:AIGC", AIGC)),
        packet(attributes="T:AIGC='" + AIGC + "'"),
        packet(("T:AIGC", '{"AIGC":' + AIGC + "}")),
        packet(
            (
                "T:AIGC",
                "<rdf:Description><T:Label>1</T:Label><T:ProduceID>id-1</T:ProduceID></rdf:Description>",
            )
        ),
        packet().replace(b"</rdf:Desc", b'<T:AIGC T:Label="1" T:ProduceID="id-1"/></rdf:Desc'),
    ],
    ids=["element", "attribute", "wrapped", "structure", "structure of attributes"],
)
def test_every_form_of_the_aigc_property_is_read(form):
    report = read_metadata(jpeg_with(xmp=form), "jpeg")
    assert (report.ai_generated, report.fields["aigc_produce_id"]) == (True, "id-1")


def test_each_claim_names_its_convention():
    label = replace(LABEL, aigc=make_aigc("producer", LABEL.record_id, bytes(32)))
    data = encode_picture(IMAGE, "png", exif=build_exif(label), xmp=build_xmp(label), text=build_text(label))
    claims = read_metadata(data, "png").claims
    assert [(claim.writer, claim.convention, claim.says_ai) for claim in claims] == [
        ("countermark", "Countermark record id", None),
        ("iptc", "IPTC digital source type trainedAlgorithmicMedia", True),
        ("tc260", "AIGC label of GB 45438-2025 in XMP TC260:AIGC", True),
        ("tc260", "AIGC label of GB 45438-2025 in PNG text AIGC", True),
        ("tc260", "AIGC label of GB 45438-2025 in EXIF UserComment", True),
    ]


def test_meta_is_recognised_by_its_statement_beside_the_mark_of_facebook():
    stated = jpeg_with(xmp=packet(("I:DigitalSourceType", AI)))
    iim = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x0b" + b"\x1c\x02\x28\0\x06FBMD01"
    block = b"\xff\xed" + struct.pack(">H", 2 + len(iim)) + iim
    assert "meta" in read_metadata(stated[:2] + block + stated[2:], "jpeg").sources
    assert "meta" not in read_metadata(stated, "jpeg").sources
    plain = jpeg_with()
    assert read_metadata(plain[:2] + block + plain[2:], "jpeg").status == "not_detected"


def test_comfyui_is_recognised_in_webp():
    exif = exif_with(Model=b'Prompt:{"3": {"class_type": "KSampler"}}')
    assert "comfyui" in read_metadata(encode_picture(IMAGE, "webp", exif=exif), "webp").sources


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


def test_disclosure_names_places_and_no_values():
    data = jpeg_with(xmp=packet(("photoshop:Credit", "Jane Doe"), ("I:AISystemUsed", "sdxl")))
    found = read_disclosure(data, "jpeg")
    assert found.stated["provider"] == ("XMP photoshop:Credit",)
    assert found.stated["system"] == ("XMP Iptc4xmpExt:AISystemUsed",)
    assert found.stated["version"] == found.stated["time"] == found.stated["identifier"] == ()
    assert "Jane" not in repr(found)
    assert found.says_ai == ()


def test_china_s_label_in_exif_alone_still_names_the_record():
    label = replace(LABEL, aigc=make_aigc("producer", LABEL.record_id, bytes(32)))
    assert read_metadata(jpeg_with(exif=build_exif(label)), "jpeg").record_id == LABEL.record_id
    foreign = replace(label, aigc=type(label.aigc)({**label.aigc.values, "ReservedCode1": "x"}))
    report = read_metadata(jpeg_with(exif=build_exif(foreign)), "jpeg")
    assert (report.record_id, report.sources) == (None, ("tc260",)), "another provider's number is not ours"

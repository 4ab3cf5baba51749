"""What strangers write into metadata is recognised, with its convention, and near misses are not."""

import json
import struct
from dataclasses import replace

import pytest

from tests.unit.watermark.metadata_files import AI, IMAGE, LABEL, exif_with, jpeg_with, packet, png_with
from watermark.labels.tc260 import make_aigc
from watermark.metadata import build_exif, build_text, build_xmp, read_metadata
from watermark.picture import encode_picture

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


def test_china_s_label_in_exif_alone_still_names_the_record():
    label = replace(LABEL, aigc=make_aigc("producer", LABEL.record_id, bytes(32)))
    assert read_metadata(jpeg_with(exif=build_exif(label)), "jpeg").record_id == LABEL.record_id
    foreign = replace(label, aigc=type(label.aigc)({**label.aigc.values, "ReservedCode1": "x"}))
    report = read_metadata(jpeg_with(exif=build_exif(foreign)), "jpeg")
    assert (report.record_id, report.sources) == (None, ("tc260",)), "another provider's number is not ours"

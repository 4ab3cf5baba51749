"""The C2PA project's own test files: the broken ones are broken for the right reason, the others are what they are.

The files are CC BY-SA 4.0 (c2pa-org/public-testfiles) and not part of this project. Their names say what was done: C
created, A and I without and with ingredients, E-sig a broken signature, E-dat a broken data hash, E-uri an assertion
that does not fit its hash, E-clm a missing claim, X a change after signing.
"""

from pathlib import Path

import pytest

from watermark.manifest import TrustAnchors, read_manifest
from watermark.manifest_timeline import read_timeline

CORPUS = Path(__file__).parents[4] / "shared" / "corpora" / "c2pa-public-testfiles"
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS.is_dir(), reason="the C2PA public test files are not here"),
]
ADOBE = "image_jpeg_adobe-20220124-"
BROKEN = {
    "E-sig-CA.jpg": "claimSignature.mismatch",
    "E-dat-CA.jpg": "assertion.dataHash.mismatch",
    "E-uri-CA.jpg": "assertion.hashedURI.mismatch",
    "E-uri-CIE-sig-CA.jpg": "assertion.hashedURI.mismatch",
    "E-clm-CAICAI.jpg": "ingredient.manifest.missing",
    "XCA.jpg": "assertion.dataHash.mismatch",
    "XCI.jpg": "assertion.dataHash.mismatch",
}
INTACT = (
    *("C", "CA", "CACA", "CACAICAICICA", "CAI", "CAIAIIICAICIICAIICICA", "CAICA", "CAICAI", "CI", "CICA"),
    *("CICACACA", "CIE-sig-CA", "CII"),
)
TRUEPIC = ("camera", "landscape", "library")


def report_on(name):
    data = (CORPUS / name).read_bytes()
    return read_manifest(data, "image/jpeg", trust=TrustAnchors())


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_broken_for_the_right_reason(name):
    report = report_on(ADOBE + name)
    assert (report.status, report.integrity) == ("invalid", "failed")
    assert BROKEN[name] in report.failures
    assert report.signature_valid == (name != "E-sig-CA.jpg")
    assert report.changed == (name not in {"E-sig-CA.jpg", "E-uri-CIE-sig-CA.jpg"})
    assert report.pixels_match == (BROKEN[name] != "assertion.dataHash.mismatch")


@pytest.mark.parametrize("name", INTACT)
def test_what_is_intact_is_intact_and_untrusted(name):
    report = report_on(f"{ADOBE}{name}.jpg")
    assert (report.status, report.integrity, report.signature_valid) == ("valid", "ok", True)
    assert (report.trusted, report.expired, report.pixels_match) == (False, False, True)
    assert report.failures == ("signingCredential.untrusted",)
    broken = any("broken already" in note for note in report.notes)
    assert broken == (name == "CIE-sig-CA"), "its ingredient was broken when it was taken in"
    assert report.signed_at is None, "nobody here trusts its timestamp authority"


@pytest.mark.parametrize("name", ["A", "I"])
def test_what_was_never_signed_has_nothing(name):
    assert report_on(f"{ADOBE}{name}.jpg").status == "not_present"


def test_an_expired_certificate_is_expired_not_tampered_with():
    report = report_on("image_jpeg_nikon-20221019-building.jpeg")
    assert (report.status, report.integrity, report.pixels_match) == ("invalid", "ok", True)
    assert (report.signature_valid, report.trusted, report.expired) == (True, False, True)


@pytest.mark.parametrize("name", TRUEPIC)
def test_the_truepic_files_do_not_fit_their_hash(name):
    report = report_on(f"image_jpeg_truepic-20230212-{name}.jpg")
    assert (report.status, report.integrity, report.pixels_match) == ("invalid", "failed", False)
    assert report.signature_valid is True


def test_every_file_is_named_here():
    named = {ADOBE + name for name in BROKEN} | {f"{ADOBE}{name}.jpg" for name in (*INTACT, "A", "I")}
    named |= {f"image_jpeg_truepic-20230212-{name}.jpg" for name in TRUEPIC}
    assert {path.name for path in CORPUS.iterdir()} == named | {"image_jpeg_nikon-20221019-building.jpeg"}


def test_signers_are_named_only_where_nothing_is_wrong():
    for name in (*BROKEN, *(f"{intact}.jpg" for intact in INTACT)):
        for credential in read_timeline(
            (CORPUS / (ADOBE + name)).read_bytes(), "image/jpeg", trust=TrustAnchors()
        ):
            assert (credential.signer is not None) == credential.sound

"""Signed receipts: they verify offline, and nothing that was changed or made by others does."""

import base64
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey

from service.errors import BadRequest, StartupError
from service.receipt import TYPE, ReceiptIssuer, read_receipt
from service.receipt_keys import ReceiptKeys
from service.receipt_pdf import report_to_pdf
from service.verification import judge
from service.verification_report import VerificationReport
from tests.golden.verification.cases import case, cases

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ADDRESS = "https://verify.example"


@pytest.fixture
def issuer(tmp_path: Path) -> ReceiptIssuer:
    return ReceiptIssuer(ReceiptKeys(tmp_path / "receipts"), ADDRESS, lambda: NOW)


def report(name: str = "ours-recovered") -> VerificationReport:
    return judge(cases()[name])


def test_a_receipt_says_who_when_what_and_the_whole_report(issuer: ReceiptIssuer) -> None:
    receipt = read_receipt(issuer.issue(report()), issuer.keys.published())
    assert receipt.valid
    assert (receipt.address, receipt.time) == (ADDRESS, NOW)
    assert receipt.report == report()
    assert receipt.sha256 == report().checked.sha256
    assert receipt.key_id == issuer.keys.published()["keys"][0]["kid"]


def test_it_is_about_one_file(issuer: ReceiptIssuer) -> None:
    import hashlib

    subject = case().subject.model_copy(update={"sha256": hashlib.sha256(b"this file").hexdigest()})
    signed, keys = issuer.issue(judge(case(subject=subject))), issuer.keys.published()
    assert read_receipt(signed, keys, b"this file").valid
    other = read_receipt(signed, keys, b"another file")
    assert not other.valid
    assert "another file" in other.reason
    assert other.report is not None


def test_any_changed_character_is_noticed(issuer: ReceiptIssuer) -> None:
    signed, keys = issuer.issue(report("nothing-found")), issuer.keys.published()
    ends = {index for dot in range(3) for index in (0, 1)}  # around the edges too
    for at in [*range(0, len(signed) - 2, 97), *ends]:
        changed = signed[:at] + ("A" if signed[at] != "A" else "B") + signed[at + 1 :]
        assert not read_receipt(changed, keys).valid, at


def test_only_this_services_keys_and_algorithm_count(issuer: ReceiptIssuer) -> None:
    issuer.issue(report())
    keys = issuer.keys.published()
    kid = keys["keys"][0]["kid"]
    content = json.dumps({"iss": ADDRESS, "sub": "sha256:x", "iat": 1, "report": {}})
    stranger = ECKey.generate_key("P-256", private=True)
    header = {"alg": "ES256", "kid": kid, "typ": TYPE}
    assert not read_receipt(
        jws.serialize_compact(header, content, stranger, algorithms=["ES256"]), keys
    ).valid
    secret = OctKey.import_key(json.dumps(keys["keys"][0]).encode())  # the public key as an HMAC secret
    confused = jws.serialize_compact(header | {"alg": "HS256"}, content, secret, algorithms=["HS256"])
    assert not read_receipt(confused, keys).valid
    parts = (json.dumps(header | {"alg": "none"}), content)
    unsigned = ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts) + "."
    assert not read_receipt(unsigned, keys).valid


@pytest.mark.parametrize(
    ("header", "claims", "words"),
    [
        ({"typ": "JWT"}, {}, "no verification receipt"),
        ({}, {}, "content is not"),
        ({}, {"report": None, "sub": 1, "iss": 2, "iat": 10**30}, "content is not"),
        ({}, [], "content is not"),
    ],
)
def test_what_our_key_signed_that_is_no_receipt(
    issuer: ReceiptIssuer, header: dict, claims: object, words: str
) -> None:
    key = issuer.keys.signing_key(NOW)
    head = {"alg": "ES256", "kid": key.kid, "typ": TYPE} | header
    signed = jws.serialize_compact(head, json.dumps(claims), key, algorithms=["ES256"])
    read = read_receipt(signed, issuer.keys.published())
    assert not read.valid
    assert words in read.reason


def test_a_receipt_that_names_one_file_and_reports_on_another(issuer: ReceiptIssuer) -> None:
    key = issuer.keys.signing_key(NOW)
    claims = {
        "iss": ADDRESS,
        "iat": 1,
        "sub": "sha256:" + "0" * 64,
        "report": report().model_dump(mode="json"),
    }
    head = {"alg": "ES256", "kid": key.kid, "typ": TYPE}
    signed = jws.serialize_compact(head, json.dumps(claims), key, algorithms=["ES256"])
    assert "reports on another" in read_receipt(signed, issuer.keys.published()).reason


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "é.é.é", "." * 9, "eyJhbGciOiJFUzI1NiJ9.e30.AA", "a" * (1 << 20)]
)
def test_junk_is_not_valid(issuer: ReceiptIssuer, text: str) -> None:
    issuer.issue(report())
    assert not read_receipt(text, issuer.keys.published()).valid


@pytest.mark.parametrize(
    "keys", [{}, {"keys": []}, {"keys": 7}, {"keys": [{"kty": "EC", "crv": "P-256", "x": "a", "y": "b"}]}]
)
def test_without_usable_keys_nothing_is_judged(issuer: ReceiptIssuer, keys: dict) -> None:
    with pytest.raises(BadRequest, match="key set"):
        read_receipt(issuer.issue(report()), keys)


def test_rotation_signs_with_the_new_key_and_keeps_the_old_receipts(issuer: ReceiptIssuer) -> None:
    before = issuer.issue(report())
    added = issuer.keys.add(NOW + timedelta(days=1))
    after = issuer.issue(report())
    published = issuer.keys.published()
    assert published["keys"][0]["kid"] == added.kid
    assert all("d" not in key for key in published["keys"]), "private halves must not be published"
    first, second = read_receipt(before, published), read_receipt(after, published)
    assert first.valid
    assert second.valid
    assert first.key_id != second.key_id == added.kid


def test_a_withdrawn_key_verifies_no_more(issuer: ReceiptIssuer, tmp_path: Path) -> None:
    before = issuer.issue(report())
    issuer.keys.add(NOW + timedelta(days=1))
    min((tmp_path / "receipts").iterdir()).unlink()
    assert not read_receipt(before, issuer.keys.published()).valid


def test_keys_are_private_files_and_a_broken_one_is_named(issuer: ReceiptIssuer, tmp_path: Path) -> None:
    issuer.issue(report())
    (path,) = (tmp_path / "receipts").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("no key")
    with pytest.raises(StartupError, match=path.name):
        issuer.issue(report())


@pytest.mark.parametrize("name", ["ours-recovered", "conflict", "trusted-elsewhere", "hostile-text"])
def test_every_kind_of_report_becomes_a_pdf(issuer: ReceiptIssuer, name: str) -> None:
    folder = Path(__file__).parents[2] / "golden" / "verification"
    shown = VerificationReport.model_validate_json((folder / f"{name}.json").read_text("utf-8"))
    pdf = report_to_pdf(shown, address=ADDRESS, time=NOW, receipt=issuer.issue(shown))
    assert pdf.startswith(b"%PDF-")
    assert b"evil.example" not in pdf  # nothing is linked; page texts are compressed

"""Single checks on what other people's files bring: credentials without metadata, broken ones, tiny pictures."""

from dataclasses import replace
from typing import Any

import pytest

from service.compliance_checks import CHECKS, Answer, Facts
from service.verification import judge
from service.verification_report import VerificationReport
from service.visible_labels import VisibleLabel
from tests.golden.verification.cases import OTHER_ID, OURS, cases
from watermark.disclosure import Disclosure
from watermark.labels.profile import Clause
from watermark.manifest import SOFT_BINDING_ALG

NOTHING = Disclosure(dict.fromkeys(("provider", "system", "version", "time", "identifier"), ()), (), {})
CLAUSE = Clause("x", "x", "x.", "x", "must", "x.")


def facts(report: VerificationReport, labels: tuple[VisibleLabel, ...] | None = (), **signal: Any) -> Facts:
    signals = report.signals
    for name, changes in signal.items():
        signals = signals.model_copy(update={name: getattr(signals, name).model_copy(update=changes)})
    seen = report.model_copy(update={"signals": signals, "record": None})
    return Facts("png", seen, NOTHING, labels, (bytes(32),))


@pytest.fixture(scope="module")
def trusted() -> VerificationReport:
    return judge(cases()["trusted-elsewhere"])


@pytest.mark.parametrize(
    ("check", "c2pa", "status"),
    [
        ("signed_ai_statement", {"status": "valid", "ai_generated": True}, "satisfied"),
        ("signed_ai_statement", {"status": "valid", "ai_generated": None}, "missing"),
        ("signed_ai_statement", {"status": "invalid", "ai_generated": True}, "missing"),
        ("signed_ai_statement", {"status": "recovered", "ai_generated": True}, "missing"),
        ("signed_ai_statement", {"status": "not_present"}, "missing"),
        ("signed_timestamp", {"status": "valid", "signed_at": "2026-11-01T00:00:00Z"}, "satisfied"),
        ("signed_timestamp", {"status": "valid", "signed_at": None}, "missing"),
        ("signed_timestamp", {"status": "invalid", "signed_at": "2026-11-01T00:00:00Z"}, "missing"),
        (
            "signed_timestamp",
            {"status": "valid", "codes": ["timeStamp.validated"], "signed_at": None},
            "missing",
        ),
        ("provider_named", {"status": "valid", "signer": "Somebody"}, "cannot_be_judged"),
        ("provider_named", {"status": "invalid", "signer": "Somebody"}, "missing"),
        ("system_named", {"status": "valid", "generator": "model 1"}, "cannot_be_judged"),
        ("system_named", {"status": "not_present", "generator": None}, "missing"),
        ("time_stated", {"status": "valid", "signed_at": "2026-11-01T00:00:00Z"}, "satisfied"),
        ("time_stated", {"status": "valid", "signed_at": None}, "missing"),
        ("unique_id_stated", {"status": "valid", "manifest_id": "urn:c2pa:1"}, "satisfied"),
        ("unique_id_stated", {"status": "invalid", "manifest_id": "urn:c2pa:1"}, "missing"),
        ("standard_form", {"status": "valid", "ai_generated": True}, "satisfied"),
        ("standard_form", {"status": "invalid", "ai_generated": True}, "missing"),
        ("machine_readable_ai", {"status": "valid", "ai_generated": True}, "satisfied"),
        ("machine_readable_ai", {"status": "invalid", "ai_generated": True}, "missing"),
    ],
)
def test_only_credentials_that_hold_count(
    trusted: VerificationReport, check: str, c2pa: dict[str, Any], status: str
) -> None:
    assert CHECKS[check](facts(trusted, c2pa=c2pa), CLAUSE).status == status


@pytest.mark.parametrize(
    ("mark", "status"),
    [
        ({"status": "detected", "payload": "0" * 16}, "satisfied"),
        ({"status": "possible"}, "cannot_be_judged"),
        ({"status": "not_detected"}, "cannot_be_judged"),
        ({"status": "not_checked"}, "cannot_be_judged"),
    ],
)
def test_a_stranger_s_watermark_is_never_called_missing(
    trusted: VerificationReport, mark: dict[str, Any], status: str
) -> None:
    found = facts(trusted, watermark=mark, metadata={"record_id": None})
    assert CHECKS["invisible_watermark"](found, CLAUSE).status == status


def test_our_own_record_without_its_watermark_is_missing_it(trusted: VerificationReport) -> None:
    found = facts(trusted, watermark={"status": "not_detected"}, metadata={"record_id": "0" * 16})
    assert CHECKS["invisible_watermark"](found, CLAUSE).status == "missing"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ours-intact", "satisfied"),
        ("ours-recovered", "satisfied"),
        ("unconfirmed", "missing"),
        ("transplanted", "missing"),
        ("conflict", "missing"),
        ("resembles", "missing"),
        ("labels-only", "missing"),
    ],
)
def test_only_a_confirmed_picture_counts_as_registered(name: str, status: str) -> None:
    found = Facts("png", judge(cases()[name]), NOTHING, (), (bytes(32),))
    assert CHECKS["registered"](found, CLAUSE).status == status


def test_a_copied_watermark_is_not_this_picture_s() -> None:
    found = Facts("png", judge(cases()["transplanted"]), NOTHING, (), (bytes(32),))
    assert CHECKS["invisible_watermark"](found, CLAUSE).status == "missing"


def test_a_contrary_field_does_not_unsay_a_label() -> None:
    found = Facts("png", judge(cases()["labels-contradict"]), NOTHING, (), (bytes(32),))
    assert CHECKS["detected_here"](found, CLAUSE).status == "satisfied"
    found = Facts("png", judge(cases()["camera-label"]), NOTHING, (), (bytes(32),))
    assert CHECKS["detected_here"](found, CLAUSE).status == "missing"


def test_one_id_in_all_layers_reads_what_the_manifest_binds_itself_to() -> None:
    """Marked again, a file has another manifest than its record; the manifest names the id all the same."""
    one = cases()["ours-intact"]
    check = CHECKS["one_id_in_all_layers"]

    def answer(**changes: Any) -> Answer:
        one.credentials = replace(OURS, **changes)
        return check(Facts("png", judge(one), NOTHING, (), (bytes(32),)), CLAUSE)

    assert answer(manifest_id="urn:c2pa:marked-again").status == "satisfied"
    assert "disagree" in answer(soft_bindings=((SOFT_BINDING_ALG, OTHER_ID),)).evidence
    assert "Only these layers name an id: watermark, metadata" in answer(soft_bindings=()).evidence
    assert answer(status="invalid", integrity="failed").status == "missing"


def test_a_label_has_to_fit_words_and_size(trusted: VerificationReport) -> None:
    asked = Clause("x", "x", "x.", "x", "must", "x.", words="生成", height_share=0.05)
    small, other = VisibleLabel("AI生成", 0.04, exact=False), VisibleLabel("AI-generated", 0.2, exact=False)
    nearly, exactly = VisibleLabel("AI生成", 0.048, exact=False), VisibleLabel("AI生成", 0.048, exact=True)
    check = CHECKS["visible_label"]
    assert check(facts(trusted, (small, other)), asked).status == "missing"
    assert check(facts(trusted, (nearly,)), asked).status == "satisfied", "measured to a pixel or two"
    assert check(facts(trusted, (exactly,)), asked).status == "missing"
    assert check(facts(trusted, None), asked).status == "cannot_be_judged"
    assert "AI-generated" in check(facts(trusted, (other,)), asked).evidence


def test_formats_without_a_known_place_cannot_be_judged(trusted: VerificationReport) -> None:
    found = Facts("bmp", trusted, NOTHING, (), ())
    assert CHECKS["aigc_places"](found, CLAUSE).status == "cannot_be_judged"

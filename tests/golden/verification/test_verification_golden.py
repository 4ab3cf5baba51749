"""Reports do not change by accident: programs of others read them, and the page is tested with them."""

import pytest

from service.verification_report import VerificationReport, report_schema
from tests.golden.verification.make import FOLDER, files

MADE = files()


def test_no_report_is_left_over() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == set(MADE)


@pytest.mark.parametrize("name", sorted(MADE))
def test_what_is_written_today_is_what_was_written(name: str) -> None:
    assert MADE[name] == (FOLDER / name).read_text("utf-8"), "see tests/golden/verification/make.py"


@pytest.mark.parametrize("name", sorted(MADE))
def test_reports_fit_the_schema_that_is_served(name: str) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    import json

    jsonschema.Draft202012Validator(report_schema()).validate(json.loads(MADE[name]))


@pytest.mark.parametrize("name", sorted(MADE))
def test_no_report_calls_a_picture_authentic_or_human_made(name: str) -> None:
    report = VerificationReport.model_validate_json(MADE[name])
    for text in (report.summary, *(finding.text for finding in report.findings)):
        said = text.lower().replace("does not mean human-made", "")
        assert not any(word in said for word in ("authentic", "human-made", "genuine", "real photo")), text


@pytest.mark.parametrize("name", sorted(set(MADE) - {"hostile-text.json"}))
def test_every_answer_says_what_it_proves_and_what_not(name: str) -> None:
    report = VerificationReport.model_validate_json(MADE[name])
    rows = report.signals
    for part in (rows.c2pa, rows.watermark, rows.metadata, rows.fingerprint, *report.findings):
        assert len(part.proves) > 5
        assert len(part.does_not_prove) > 5

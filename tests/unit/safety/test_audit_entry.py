"""What an entry keeps of a decision, and that its bytes do not change when the schema gains members."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from classifiers import CATEGORIES
from safety.audit_entry import AuditEntry, Judgement
from safety.decision import Decision, Reason

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _decision(unsafe: float = 0.2, reasons: tuple[Reason, ...] = (), **scores: float) -> Decision:
    categories = dict.fromkeys(CATEGORIES, 0.0) | scores
    return Decision("review", "input", unsafe, 0.1, categories, (), reasons, "p@1", ("m@1",))


def test_an_entry_without_later_members_has_the_bytes_it_always_had() -> None:
    entry = AuditEntry(time=NOW, request_id="r", kind="mark", outcome="allowed")
    text = entry.canonical().decode()
    for name in ("judgements", "subject", "verdict", "reviewer"):
        assert name not in text
    assert AuditEntry.from_canonical(entry.canonical()) == entry


def test_judgements_and_verdicts_are_read_back_as_they_were_written() -> None:
    judged = Judgement.of(_decision(violence=0.5))
    entry = AuditEntry(
        time=NOW, request_id="r", kind="mark", outcome="allowed", judgements=(judged, judged), subject=0
    )
    assert AuditEntry.from_canonical(entry.canonical()) == entry
    assert b'"subject":0' in entry.canonical()
    verdict = AuditEntry(
        time=NOW,
        request_id="",
        kind="verdict",
        outcome="reviewed",
        subject=7,
        verdict="harmful",
        reviewer="R",
    )
    assert AuditEntry.from_canonical(verdict.canonical()) == verdict


@pytest.mark.parametrize("wrong", [{"subject": -1}, {"verdict": "maybe"}])
def test_impossible_verdicts_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AuditEntry(time=NOW, request_id="", kind="verdict", outcome="reviewed", **wrong)


def test_a_judgement_keeps_every_score_above_zero_and_what_no_score_explains() -> None:
    reasons = tuple(
        Reason(code, code, 1.0, 1.0, "block", "secret words")
        for code in ("blocklist", "category", "blocklist")
    )
    judged = Judgement.of(_decision(reasons=reasons, violence=0.51239, hate=0.00001))
    assert judged.scores == {"violence": 0.5123}
    assert (judged.unsafe, judged.unread, judged.stage, judged.action) == (0.2, 0.1, "input", "review")
    assert judged.marks == ("blocklist",)
    assert "secret" not in judged.model_dump_json()


@given(st.floats(0, 1), st.integers(1, 10_000))
def test_a_recorded_score_is_on_the_same_side_of_every_threshold_of_four_digits(
    score: float, ten_thousandths: int
) -> None:
    threshold = ten_thousandths / 10_000
    kept = Judgement.of(_decision(unsafe=score)).unsafe
    assert 0 <= kept <= score
    assert (kept >= threshold) == (score >= threshold)

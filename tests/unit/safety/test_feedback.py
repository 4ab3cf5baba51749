"""Verdicts of people: from the log, from a CSV, and joined with what was measured."""

from datetime import UTC, datetime
from typing import Any

import pytest

from safety.audit_entry import AuditEntry, Judgement
from safety.errors import FeedbackInvalid
from safety.feedback import IndexOf, Review, join, read_reviews, read_texts, reviews_in

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _verdict(subject: int, verdict: Any, *categories: str) -> AuditEntry:
    return AuditEntry(
        time=NOW,
        request_id="",
        kind="verdict",
        outcome="reviewed",
        subject=subject,
        verdict=verdict,
        categories=categories,
    )


def _decision(*models: str, action: Any = "review") -> AuditEntry:
    judged = Judgement(stage="input", action=action, unsafe=0.4, models=models)
    return AuditEntry(
        time=NOW, request_id="", kind="moderation", outcome="allowed", action=action, judgements=(judged,)
    )


def _read(text: str, size: int = 10, records: dict[str, int] | None = None) -> list[Review]:
    return read_reviews(text.splitlines(keepends=True), "v.csv", IndexOf(size, records or {}))


def test_the_last_verdict_on_an_entry_counts() -> None:
    entries = [_decision(), _verdict(0, "harmless"), _verdict(0, "harmful", "hate"), _verdict(4, "harmless")]
    assert reviews_in(enumerate(entries)) == {0: Review(0, True, "hate"), 4: Review(4, False)}


def test_a_csv_names_entries_by_index_or_by_record() -> None:
    text = 'record_id,index,verdict,category,text,note\r\n,3,harmful,sexual,"a, b",x\r\nabc,,Harmless,,,\r\n'
    assert _read(text, records={"abc": 7}) == [Review(3, True, "sexual"), Review(7, False)]
    texts = read_texts(text.splitlines(keepends=True), "v.csv", IndexOf(10, {"abc": 7}))
    assert texts == [(3, "a, b", "v.csv, line 2"), (7, "", "v.csv, line 3")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got columns none"),
        ("index,label\n1,harmful\n", "got columns index, label"),
        ("index,verdict\n10,harmful\n", "line 2: got index '10', expected 0 to 9"),
        ("index,verdict\n-1,harmful\n", "got index '-1'"),
        ("index,verdict\n1\n", "line 2: got verdict ''"),
        ("index,verdict\n1,maybe\n", "got verdict 'maybe', expected harmless or harmful"),
        ("index,verdict,category\n1,harmful,hat\n", "got category 'hat'"),
        ("index,verdict,category\n1,harmless,hate\n", "expected it with harmful alone"),
        ("record_id,verdict\nabc,harmful\n", "got record 'abc'"),
        ('index,verdict\n1,"harm', "not CSV"),
    ],
)
def test_a_mistake_in_a_csv_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FeedbackInvalid, match=message):
        _read(text)


def test_only_scores_of_the_models_in_use_are_compared() -> None:
    entries = [
        _decision("old@1"),
        _decision("new@2"),
        AuditEntry(time=NOW, request_id="", kind="mark", outcome="failed"),
    ]
    entries += [_verdict(1, "harmless")]
    found = join(enumerate(entries), {1: Review(1, False), 0: Review(0, True)})
    assert [(case.index, case.review) for case in found.cases] == [(1, Review(1, False))]
    assert (found.other_models, found.without_scores) == (1, 1)

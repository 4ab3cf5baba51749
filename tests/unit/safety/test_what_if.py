"""Replaying a log under another policy, from recorded numbers alone."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from classifiers import CATEGORIES, Scores
from safety import Guard, Policy
from safety.audit_entry import AuditEntry, Judgement
from safety.what_if import Move, replay

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def _policy(folder: Path, text: str) -> Policy:
    path = folder / "other.toml"
    path.write_text("schema_version = 1\n" + text, encoding="utf-8")
    return Policy.load(path)


def _entry(*judged: Judgement, **fields: Any) -> AuditEntry:
    members = {"kind": "generation", "outcome": "allowed", "stage": "marking", "action": "allow"} | fields
    return AuditEntry(time=NOW, request_id="r", judgements=judged, **members)


def _judged(**fields: Any) -> Judgement:
    return Judgement(**({"stage": "input", "action": "allow", "models": ("m@1",)} | fields))


def test_a_lower_threshold_shows_what_would_be_refused(tmp_path: Path) -> None:
    policy = _policy(tmp_path, '[categories.violence]\nthreshold = 0.2\naction = "block"\n')
    entries = list(enumerate([_entry(_judged(scores={"violence": score / 10})) for score in range(5)]))
    found = replay(entries, policy, Policy.default())
    assert (found.entries, found.replayed, found.changed, found.left_out) == (5, 5, 3, 0)
    assert found.moves == (
        Move(category="all", before="allow", after="block", count=3, examples=(2, 3, 4)),
        Move(category="all", before="allow", after="allow", count=2, examples=(0, 1)),
    )
    assert [(move.category, move.count) for move in found.by_category] == [("violence", 3)]


def test_what_becomes_milder_is_put_down_to_what_asked_for_it(tmp_path: Path) -> None:
    policy = _policy(tmp_path, '[categories.sexual]\nthreshold = 0.9\naction = "block"\n')
    judged = _judged(action="block", scores={"sexual": 0.7, "trademark": 0.9})
    refused = {
        "action": "block",
        "outcome": "blocked",
        "stage": "input",
        "categories": ("sexual", "trademark"),
    }
    found = replay([(7, _entry(judged, **refused))], policy, Policy.default())
    assert [(m.category, m.before, m.after) for m in found.by_category] == [("sexual", "block", "annotate")]
    assert found.would_go_on == 1
    older = replay([(7, _entry(judged, **refused))], policy, policy)
    assert {move.category for move in older.by_category} == {"sexual", "trademark"}


def test_a_moderation_has_no_picture_that_would_be_made(tmp_path: Path) -> None:
    policy = _policy(tmp_path, '[categories.sexual]\nthreshold = 0.9\naction = "block"\n')
    judged = _judged(action="block", scores={"sexual": 0.7})
    refused = {"action": "block", "outcome": "blocked", "stage": "input", "kind": "moderation"}
    found = replay([(0, _entry(judged, **refused))], policy, Policy.default())
    assert (found.changed, found.would_go_on) == (1, 0)


def test_a_blocklist_hit_stays_a_block(tmp_path: Path) -> None:
    judged = _judged(action="block", marks=("blocklist",))
    found = replay(
        [(0, _entry(judged, action="block", outcome="blocked"))],
        _policy(tmp_path, "[lists]\ninherit = false\n"),
        Policy.default(),
    )
    assert (found.changed, found.blocklist_hits) == (0, 1)


def test_a_failed_check_follows_the_other_policy(tmp_path: Path) -> None:
    judged = _judged(action="review", marks=("check_failed",))
    entries = [(0, _entry(judged, action="review"))]
    refuses = replay(entries, Policy.default(), Policy.default())
    assert [(move.before, move.after) for move in refuses.moves] == [("review", "block")]
    reviews = _policy(tmp_path, '[checks]\non_failure = "review"\n')
    assert replay(entries, reviews, reviews).changed == 0


def test_entries_without_scores_are_left_out_and_counted_and_verdicts_are_not_entries() -> None:
    verdict = AuditEntry(
        time=NOW, request_id="", kind="verdict", outcome="reviewed", subject=0, verdict="harmful"
    )
    failed = _entry(action=None, outcome="failed")
    found = replay([(0, _entry(_judged())), (1, failed), (2, verdict)], Policy.default(), Policy.default())
    assert (found.entries, found.replayed, found.left_out) == (2, 1, 1)


def test_scores_of_pictures_meet_the_rules_for_pictures(tmp_path: Path) -> None:
    policy = _policy(
        tmp_path, '[categories.trademark]\nthreshold = 0.5\naction = "block"\nstage = ["output"]\n'
    )
    scores = {"trademark": 0.9}
    label = {"action": "annotate", "categories": ("trademark",)}
    entries = [
        (0, _entry(_judged(scores=scores, action="annotate"), **label)),
        (1, _entry(_judged(), _judged(scores=scores, stage="output", action="annotate"), **label)),
    ]
    found = replay(entries, policy, Policy.default())
    assert {(move.before, move.after, move.examples) for move in found.moves} == {
        ("annotate", "allow", (0,)),
        ("annotate", "block", (1,)),
    }


class _Drawn:
    """Answers with the scores that the test drew."""

    model = "drawn@1"

    def __init__(self) -> None:
        self.scores = Scores(0.0, {}, self.model)

    def score(self, text: str) -> Scores:
        return self.scores


DRAWN = _Drawn()
GUARD = Guard(None, [DRAWN], [])
NUMBER = st.floats(0, 1)


@given(NUMBER, NUMBER, st.fixed_dictionaries(dict.fromkeys(CATEGORIES, NUMBER)))
def test_the_policy_in_force_decides_on_recorded_numbers_as_it_did_live(
    unsafe: float, unread: float, categories: dict[str, float]
) -> None:
    DRAWN.scores = Scores(unsafe, categories, "drawn@1", unread=unread)
    decision = GUARD.check_prompt("x")
    entry = _entry(Judgement.of(decision), action=decision.action)
    assert replay([(0, entry)], GUARD.policy, GUARD.policy).changed == 0

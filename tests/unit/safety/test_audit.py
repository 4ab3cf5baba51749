"""safety.audit: canonical bytes, and a verdict that names the first bad entry whatever is done to a log."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from safety.audit import AuditReport, LogRow, newest_valid, verify_log
from safety.audit_entry import MAX_TEXT, AuditEntry
from safety.checkpoint import LogKey
from safety.errors import AuditUnreadable
from safety.merkle import CompactRange, leaf_hash, root

KEY = LogKey(b"k" * 32)
OTHER = LogKey(b"o" * 32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
EAST = timezone(timedelta(hours=5))
N = 13


def entry(number: int = 0, **changes: Any) -> AuditEntry:
    members = {
        "time": NOON + timedelta(seconds=number),
        "request_id": f"req_{number}",
        "kind": "generation",
        "outcome": "allowed",
    }
    return AuditEntry(**(members | changes))


def sealed(bodies: list[bytes], key: LogKey = KEY) -> list[LogRow]:
    rows, tree = [], CompactRange()
    for index, body in enumerate(bodies):
        tree.push(leaf_hash(body))
        rows.append(LogRow(index, body, leaf_hash(body), key.seal(tree.size, tree.root())))
    return rows


def noted(rows: list[LogRow], *sizes: int, key: LogKey = KEY) -> list[str]:
    return [key.sign(size, root([row.leaf for row in rows[:size]]), NOON).note for size in sizes]


BODIES = [entry(number).canonical() for number in range(N)]
ROWS = sealed(BODIES)
NOTES = noted(ROWS, *range(N + 1))


def verdict(rows: list[LogRow], notes: list[str] | None = NOTES) -> AuditReport:
    return verify_log(rows, notes, key=KEY)


# --- entries


def test_canonical_bytes_are_what_the_documentation_says() -> None:
    body = entry(3, reasons=("ü",), scores={"b": 0.5, "a": 1}).canonical()
    members = json.loads(body)
    assert body == json.dumps(members, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert members["schema"] == 1
    assert members["time"] == "2026-11-22T12:00:03.000000Z"
    assert "ü".encode() in body


TEXTS = st.text(st.characters(exclude_categories=[]), max_size=40)


@given(
    detail=TEXTS,
    reasons=st.lists(TEXTS, max_size=3),
    scores=st.dictionaries(TEXTS, st.floats(0, 1), max_size=3),
    time=st.integers(0, 10**17).map(
        lambda us: datetime(1970, 1, 1, tzinfo=EAST) + timedelta(microseconds=us)
    ),
)
def test_any_text_can_be_recorded_and_read_back(
    detail: str, reasons: list[str], scores: Any, time: Any
) -> None:
    written = entry(detail=detail, reasons=tuple(reasons), scores=scores, time=time)
    body = written.canonical()
    assert b"\n" not in body
    again = AuditEntry.from_canonical(body)
    assert again == written
    assert again.canonical() == body


def test_lone_surrogates_are_replaced_and_pairs_joined() -> None:
    assert entry(detail="a\ud800b").detail == "a\ufffdb"
    assert entry(detail="\ud83d\ude00").detail == "😀"


def test_long_text_is_cut_and_says_so() -> None:
    assert entry(detail="x" * MAX_TEXT).detail == "x" * MAX_TEXT
    cut = entry(detail="x" * (MAX_TEXT + 7)).detail
    assert cut == "x" * MAX_TEXT + "… (+7 characters)"


@pytest.mark.parametrize(
    "changes",
    [
        {"outcome": "maybe"},
        {"action": "explode"},
        {"kind": "Generation"},
        {"kind": ""},
        {"scores": {"sexual": float("nan")}},
        {"time": datetime(2026, 1, 1)},  # noqa: DTZ001 - a naive time is the point
        {"prompt": "a cat"},
    ],
)
def test_entries_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        entry(**changes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"schema":2}',
        b'{"schema":1}',
        b"[" * 100_000,
        b'"' + b"x" * 10_000,
    ],
)
def test_bytes_that_are_no_entry_are_unreadable(data: bytes) -> None:
    with pytest.raises(AuditUnreadable, match="audit entry: got") as caught:
        AuditEntry.from_canonical(data)
    assert len(str(caught.value)) < 500


# --- verification


def test_an_untouched_log_verifies() -> None:
    report = verdict(ROWS)
    assert (report.ok, report.size, report.first_bad_index) == (True, N, None)
    assert report.root_hex == root([row.leaf for row in ROWS]).hex()
    assert (report.checkpoint.status, report.checkpoint.size) == ("current", N)


def test_an_empty_log_verifies_and_has_the_empty_root() -> None:
    report = verify_log([], noted([], 0), key=KEY)
    assert (report.ok, report.size, report.checkpoint.status) == (True, 0, "current")
    assert report.root_hex == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("bad", range(N))
@pytest.mark.parametrize("part", ["entry", "leaf", "seal"])
def test_any_changed_byte_names_its_entry(bad: int, part: str) -> None:
    value = getattr(ROWS[bad], part)
    for place in range(0, len(value), 7):
        changed = value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :]
        report = verdict([*ROWS[:bad], replace(ROWS[bad], **{part: changed}), *ROWS[bad + 1 :]])
        assert (report.ok, report.first_bad_index, report.size) == (False, bad, bad)


@pytest.mark.parametrize("bad", range(N))
def test_a_rewritten_entry_is_named_although_all_hashes_fit(bad: int) -> None:
    """The intruder knows the format, recomputes every leaf, and lacks only the key."""
    forged = [*BODIES[:bad], entry(99).canonical(), *BODIES[bad + 1 :]]
    assert verdict(sealed(forged, OTHER)).first_bad_index == 0  # seals by another key
    fitting = [*ROWS[:bad], *[replace(row, seal=ROWS[row.index].seal) for row in sealed(forged)[bad:]]]
    assert verdict(fitting).first_bad_index == bad


@pytest.mark.parametrize("bad", range(N))
def test_a_removed_entry_is_named(bad: int) -> None:
    left = [row for row in ROWS if row.index != bad]
    assert verdict(left).first_bad_index == bad
    closed_up = [replace(row, index=index) for index, row in enumerate(left)]
    report = verdict(closed_up)
    assert (report.ok, report.first_bad_index) == (False, bad)


@pytest.mark.parametrize("bad", range(N))
def test_an_inserted_or_repeated_entry_is_named(bad: int) -> None:
    for extra in (ROWS[bad], sealed([entry(99).canonical()])[0]):
        rows = [*ROWS[:bad], extra, *ROWS[bad:]]
        numbered = [replace(row, index=index) for index, row in enumerate(rows)]
        expected = bad + 1 if extra is ROWS[bad] else bad
        assert verdict(numbered).first_bad_index == expected


@pytest.mark.parametrize("bad", [0, 5, N - 1])
def test_a_renumbered_entry_is_named(bad: int) -> None:
    assert verdict([*ROWS[:bad], replace(ROWS[bad], index=99), *ROWS[bad + 1 :]]).first_bad_index == bad


def test_exchanged_entries_are_named() -> None:
    for first, second in ((0, 1), (3, 9), (11, 12)):
        rows = list(ROWS)
        rows[first], rows[second] = replace(ROWS[second], index=first), replace(ROWS[first], index=second)
        assert verdict(rows).first_bad_index == first


@pytest.mark.parametrize("kept", range(N))
def test_entries_cut_off_the_end_are_noticed_by_the_checkpoint(kept: int) -> None:
    report = verdict(ROWS[:kept])
    assert (report.ok, report.first_bad_index, report.size) == (False, kept, kept)
    assert (report.checkpoint.status, report.checkpoint.size) == ("ahead", N)
    assert f"entries {kept}..{N - 1} are missing" in report.reason


def test_a_forged_entry_after_the_last_checkpoint_is_noticed() -> None:
    forged = sealed([*BODIES, entry(99).canonical()], OTHER)[N]
    assert verdict([*ROWS, forged]).first_bad_index == N


def test_sealed_entries_after_the_last_checkpoint_are_good() -> None:
    report = verdict(ROWS, NOTES[: N - 2])
    assert (report.ok, report.checkpoint.status, report.checkpoint.size) == (True, "behind", N - 3)


@pytest.mark.parametrize("notes", [None, []])
def test_without_checkpoints_the_verdict_is_bad(notes: list[str] | None) -> None:
    report = verdict(ROWS, notes)
    assert (report.ok, report.first_bad_index, report.checkpoint.status) == (False, None, "missing")


def test_a_spoiled_checkpoint_line_is_reported_and_the_rest_still_counts() -> None:
    report = verdict(ROWS, [*NOTES, "rubbish"])
    assert (report.ok, report.first_bad_index) == (False, None)
    assert (report.checkpoint.status, report.checkpoint.damaged_lines, report.checkpoint.size) == (
        "damaged",
        1,
        N,
    )
    cut = verdict(ROWS[:5], [*NOTES, "rubbish"])
    assert (cut.checkpoint.status, cut.first_bad_index) == ("ahead", 5)


def test_a_checkpoint_by_another_key_proves_nothing() -> None:
    """Neither that entries are missing nor that these are the right ones."""
    report = verdict(ROWS[:5], [*NOTES[:6], *noted(ROWS, N, key=OTHER)])
    assert (report.ok, report.first_bad_index, report.checkpoint.status) == (False, None, "damaged")
    alone = verdict(ROWS, noted(ROWS, N, key=OTHER))
    assert (alone.ok, alone.checkpoint.size) == (False, None)


def test_a_log_that_was_written_anew_with_the_key_contradicts_old_checkpoints() -> None:
    other = sealed([*BODIES[:6], *(entry(number + 50).canonical() for number in range(7))])
    report = verify_log(other, NOTES[: N + 1 : 4], key=KEY)  # checkpoints over 0, 4, 8, 12 entries
    assert (report.ok, report.checkpoint.status) == (False, "contradicts")
    assert (report.first_bad_index, report.size) == (4, 4)
    assert "entries 4..7 are not those" in report.reason


def test_a_row_that_cannot_be_read_is_the_bad_one() -> None:
    def rows() -> Iterator[LogRow]:
        yield from ROWS[:4]
        raise AuditUnreadable("the disk says no")

    report = verify_log(rows(), NOTES, key=KEY)
    assert (report.ok, report.first_bad_index) == (False, 4)
    assert "the disk says no" in report.reason


def test_the_log_of_another_key_does_not_verify() -> None:
    assert verify_log(sealed(BODIES, OTHER), noted(ROWS, N, key=OTHER), key=KEY).first_bad_index == 0


def test_the_newest_valid_checkpoint_is_found_among_others() -> None:
    found = newest_valid(["rubbish", *noted(ROWS, 13, key=OTHER), *noted(ROWS, 3, 9, 5)], KEY)
    assert found is not None
    assert found.size == 9
    assert newest_valid(["rubbish"], KEY) is None

"""safety.report and its parts: right counts, and four forms that hostile text cannot break out of."""

import csv
import io
import json
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta, timezone
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reportlab.lib import utils as reportlab_utils

from safety.audit import AuditReport, CheckpointState
from safety.audit_entry import AuditEntry
from safety.errors import ReportRangeInvalid
from safety.report import ModerationReport, Tally, build_report, to_csv, to_html, to_json, to_pdf
from safety.report_chart import MAX_BARS, lay_out

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 5)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOSTILE = '"><script>alert(1)</script><img src="file:///etc/passwd"/>&amp;=1+1'


def entry(day: int = 1, **changes: Any) -> AuditEntry:
    members = {
        "time": datetime(2026, 11, day, 12, tzinfo=UTC),
        "request_id": "req",
        "kind": "generation",
        "outcome": "allowed",
        "stage": "marking",
        "action": "allow",
        "policy_version": "p-1",
        "models": ("prompt-1",),
        "generator": "builtin",
        "generator_version": "2",
        "record_ids": ("00" * 8,),
    }
    return AuditEntry(**(members | changes))


def blocked(day: int = 1, *categories: str, stage: str = "input", **changes: Any) -> AuditEntry:
    members = {"outcome": "blocked", "action": "block", "categories": categories, "record_ids": ()}
    return entry(day, stage=stage, **(members | changes))


def report(*entries: AuditEntry, audit: AuditReport | None = None, **dates: date) -> ModerationReport:
    span = {"date_from": FIRST, "date_to": LAST} | dates
    return build_report(entries, generated_at=NOW, audit=audit, **span)


def audit(*, ok: bool) -> AuditReport:
    reason = "all 7 entries are good" if ok else "entry 3 was changed: <b>&"
    state = CheckpointState(status="current" if ok else "not_checked")
    return AuditReport(
        ok=ok, size=7, root_hex="ab" * 32, first_bad_index=None if ok else 3, reason=reason, checkpoint=state
    )


ENTRIES = (
    entry(1),
    entry(1, record_ids=("00" * 8, "11" * 8), action="annotate", categories=("political",)),
    entry(2, kind="edit", generator="openai", generator_version=""),
    entry(2, record_ids=()),
    blocked(2, "sexual", "violence"),
    blocked(4, "sexual", stage="output"),
    entry(4, outcome="failed", action=None, stage="generation", record_ids=(), policy_version="p-2"),
    blocked(5, "hate", kind="moderation", generator="", generator_version="", models=("prompt-1", "image-1")),
)


def as_dict(tallies: tuple[Tally, ...]) -> dict[str, tuple[int, int, int]]:
    return {tally.name: (tally.allowed, tally.blocked, tally.failed) for tally in tallies}


# --- counting


def test_every_table_counts_what_it_says() -> None:
    found = report(*ENTRIES)
    assert (found.total.allowed, found.total.blocked, found.total.failed, found.total.total) == (4, 3, 1, 8)
    assert found.refusal_rate == round(3 / 7, 6)
    assert as_dict(found.by_day) == {
        "2026-11-01": (2, 0, 0),
        "2026-11-02": (2, 1, 0),
        "2026-11-03": (0, 0, 0),
        "2026-11-04": (0, 1, 1),
        "2026-11-05": (0, 1, 0),
    }
    assert as_dict(found.by_category) == {
        "sexual": (0, 2, 0),
        "hate": (0, 1, 0),
        "political": (1, 0, 0),
        "violence": (0, 1, 0),
    }
    assert as_dict(found.by_action) == {
        "allow": (3, 0, 0),
        "block": (0, 3, 0),
        "annotate": (1, 0, 0),
        "none": (0, 0, 1),
    }
    assert as_dict(found.by_stage) == {
        "marking": (4, 0, 0),
        "input": (0, 2, 0),
        "generation": (0, 0, 1),
        "output": (0, 1, 0),
    }
    assert as_dict(found.by_kind) == {"generation": (3, 2, 1), "edit": (1, 0, 0), "moderation": (0, 1, 0)}
    assert as_dict(found.by_generator) == {"builtin 2": (3, 2, 1), "none": (0, 1, 0), "openai": (1, 0, 0)}
    assert as_dict(found.by_policy_version) == {"p-1": (4, 3, 0), "p-2": (0, 0, 1)}
    assert as_dict(found.by_model) == {"prompt-1": (4, 3, 1), "image-1": (0, 1, 0)}


def test_coverage_tells_what_left_without_a_mark() -> None:
    coverage = report(*ENTRIES).coverage
    assert coverage.model_dump() == {
        "picture_requests": 7,
        "released": 4,
        "pictures_marked": 4,
        "released_without_mark": 1,
        "blocked_at_input": 1,
        "blocked_at_output": 1,
    }


def test_days_are_utc_days_and_both_ends_belong_to_the_report() -> None:
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
    times = [
        datetime(2026, 10, 31, 23, 59, 59, 999999, tzinfo=UTC),  # out
        datetime(2026, 11, 1, tzinfo=UTC),
        datetime(2026, 11, 1, 13, tzinfo=east),  # 31 October in UTC: out
        datetime(2026, 11, 5, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 11, 5, 13, tzinfo=west),  # 6 November in UTC: out
        datetime(2026, 11, 6, tzinfo=UTC),  # out
    ]
    found = report(*(entry(time=time) for time in times))
    assert found.total.total == 2
    assert [tally.total for tally in found.by_day] == [1, 0, 0, 0, 1]


def test_an_empty_report_has_no_rate_and_every_day() -> None:
    found = report()
    assert (found.total.total, found.refusal_rate, len(found.by_day), found.cells) == (0, None, 5, ())
    for form in (to_json, to_csv, to_html, to_pdf):
        assert form(found)


@pytest.mark.parametrize(
    ("first", "last"), [(LAST, FIRST), (date.min, date.max), (date(2020, 1, 1), date(2025, 1, 5))]
)
def test_days_out_of_order_or_without_end_are_refused(first: date, last: date) -> None:
    with pytest.raises(ReportRangeInvalid, match=f"got {first} to {last}, expected 1 to 1830 days"):
        report(date_from=first, date_to=last)


OUTCOMES = st.sampled_from(["allowed", "blocked", "failed"])


@settings(max_examples=30)
@given(
    st.lists(
        st.builds(
            entry,
            st.integers(1, 7),
            outcome=OUTCOMES,
            categories=st.lists(st.sampled_from("abc"), max_size=3).map(tuple),
            generator=st.sampled_from(["x", "y", ""]),
        ),
        max_size=30,
    )
)
def test_all_tables_add_up_to_the_total(entries: list[AuditEntry]) -> None:
    found = report(*entries)
    for name in ("by_day", "by_action", "by_stage", "by_kind", "by_generator", "by_policy_version"):
        assert sum(tally.total for tally in getattr(found, name)) == found.total.total
    assert (
        sum(cell.count for cell in found.cells) == found.total.total == sum(e.time.day <= 5 for e in entries)
    )


# --- JSON and CSV


def test_json_reads_back_as_the_same_report() -> None:
    found = report(*ENTRIES, audit=audit(ok=True))
    assert ModerationReport.model_validate_json(to_json(found)) == found
    document = json.loads(to_json(found))
    assert (document["schema_version"], document["time_zone"]) == ("1", "UTC")
    assert document["audit"]["root_hex"] == "ab" * 32


def test_csv_is_one_tidy_table_that_adds_up() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report(*ENTRIES)), newline="")))
    assert list(rows[0]) == [
        "day_utc", "kind", "generator", "outcome", "action", "stage", "categories", "policy_version", "count",
    ]  # fmt: skip
    assert sum(int(row["count"]) for row in rows) == 8
    assert [row["categories"] for row in rows if row["day_utc"] == "2026-11-02"].count("sexual;violence") == 1


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_csv_cells_are_never_formulas(start: str) -> None:
    hostile = f'{start}HYPERLINK("http://x")'
    found = report(blocked(1, hostile, generator=hostile, policy_version=hostile))
    (row,) = csv.DictReader(io.StringIO(to_csv(found), newline=""))
    for name in ("categories", "policy_version"):
        assert row[name] == "'" + hostile
    assert not any(value.startswith(start) for value in row.values())


# --- HTML


class Page(HTMLParser):
    """Collects elements, attributes and the tables' texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.rows: list[list[str]] = []
        self.captions = 0
        self._in_row = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [
            f"{name}={value}" for name, value in attrs if name in {"src", "href", "action", "onload"}
        ]
        self.captions += tag == "caption"
        if tag == "tr":
            self.rows.append([])
            self._in_row = True

    def handle_endtag(self, tag: str) -> None:
        self._in_row = self._in_row and tag != "tr"

    def handle_data(self, data: str) -> None:
        if self._in_row and data.strip():
            self.rows[-1].append(data.strip())


def test_html_shows_the_counts_in_accessible_tables() -> None:
    page = Page(to_html(report(*ENTRIES, audit=audit(ok=True))))
    assert ["sexual", "0", "2", "0", "2"] in page.rows
    assert ["2026-11-02", "2", "1", "0", "3"] in page.rows
    assert ["Released without a mark (must be 0)", "1"] in page.rows
    assert not any(row[:1] == ["2026-11-03"] for row in page.rows)
    assert page.captions == page.tags.count("table") == 9
    assert page.tags.count("rect") == 6  # one for each part of a bar that is not zero


def test_html_is_self_contained_and_text_stays_text() -> None:
    text = to_html(report(blocked(1, HOSTILE, generator=HOSTILE, models=(HOSTILE,)), audit=audit(ok=False)))
    page = Page(text)
    assert page.links == []
    assert {"script", "img", "link", "iframe", "b"}.isdisjoint(page.tags)
    assert any(row[:1] == [HOSTILE] for row in page.rows)
    assert "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (None, "Audit log not verified."),
        (audit(ok=True), "Audit log verified:"),
        (audit(ok=False), "Audit log did not verify: do not rely on these counts."),
    ],
)
def test_html_says_whether_the_log_verified(verdict: AuditReport | None, words: str) -> None:
    text = to_html(report(*ENTRIES, audit=verdict))
    assert words in text
    assert text.count("Audit log ") == 1


# --- PDF


def pdf_text(data: bytes) -> str:
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext (Debian: poppler-utils) is not installed")
    done = subprocess.run(
        [tool, "-layout", "-", "-"], input=data, capture_output=True, check=True, timeout=60
    )
    return done.stdout.decode()


def test_pdf_is_the_same_for_the_same_report() -> None:
    data = to_pdf(report(*ENTRIES))
    assert data.startswith(b"%PDF-")
    assert data == to_pdf(report(*ENTRIES))
    assert data != to_pdf(report(*ENTRIES[1:]))


def test_pdf_has_the_same_figures() -> None:
    text = pdf_text(to_pdf(report(*ENTRIES, audit=audit(ok=False))))
    rows = [line.split() for line in text.splitlines()]
    assert ["sexual", "0", "2", "0", "2"] in rows
    assert ["2026-11-02", "2", "1", "0", "3"] in rows
    assert "Audit log did not verify" in text
    assert "entry 3 was changed: <b>&" in text


def test_pdf_shows_markup_as_text_and_opens_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reportlab_utils, "open_for_read", lambda *_, **__: pytest.fail("the PDF opened something")
    )
    data = to_pdf(report(blocked(1, HOSTILE, generator="画 " + HOSTILE * 20), audit=audit(ok=False)))
    assert "<script>alert(1)</script>" in pdf_text(data).replace("\n", "")


# --- the chart


def days(*totals: int) -> tuple[Tally, ...]:
    return tuple(
        Tally(name=(FIRST + timedelta(days=place)).isoformat(), allowed=total)
        for place, total in enumerate(totals)
    )


@pytest.mark.parametrize(
    ("highest", "top"), [(0, 1), (1, 1), (4, 4), (6, 6), (7, 8), (23, 25), (60, 60), (101, 150)]
)
def test_the_scale_spans_the_highest_bar_in_at_most_five_steps(highest: int, top: int) -> None:
    chart = lay_out(days(0, highest, 1 if highest else 0))
    assert chart.top == chart.ticks[-1] == top
    assert len(chart.ticks) <= 6


@pytest.mark.parametrize("count", [1, MAX_BARS, MAX_BARS + 1, 365, 1830])
def test_long_reports_have_bars_of_several_days(count: int) -> None:
    chart = lay_out(days(*range(count)))
    assert len(chart.bars) <= MAX_BARS
    assert sum(bar.total for bar in chart.bars) == sum(range(count))
    assert chart.bars[0].first_day == "2026-11-01"
    assert chart.bars[-1].last_day == (FIRST + timedelta(days=count - 1)).isoformat()
    assert chart.days_per_bar == (1 if count <= MAX_BARS else -(-count // MAX_BARS))
    assert (" to " in chart.bars[0].label) == (count > MAX_BARS)

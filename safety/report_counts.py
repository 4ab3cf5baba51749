"""What a moderation report counts: what was asked, what was refused and why, from the audit log.

Rules:
- Days are UTC days; `date_from` and `date_to` both belong to the report.
- Counts are of audit entries (one a decision). A reviewer's verdict on an earlier entry is no decision and is not
  counted. An entry flagged in two categories counts once in each category's row, and once in every other table;
  only rows of categories and classifiers may add up to more than the total.
- Nothing is estimated: a figure that the log does not hold is None, and coverage says which requests lack a
  mark.
- The report says whether the log behind it verified, or that this was not looked at.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from safety.audit import AuditReport
from safety.audit_entry import VERDICT, AuditEntry
from safety.errors import ReportRangeInvalid

SCHEMA_VERSION = "1"
MAX_DAYS = 1830  # five years: a bound on the table of days, which is made even when nothing happened

_MAKES_PICTURES = frozenset({"generation", "edit", "mark"})


class Tally(BaseModel):
    """Entries that share one value (a day, a category, a generator ...), by outcome."""

    model_config = ConfigDict(frozen=True)

    name: str
    allowed: int = 0
    blocked: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All entries with this value."""
        return self.allowed + self.blocked + self.failed


class Cell(BaseModel):
    """One row of the tidy table: how many entries agree in all of these; `categories` is sorted."""

    model_config = ConfigDict(frozen=True)

    day: date
    kind: str
    generator: str
    outcome: str
    action: str
    stage: str
    categories: tuple[str, ...]
    policy_version: str
    count: int


class Coverage(BaseModel):
    """How much of what was released carries marks.

    `picture_requests` are entries of kind generation, edit or mark. `released_without_mark` counts allowed
    picture requests whose entry names no record: it must be 0.
    """

    model_config = ConfigDict(frozen=True)

    picture_requests: int
    released: int
    pictures_marked: int
    released_without_mark: int
    blocked_at_input: int
    blocked_at_output: int


class ModerationReport(BaseModel):
    """Counts over a span of UTC days.

    `refusal_rate` is blocked / (allowed + blocked), None without either.
    """

    model_config = ConfigDict(frozen=True)

    schema_version: str = SCHEMA_VERSION
    date_from: date
    date_to: date
    time_zone: str = "UTC"
    generated_at: datetime
    total: Tally
    refusal_rate: float | None
    coverage: Coverage
    by_day: tuple[Tally, ...]
    by_category: tuple[Tally, ...]
    by_action: tuple[Tally, ...]
    by_stage: tuple[Tally, ...]
    by_kind: tuple[Tally, ...]
    by_generator: tuple[Tally, ...]
    by_policy_version: tuple[Tally, ...]
    by_model: tuple[Tally, ...]
    cells: tuple[Cell, ...]
    audit: AuditReport | None


class _Key(NamedTuple):
    """What the cells of a report distinguish; members as in `Cell`."""

    day: date
    kind: str
    generator: str
    outcome: str
    action: str
    stage: str
    categories: tuple[str, ...]
    policy_version: str


def build_report(
    entries: Iterable[AuditEntry],
    *,
    date_from: date,
    date_to: date,
    generated_at: datetime,
    audit: AuditReport | None,
) -> ModerationReport:
    """Count the entries whose UTC day lies in date_from .. date_to; others are passed over.

    `audit` is the verdict on the log that the entries come from, None when it was not verified.

    Raises:
        ReportRangeInvalid: the span is empty or longer than MAX_DAYS.

    """
    span = (date_to - date_from).days + 1
    if not 1 <= span <= MAX_DAYS:
        raise ReportRangeInvalid(
            f"report days: got {date_from} to {date_to}, expected 1 to {MAX_DAYS} days in order, choose other days"
        )
    cells: Counter[_Key] = Counter()
    models: Counter[tuple[str, str]] = Counter()
    coverage = dict.fromkeys(Coverage.model_fields, 0)
    for entry in entries:
        if entry.kind == VERDICT:
            continue
        key = _key(entry)
        if date_from <= key.day <= date_to:
            cells[key] += 1
            models.update((model, entry.outcome) for model in set(entry.models))
            _cover(coverage, entry)

    def by(values: Callable[[_Key], Iterable[str]]) -> tuple[Tally, ...]:
        counts: Counter[tuple[str, str]] = Counter()
        for key, count in cells.items():
            for value in values(key):
                counts[value, key.outcome] += count
        return _tallies(counts)

    total = next(iter(by(lambda _: ("all",))), Tally(name="all"))
    decided = total.allowed + total.blocked
    busy = {tally.name: tally for tally in by(lambda key: (key.day.isoformat(),))}
    days = ((date_from + timedelta(days=offset)).isoformat() for offset in range(span))
    return ModerationReport(
        date_from=date_from,
        date_to=date_to,
        generated_at=generated_at.astimezone(UTC),
        total=total,
        refusal_rate=round(total.blocked / decided, 6) if decided else None,
        coverage=Coverage(**coverage),
        by_day=tuple(busy.get(day, Tally(name=day)) for day in days),
        by_category=by(lambda key: key.categories),
        by_action=by(lambda key: (key.action,)),
        by_stage=by(lambda key: (key.stage,)),
        by_kind=by(lambda key: (key.kind,)),
        by_generator=by(lambda key: (key.generator,)),
        by_policy_version=by(lambda key: (key.policy_version,)),
        by_model=_tallies(models),
        cells=tuple(Cell(**key._asdict(), count=count) for key, count in sorted(cells.items())),
        audit=audit,
    )


def _key(entry: AuditEntry) -> _Key:
    return _Key(
        day=entry.time.date(),  # entries keep their time in UTC
        kind=entry.kind,
        generator=f"{entry.generator} {entry.generator_version}".strip() or "none",
        outcome=entry.outcome,
        action=entry.action or "none",
        stage=entry.stage or "none",
        categories=tuple(sorted(set(entry.categories))),
        policy_version=entry.policy_version or "none",
    )


def _cover(coverage: dict[str, int], entry: AuditEntry) -> None:
    if entry.kind not in _MAKES_PICTURES:
        return
    coverage["picture_requests"] += 1
    if entry.outcome == "allowed":
        coverage["released"] += 1
        coverage["pictures_marked"] += len(entry.record_ids)
        coverage["released_without_mark"] += not entry.record_ids
    elif entry.outcome == "blocked" and entry.stage in {"input", "output"}:
        coverage[f"blocked_at_{entry.stage}"] += 1


def _tallies(counts: Counter[tuple[str, str]]) -> tuple[Tally, ...]:
    """Turn counts by (value, outcome) into tallies, largest first, then by name."""
    grouped: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (value, outcome), count in counts.items():
        grouped[value][outcome] = count
    tallies = (Tally(name=name, **outcomes) for name, outcomes in grouped.items())
    return tuple(sorted(tallies, key=lambda tally: (-tally.total, tally.name)))

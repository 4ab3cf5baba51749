"""The moderation report for a period, in the format asked for; used by the route and by the command."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from safety.report import ModerationReport, build_report, to_csv, to_json
from safety.report_counts import MAX_DAYS
from safety.report_html import to_html
from safety.report_pdf import to_pdf
from service.errors import BadRequest
from service.stores import AuditStore

REPORT_MIME = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
_WRITERS: dict[str, Callable[[ModerationReport], str | bytes]] = {
    "json": to_json,
    "csv": to_csv,
    "html": to_html,
    "pdf": to_pdf,
}


Period = tuple[date, date]  # first and last day, UTC, both included

DEFAULT_DAYS = 30
FIRST_YEAR, LAST_YEAR = 2000, 2999  # outside lies a typing error, and the edge of the calendar


def choose_period(first: date | None, last: date | None, today: date) -> Period:
    """Fill in what was not given: up to today, the last 30 days.

    Raises:
        BadRequest: the days are out of order, too many, or in no plausible year.

    """
    last = last or today
    if not FIRST_YEAR <= last.year <= LAST_YEAR or (first and not FIRST_YEAR <= first.year <= LAST_YEAR):
        text = f"days: got {first} to {last}, expected years {FIRST_YEAR} to {LAST_YEAR}; correct the date."
        raise BadRequest(text, param="from")
    first = first or last - timedelta(days=DEFAULT_DAYS - 1)
    if first > last:
        raise BadRequest(f"days: {first} is after {last}; swap them.", param="from")
    if (last - first).days >= MAX_DAYS:
        raise BadRequest(f"days: the period is longer than {MAX_DAYS} days; ask for less.", param="from")
    return first, last


def build_period_report(audit: AuditStore, days: Period, now: datetime) -> ModerationReport:
    """Count the entries of the days, with the log's own verification.

    Raises:
        safety.errors.AuditError: the log cannot be read.

    """
    first, last = days
    since = datetime.combine(first, time.min, UTC)
    until = datetime.combine(last + timedelta(days=1), time.min, UTC)
    entries = audit.entries(since=since, until=until)
    return build_report(entries, date_from=first, date_to=last, generated_at=now, audit=audit.verify())


def render(report: ModerationReport, format_: str) -> bytes:
    """Write the report as "json", "csv", "html" or "pdf"."""
    written = _WRITERS[format_](report)
    return written if isinstance(written, bytes) else written.encode("utf-8")

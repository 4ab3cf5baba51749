"""The moderation report for a period, in the format asked for; used by the route and by the command."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from safety.report import ModerationReport, build_report, to_csv, to_json
from safety.report_html import to_html
from safety.report_pdf import to_pdf
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


def build_period_report(audit: AuditStore, first: date, last: date, now: datetime) -> ModerationReport:
    """Count the entries of the days `first`..`last` (UTC, both included), with the log's own verification.

    Raises:
        safety.errors.AuditError: the log cannot be read.

    """
    since = datetime.combine(first, time.min, UTC)
    until = datetime.combine(last + timedelta(days=1), time.min, UTC)
    entries = audit.entries(since=since, until=until)
    return build_report(entries, date_from=first, date_to=last, generated_at=now, audit=audit.verify())


def render(report: ModerationReport, format_: str) -> bytes:
    """Write the report as "json", "csv", "html" or "pdf"."""
    written = _WRITERS[format_](report)
    return written if isinstance(written, bytes) else written.encode("utf-8")

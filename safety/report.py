"""The moderation report in its four forms: JSON and CSV for programs, HTML and PDF for people.

No name, prompt or picture is in any of them. Text from entries is escaped in HTML and PDF, and in CSV made
harmless to spreadsheets, which run cells that begin like a formula (OWASP, CSV injection).
"""

import csv
import io

from safety.report_counts import Cell, ModerationReport, Tally, build_report
from safety.report_html import to_html
from safety.report_pdf import to_pdf

__all__ = ["ModerationReport", "Tally", "build_report", "to_csv", "to_html", "to_json", "to_pdf"]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_json(report: ModerationReport) -> str:
    """Return the report as one JSON document."""
    return report.model_dump_json(indent=2) + "\n"


def to_csv(report: ModerationReport) -> str:
    """Return the tidy table of cells as CSV (RFC 4180, CRLF); the counts add up to the total.

    `categories` are joined with ";". A text that a spreadsheet would run as a formula gets an apostrophe
    before it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("day_utc", *list(Cell.model_fields)[1:]))
    for cell in report.cells:
        values = (cell.day.isoformat(), cell.kind, cell.generator, cell.outcome, cell.action, cell.stage)
        texts = (*values, ";".join(cell.categories), cell.policy_version)
        writer.writerow((*map(_harmless, texts), cell.count))
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

"""The moderation report as a PDF (A4), for files and auditors. Same figures and order as the HTML page.

The embedded font has Latin letters only, so other characters are shown as "?".
"""

import html
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib import colors
from reportlab.platypus import KeepTogether, LongTable, Paragraph, TableStyle

from safety.pdf_style import BOLD, LINE, REGULAR, SOFT, WIDTH, build, heading, register_fonts, text_style
from safety.report_chart import Chart, lay_out
from safety.report_counts import ModerationReport, Tally
from safety.report_html import TABLES

_COLOURS = {"allowed": "#2f6fb2", "blocked": "#c2570c", "failed": "#7b828b"}


def to_pdf(report: ModerationReport) -> bytes:
    """Return the report as a PDF file; the same report gives the same bytes."""
    register_fonts()
    title = f"Moderation report {report.date_from} to {report.date_to}"
    chart = lay_out(report.by_day)
    busy = [tally for tally in report.by_day if tally.total]
    story: list[Any] = [
        Paragraph("Moderation report", text_style(18, bold=True, after=2)),
        Paragraph(f"{report.date_from} to {report.date_to}, days in UTC", text_style(10)),
        Paragraph(f"Made {report.generated_at:%Y-%m-%d %H:%M:%S} UTC", text_style(9, colour=SOFT, after=8)),
        Paragraph(_audit_line(report), text_style(9, after=10)),
        _table(("Requests", "Allowed", "Blocked", "Failed", "Refusal rate"), [_headline(report)]),
        heading("Requests by day"),
        *([_remark(f"Each bar is {chart.days_per_bar} days.")] if chart.days_per_bar > 1 else []),
        _drawing(chart),
        KeepTogether([heading("Coverage"), _table(("Measure", "Count"), _coverage(report))]),
    ]
    for name, column, section, note in TABLES:
        table = _table((column, *_OUTCOMES), _rows(getattr(report, name)))
        story += [heading(section), *([_remark(note)] if note else []), table]
    story += [heading("Day by day"), _table(("Day (UTC)", *_OUTCOMES), _rows(busy))]
    # invariant: no clock and no random id in the file
    return build(story, title=title, footer=title, invariant=1)


_OUTCOMES = ("Allowed", "Blocked", "Failed", "Total")


def _audit_line(report: ModerationReport) -> str:
    """Return the verdict on the log as reportlab markup, its texts escaped."""
    if report.audit is None:
        return "<b>Audit log not verified.</b> These counts were taken without checking the log behind them."
    reason = html.escape(_latin(report.audit.reason))
    if report.audit.ok:
        return f"<b>Audit log verified:</b> {reason}.<br/>Merkle root {report.audit.root_hex}"
    return f"<b>Audit log did not verify: do not rely on these counts.</b> {reason}."


def _headline(report: ModerationReport) -> tuple[str, ...]:
    total = report.total
    rate = "no decisions" if report.refusal_rate is None else f"{report.refusal_rate:.2%}"
    return (*(f"{number:,}" for number in (total.total, total.allowed, total.blocked, total.failed)), rate)


def _coverage(report: ModerationReport) -> list[tuple[str, ...]]:
    coverage = report.coverage
    return [
        ("Requests for pictures (generation, edit, mark)", f"{coverage.picture_requests:,}"),
        ("Blocked at the prompt", f"{coverage.blocked_at_input:,}"),
        ("Blocked at the picture", f"{coverage.blocked_at_output:,}"),
        ("Released", f"{coverage.released:,}"),
        ("Pictures marked and registered", f"{coverage.pictures_marked:,}"),
        ("Released without a mark (must be 0)", f"{coverage.released_without_mark:,}"),
    ]


def _rows(tallies: Iterable[Tally]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        (t.name, f"{t.allowed:,}", f"{t.blocked:,}", f"{t.failed:,}", f"{t.total:,}") for t in tallies
    ]
    return rows or [("none", "", "", "", "")]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> LongTable:
    """A table with its header repeated on every page; the first column wraps and takes what is left."""
    narrow = 62.0
    widths = [WIDTH - narrow * (len(header) - 1), *[narrow] * (len(header) - 1)]
    small = text_style(9)
    body = [[Paragraph(html.escape(_latin(row[0])), small), *row[1:]] for row in rows]
    style = TableStyle(
        [
            ("FONT", (0, 0), (-1, 0), BOLD, 8),
            ("FONT", (0, 1), (-1, -1), REGULAR, 9),
            ("TEXTCOLOR", (0, 0), (-1, 0), SOFT),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("RIGHTPADDING", (-1, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return LongTable([list(header), *body], colWidths=widths, style=style, repeatRows=1)


def _drawing(chart: Chart) -> Drawing:
    """Draw the stacked bars with their grid and legend."""
    left, base, high, height = 34.0, 32.0, 120.0, 166.0
    pitch = (WIDTH - left) / len(chart.bars)
    every = -(-len(chart.bars) // 6)
    drawing = Drawing(WIDTH, height)
    for tick in chart.ticks:
        y = base + high * tick / chart.top
        drawing.add(Line(left, y, WIDTH, y, strokeColor=LINE, strokeWidth=0.5))
        drawing.add(_label(f"{tick:,}", left - 4, y - 3, "end"))
    for place, bar in enumerate(chart.bars):
        x, y = left + pitch * (place + 0.12), base
        for part, colour in _COLOURS.items():
            tall = high * getattr(bar, part) / chart.top
            drawing.add(_block(x, y, pitch * 0.76, tall, colour))
            y += tall
        if place % every == 0:
            near_edge = x > WIDTH - 40
            drawing.add(
                _label(bar.first_day, WIDTH if near_edge else x, base - 11, "end" if near_edge else "start")
            )
    for place, (part, colour) in enumerate(_COLOURS.items()):
        drawing.add(_block(left + 70 * place, 4, 8, 8, colour))
        drawing.add(_label(part, left + 70 * place + 12, 5, "start"))
    return drawing


def _block(x: float, y: float, width: float, height: float, colour: str) -> Rect:
    rect = Rect(x, y, width, height)
    rect.fillColor, rect.strokeColor = colors.HexColor(colour), None
    return rect


def _label(text: str, x: float, y: float, anchor: Literal["start", "end"]) -> String:
    return String(x, y, text, fontName=REGULAR, fontSize=7, fillColor=SOFT, textAnchor=anchor)


def _remark(text: str) -> Paragraph:
    style = text_style(8, colour=SOFT, after=3)
    style.keepWithNext = 1
    return Paragraph(text, style)


def _latin(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")

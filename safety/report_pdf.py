"""The moderation report as a PDF (A4), for files and auditors. Same figures and order as the HTML page.

Fonts are embedded (Bitstream Vera, shipped with reportlab); it has Latin letters only, so other characters
are shown as "?". Texts from entries are escaped before they reach reportlab, whose markup could otherwise
fetch pictures.
"""

import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import reportlab
from reportlab.graphics.shapes import Drawing, Line, Rect, String
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import KeepTogether, LongTable, Paragraph, SimpleDocTemplate, TableStyle

from safety.report_chart import Chart, lay_out
from safety.report_counts import ModerationReport, Tally
from safety.report_html import TABLES

_REGULAR, _BOLD = "Vera", "VeraBd"
_COLOURS = {"allowed": "#2f6fb2", "blocked": "#c2570c", "failed": "#7b828b"}
_SOFT, _LINE = colors.HexColor("#59636e"), colors.HexColor("#d5dae0")
_MARGIN = 18 * mm
_PADDING = 6  # what reportlab's frame adds inside the margin, in points
_WIDTH = A4[0] - 2 * _MARGIN - 2 * _PADDING


def to_pdf(report: ModerationReport) -> bytes:
    """Return the report as a PDF file; the same report gives the same bytes."""
    _register_fonts()
    out = io.BytesIO()
    title = f"Moderation report {report.date_from} to {report.date_to}"
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=title,
        author="Countermark",
        lang="en",
        invariant=1,  # no clock and no random id in the file
    )
    chart = lay_out(report.by_day)
    busy = [tally for tally in report.by_day if tally.total]
    story: list[Any] = [
        Paragraph("Moderation report", _style(18, bold=True, after=2)),
        Paragraph(f"{report.date_from} to {report.date_to}, days in UTC", _style(10)),
        Paragraph(f"Made {report.generated_at:%Y-%m-%d %H:%M:%S} UTC", _style(9, colour=_SOFT, after=8)),
        Paragraph(_audit_line(report), _style(9, after=10)),
        _table(("Requests", "Allowed", "Blocked", "Failed", "Refusal rate"), [_headline(report)]),
        _heading("Requests by day"),
        *([_remark(f"Each bar is {chart.days_per_bar} days.")] if chart.days_per_bar > 1 else []),
        _drawing(chart),
        KeepTogether([_heading("Coverage"), _table(("Measure", "Count"), _coverage(report))]),
    ]
    for name, heading, section, note in TABLES:
        table = _table((heading, *_OUTCOMES), _rows(getattr(report, name)))
        story += [_heading(section), *([_remark(note)] if note else []), table]
    story += [_heading("Day by day"), _table(("Day (UTC)", *_OUTCOMES), _rows(busy))]
    document.build(story, onFirstPage=_footer(title), onLaterPages=_footer(title))
    return out.getvalue()


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
    widths = [_WIDTH - narrow * (len(header) - 1), *[narrow] * (len(header) - 1)]
    small = _style(9)
    body = [[Paragraph(html.escape(_latin(row[0])), small), *row[1:]] for row in rows]
    style = TableStyle(
        [
            ("FONT", (0, 0), (-1, 0), _BOLD, 8),
            ("FONT", (0, 1), (-1, -1), _REGULAR, 9),
            ("TEXTCOLOR", (0, 0), (-1, 0), _SOFT),
            ("ALIGN", (1, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
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
    pitch = (_WIDTH - left) / len(chart.bars)
    every = -(-len(chart.bars) // 6)
    drawing = Drawing(_WIDTH, height)
    for tick in chart.ticks:
        y = base + high * tick / chart.top
        drawing.add(Line(left, y, _WIDTH, y, strokeColor=_LINE, strokeWidth=0.5))
        drawing.add(_label(f"{tick:,}", left - 4, y - 3, "end"))
    for place, bar in enumerate(chart.bars):
        x, y = left + pitch * (place + 0.12), base
        for part, colour in _COLOURS.items():
            tall = high * getattr(bar, part) / chart.top
            drawing.add(_block(x, y, pitch * 0.76, tall, colour))
            y += tall
        if place % every == 0:
            near_edge = x > _WIDTH - 40
            drawing.add(
                _label(bar.first_day, _WIDTH if near_edge else x, base - 11, "end" if near_edge else "start")
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
    return String(x, y, text, fontName=_REGULAR, fontSize=7, fillColor=_SOFT, textAnchor=anchor)


def _heading(text: str) -> Paragraph:
    style = _style(12, bold=True, after=4)
    style.spaceBefore, style.keepWithNext = 14, 1
    return Paragraph(text, style)


def _remark(text: str) -> Paragraph:
    style = _style(8, colour=_SOFT, after=3)
    style.keepWithNext = 1
    return Paragraph(text, style)


def _style(
    size: float, *, bold: bool = False, colour: Any = colors.black, after: float = 0
) -> ParagraphStyle:
    return ParagraphStyle(
        f"{size}-{bold}",
        fontName=_BOLD if bold else _REGULAR,
        fontSize=size,
        leading=size * 1.35,
        textColor=colour,
        spaceAfter=after,
    )


def _footer(title: str) -> Any:
    def draw(canvas: Any, document: Any) -> None:
        canvas.setFont(_REGULAR, 7)
        canvas.setFillColor(_SOFT)
        canvas.drawString(_MARGIN + _PADDING, 10 * mm, title)
        canvas.drawRightString(A4[0] - _MARGIN - _PADDING, 10 * mm, f"page {document.page}")

    return draw


def _latin(text: str) -> str:
    return text.encode("latin-1", "replace").decode("latin-1")


def _register_fonts() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (_REGULAR, _BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(_REGULAR, normal=_REGULAR, bold=_BOLD, italic=_REGULAR, boldItalic=_BOLD)

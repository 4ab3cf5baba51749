"""A verification report as a PDF (A4), with its signed receipt printed at the end.

The text is for people; the receipt is what can be checked: copied out of the PDF into a file, it verifies with
`countermark receipt verify`, which prints what was signed, so that changed text above it is noticed.

Characters that the embedded font lacks are shown as "?".
"""

import html
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.platypus import KeepTogether, LongTable, Paragraph, TableStyle

from safety.pdf_style import LINE, REGULAR, SOFT, WIDTH, build, heading, register_fonts, text_style
from service.verification_report import C2paSignal, VerificationReport

_RECEIPT_LINE: Final = 140  # characters of 5.5 points that fit a line
_SIGNED_FORM: Final = (
    "The text above is for reading. What follows is the same report as a signed receipt (JSON Web Signature). Copy it "
    "into a file and check it offline with the service's published keys: countermark receipt verify FILE --key "
    "jwks.json"
)
_CAUTION: Final = (
    "“Not detected” does not mean human-made. Most AI pictures carry no mark that this service can read, and "
    "marks can be lost."
)


def report_to_pdf(report: VerificationReport, *, address: str, time: datetime, receipt: str) -> bytes:
    """Return the report as a PDF file.

    Args:
        report: what was found.
        address: of the service that found it.
        time: when, timezone-aware.
        receipt: the same report, signed, in compact form.

    """
    register_fonts()
    checked = report.checked
    story: list[Any] = [
        Paragraph("Verification of a picture", text_style(18, bold=True, after=4)),
        _text(report.summary, text_style(11, after=6)),
        _text(_CAUTION, text_style(8, colour=SOFT, after=8)),
        _table(
            (
                ("Examined", f"{time:%Y-%m-%d %H:%M:%S} UTC by {address}"),
                ("File", f"{checked.format}, {checked.width} x {checked.height}, {checked.bytes:,} bytes"),
                ("SHA-256", checked.sha256),
                *_record(report),
            )
        ),
        heading("The signals"),
        *(KeepTogether(part) for part in _signals(report)),
    ]
    if report.timeline:
        steps = [(step.when or "no date", _step(step)) for step in report.timeline]
        story += [heading("History, as the Content Credentials tell it"), _table(steps)]
    if report.findings:
        story.append(heading("Findings"))
        for found in report.findings:
            meaning = f"Proves: {found.proves} Does not prove: {found.does_not_prove}"
            story.append(
                KeepTogether(
                    [
                        _text(f"{found.severity.upper()}  {found.text}", text_style(9, after=1)),
                        _text(
                            f"{found.technique}, {found.code}. {meaning}", text_style(8, colour=SOFT, after=6)
                        ),
                    ]
                )
            )
    mono = ParagraphStyle("receipt", fontName="Courier", fontSize=5.5, leading=6.5, splitLongWords=1)
    lines = [
        Paragraph(receipt[at : at + _RECEIPT_LINE], mono) for at in range(0, len(receipt), _RECEIPT_LINE)
    ]
    note = _text(_SIGNED_FORM, text_style(8, colour=SOFT, after=4))
    story.append(KeepTogether([heading("Signed receipt"), note, *lines]))  # no footer between its lines
    footer = f"Verification of the file {checked.sha256[:16]}..."
    return build(story, title="Verification of a picture", footer=footer)


def _record(report: VerificationReport) -> list[tuple[str, str]]:
    record = report.record
    if record is None:
        return [("Registry record", "none")]
    unsure = "" if record.confirmed else " (not confirmed to be this picture's)"
    how = f"{record.id}, found by {record.found_by.replace('_', ' ')}{unsure}, made {record.created_at}"
    return [("Registry record", how), ("Made with", f"{record.generator} {record.generator_version}")]


def _signals(report: VerificationReport) -> Iterable[list[Any]]:
    signals = report.signals
    mark = signals.watermark
    rows = (
        ("Content Credentials", signals.c2pa, _credentials(signals.c2pa)),
        ("Invisible watermark", mark, f"id {mark.payload}" if mark.payload else ""),
        ("Metadata", signals.metadata, ", ".join(signals.metadata.sources)),
        ("Fingerprint", signals.fingerprint, signals.fingerprint.record_id or ""),
    )
    for title, row, detail in rows:
        answer = row.status.replace("_", " ") + (f" ({detail})" if detail else "")
        pairs = (("Answer", answer), ("Proves", row.proves), ("Does not prove", row.does_not_prove))
        yield [_text(title, text_style(10, bold=True, after=1)), _table([pair for pair in pairs if pair[1]])]


def _credentials(signal: C2paSignal) -> str:
    """The three answers, apart."""
    if signal.status == "not_present":
        return ""
    trust = {True: "signer trusted", False: "signer not trusted", None: "trust not established"}
    dates = {True: "certificate expired", False: "certificate in date", None: "dates not established"}
    signer = f", signed by {signal.signer}" if signal.signer else ""
    development = " with a DEVELOPMENT key" if signal.development_signer else ""
    return (
        f"integrity {signal.integrity or 'not established'}, {trust[signal.trusted]}, {dates[signal.expired]}"
        f"{signer}{development}"
    )


def _step(step: Any) -> str:
    parts = (step.action, step.program and f"with {step.program}", step.signer and f"signed by {step.signer}")
    return ("earlier file: " if step.depth else "") + ", ".join(part for part in parts if part)


def _table(rows: Sequence[tuple[str, str]]) -> LongTable:
    """Two columns; both wrap."""
    body = [[_text(name, text_style(8, colour=SOFT)), _text(value, text_style(8.5))] for name, value in rows]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, LINE),
            ("LEFTPADDING", (0, 0), (0, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return LongTable(body, colWidths=(90, WIDTH - 90), style=style)


def _text(text: str, style: ParagraphStyle) -> Paragraph:
    """A paragraph of a foreign text: escaped, and only in characters that the font has."""
    face: Any = pdfmetrics.getFont(REGULAR)
    known = face.face.charToGlyph
    return Paragraph(html.escape("".join(c if ord(c) in known else "?" for c in text)), style)

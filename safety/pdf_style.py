"""The look that our PDF documents share: page, type, headings and footer (A4, reportlab).

Fonts are embedded (Bitstream Vera, shipped with reportlab). Texts must be escaped before they reach a Paragraph, whose
markup could otherwise fetch pictures.
"""

import io
from pathlib import Path
from typing import Any, Final

import reportlab
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Paragraph, SimpleDocTemplate

REGULAR, BOLD = "Vera", "VeraBd"
SOFT, LINE = colors.HexColor("#59636e"), colors.HexColor("#d5dae0")
_MARGIN: Final = 18 * mm
_PADDING: Final = 6  # what reportlab's frame adds inside the margin, in points
WIDTH: Final = A4[0] - 2 * _MARGIN - 2 * _PADDING
"""Of the text, in points."""


def register_fonts() -> None:
    """Make both fonts known to reportlab, with <b> for the bold one; before the first Paragraph."""
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (REGULAR, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)


def build(story: list[Any], *, title: str, footer: str, **options: Any) -> bytes:
    """Lay `story` out on pages with `footer` and the page's number below; `options` are SimpleDocTemplate's."""

    def draw_footer(canvas: Any, document: Any) -> None:
        canvas.setFont(REGULAR, 7)
        canvas.setFillColor(SOFT)
        canvas.drawString(_MARGIN + _PADDING, 10 * mm, footer)
        canvas.drawRightString(A4[0] - _MARGIN - _PADDING, 10 * mm, f"page {document.page}")

    out = io.BytesIO()
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
        **options,
    )
    document.build(story, onFirstPage=draw_footer, onLaterPages=draw_footer)
    return out.getvalue()


def heading(text: str) -> Paragraph:
    """A heading that stays with what follows it; `text` is ours."""
    style = text_style(12, bold=True, after=4)
    style.spaceBefore, style.keepWithNext = 14, 1
    return Paragraph(text, style)


def text_style(
    size: float, *, bold: bool = False, colour: Any = colors.black, after: float = 0
) -> ParagraphStyle:
    """Return the style of a text of `size` points with `after` points of room below."""
    return ParagraphStyle(
        f"{size}-{bold}",
        fontName=BOLD if bold else REGULAR,
        fontSize=size,
        leading=size * 1.35,
        textColor=colour,
        spaceAfter=after,
    )

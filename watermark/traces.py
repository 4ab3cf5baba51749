"""Everything that one file says about its origin, raw: read once, judged by `writers`, `metadata` and `disclosure`.

Values are not cleaned and never shown as they are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from watermark.containers import Blocks, find_blocks
from watermark.exif import ExifFields, read_exif
from watermark.labels.tc260 import KEYWORD, parse_aigc
from watermark.xmp import XmpFields, read_xmp

STATEMENT_KEYWORD = "AI-Generated"
"""PNG text keyword of our own statement."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What a rule may look at.

    Attributes:
        exif: the listed tags.
        xmp: the listed properties, by their prefixed names.
        text: PNG text by keyword.
        iim: JPEG's IPTC-IIM block, or empty.
        data: the whole file, for traces that stand behind its end.
        problems: what is malformed, in words.

    """

    exif: ExifFields
    xmp: Mapping[str, str]
    text: Mapping[str, str]
    iim: bytes
    data: bytes
    problems: tuple[str, ...] = ()

    @property
    def software(self) -> str:
        """What EXIF, XMP or PNG text names as the program, joined."""
        return " ".join(
            (
                self.exif.text.get("Software", ""),
                self.xmp.get("xmp:CreatorTool", ""),
                self.text.get("Software", ""),
                self.exif.text.get("Make", ""),
            )
        )

    @property
    def statements(self) -> Mapping[str, Mapping[str, str]]:
        """Our own JSON statements, by carrier; those that do not parse are left out."""
        found = {
            "EXIF UserComment": _statement(self.exif.user_comment),
            f"PNG text {STATEMENT_KEYWORD}": _statement(self.text.get(STATEMENT_KEYWORD, "")),
        }
        return {carrier: statement for carrier, statement in found.items() if statement}

    @property
    def aigc(self) -> Mapping[str, Mapping[str, object]]:
        """China's AIGC labels, by carrier; values as they stand."""
        found = {
            "XMP TC260:AIGC": parse_aigc(self.xmp.get("TC260:AIGC", "")),
            f"PNG text {KEYWORD}": parse_aigc(self.text.get(KEYWORD, "")),
            "EXIF UserComment": parse_aigc(self.exif.user_comment),
        }
        return {carrier: label for carrier, label in found.items() if label is not None}


def collect_traces(data: bytes, format: str) -> Traces:  # noqa: A002 - the word of Picture.format
    """Read an untrusted file; never raises.

    Args:
        data: the whole file.
        format: as `Picture.format` or `sniff_format` names it.

    """
    blocks: Blocks = find_blocks(data, format)
    exif = read_exif(blocks.exif) if blocks.exif else ExifFields()
    xmp = read_xmp(blocks.xmp) if blocks.xmp else XmpFields()
    problems = (*blocks.problems, *(problem for problem in (exif.problem, xmp.problem) if problem))
    unique = tuple(dict.fromkeys(problems))
    return Traces(exif, xmp.values, blocks.text, blocks.iim or b"", data, unique)


def _statement(text: str) -> Mapping[str, str]:
    """Parse one of our JSON statements; anything else is empty."""
    if '"countermark_id"' not in text:
        return {}
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict):
        return {}
    return {key: value for key, value in parsed.items() if isinstance(value, str)}

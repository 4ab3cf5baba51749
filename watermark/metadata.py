"""EXIF, XMP and PNG text as one layer of marking: writing a label, and reading what a stranger's file claims.

Rules of reading:

* it never raises on a file: malformed metadata is status `invalid` with the reason in `notes`;
* the answer may be shown to the public, so only the whitelist `FIELDS` leaves this module: what made the
  picture, never who. Artist, author, credit lines of people, GPS, serial numbers, prompts and camera dates
  are not among them, whatever the file holds;
* every value is cut to 200 characters and stripped of control and bidirectional characters;
* metadata is unsigned: a claim found here proves nothing, and absence proves less.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from watermark.exif import build_exif
from watermark.label import AiLabel, says_ai, source_term
from watermark.labels.tc260 import KEYWORD, SEAL
from watermark.traces import STATEMENT_KEYWORD, Traces, collect_traces
from watermark.untrusted_text import clean_text
from watermark.writers import Writer, recognise_writers
from watermark.xmp import IDENTIFIER_PREFIX, build_xmp

__all__ = ["FIELDS", "MetadataReport", "build_exif", "build_text", "build_xmp", "read_metadata"]

# Every field that can appear. `provider` only where the file is ours or the credit line is a service's.
FIELDS: Final = (
    "digital_source_type",
    "ai_system",
    "ai_system_version",
    "provider",
    "created",
    "software",
    "aigc_label",
    "aigc_producer",
    "aigc_produce_id",
)
_RECORD_ID: Final = re.compile(re.escape(IDENTIFIER_PREFIX) + "([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class Claim:
    """One recognised statement: who is known to write it, by which convention, and what it says about AI."""

    writer: str
    convention: str
    says_ai: bool | None


@dataclass(frozen=True, slots=True)
class MetadataReport:
    """What the metadata of one file claims.

    Attributes:
        status: `detected` when it says how the picture was made; `invalid` when it is malformed or
            contradicts itself, and so says nothing usable; else `not_detected`.
        ai_generated: True or False as claimed; None when nothing, or both, is claimed (see `labelled_ai`).
        record_id: 16 hex digits when one of our labels is there, exactly one id.
        fields: subset of `FIELDS`, cleaned.
        sources: recognised writers, `countermark` and `iptc` first.
        claims: each thing that was recognised, with the convention it follows; `sources` in detail.
        notes: what is malformed, and ids that contradict each other, in words.

    """

    status: Literal["detected", "not_detected", "invalid"]
    ai_generated: bool | None = None
    record_id: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def labelled_ai(self) -> bool:
        """Whether anything in the metadata says that the picture is AI-generated, whatever else is said."""
        return self.ai_generated is True or any(claim.says_ai for claim in self.claims)


def build_text(label: AiLabel) -> dict[str, str]:
    """Write a label as PNG text: `Software`, the statement as JSON under `AI-Generated`, China's under `AIGC`."""
    aigc = {KEYWORD: label.aigc.wrapped} if label.aigc else {}
    return aigc | {
        "Software": f"{label.system} {label.system_version}",
        STATEMENT_KEYWORD: json.dumps(
            {
                "digital_source_type": label.source_type,
                "provider": label.provider,
                "system": label.system,
                "system_version": label.system_version,
                "created": label.created_text,
                "countermark_id": label.record_id,
            }
        ),
    }


def read_metadata(data: bytes, format: str) -> MetadataReport:  # noqa: A002 - the word of Picture.format
    """Read what an untrusted file claims about its origin.

    Args:
        data: the whole file.
        format: as `Picture.format` or `sniff_format` names it.

    """
    traces = collect_traces(data, format)
    notes = list(traces.problems)
    statements = list(traces.statements.values())
    record_ids = _record_ids(traces, statements)
    writers = recognise_writers(traces)
    source_types = _source_types(traces.xmp, statements)
    claims = _claims(writers, source_types)
    if len(record_ids) > 1:
        notes.append("the metadata names more than one record id")

    named = [Claim("countermark", "Countermark record id", None)] * bool(record_ids)
    named += [
        Claim("iptc", f"IPTC digital source type {source_term(uri)}", says_ai(uri)) for uri in source_types
    ]
    named += [Claim(writer.name, writer.convention, writer.says_ai) for writer in writers]
    sources = list(dict.fromkeys(claim.writer for claim in named))
    status: Literal["detected", "not_detected", "invalid"] = "not_detected"
    if len(record_ids) > 1 or (notes and not sources):
        status = "invalid"
    elif sources:
        status = "detected"
    return MetadataReport(
        status=status,
        ai_generated=next(iter(claims)) if len(claims) == 1 else None,
        record_id=next(iter(record_ids)) if len(record_ids) == 1 else None,
        fields=_fields(traces, statements, ours=bool(record_ids), says_how=bool(sources)),
        sources=tuple(sources),
        claims=tuple(dict.fromkeys(named)),
        notes=tuple(clean_text(note) for note in notes),
    )


def _record_ids(traces: Traces, statements: list[Mapping[str, str]]) -> set[str]:
    stated = [traces.xmp.get("dc:identifier", ""), traces.xmp.get("Iptc4xmpExt:DigImageGUID", "")]
    stated += [
        IDENTIFIER_PREFIX + _text(label.get("ProduceID"))
        for label in traces.aigc.values()
        if _text(label.get("ReservedCode1")).startswith(SEAL)  # other providers' numbers are not ours
    ]
    stated += [IDENTIFIER_PREFIX + statement.get("countermark_id", "") for statement in statements]
    return {match.group(1) for match in map(_RECORD_ID.fullmatch, stated) if match}


def _source_types(xmp: Mapping[str, str], statements: list[Mapping[str, str]]) -> list[str]:
    stated = [xmp.get("Iptc4xmpExt:DigitalSourceType", "")]
    stated += [statement.get("digital_source_type", "") for statement in statements]
    return [uri for uri in stated if source_term(uri)]


def _claims(writers: tuple[Writer, ...], source_types: list[str]) -> set[bool]:
    claimed = [writer.says_ai for writer in writers] + [says_ai(uri) for uri in source_types]
    return {claim for claim in claimed if claim is not None}


def _fields(
    traces: Traces, statements: list[Mapping[str, str]], *, ours: bool, says_how: bool
) -> Mapping[str, str]:
    """Fill the whitelist; XMP first, then our own statements."""
    if not says_how:
        return {}
    own: dict[str, str] = {}
    for statement in statements:
        own = {**statement, **own}
    credit = traces.xmp.get("photoshop:Credit", "")
    by_service = bool(re.search(r"\bwith google ai\b", credit, re.IGNORECASE))
    aigc = next((label for label in traces.aigc.values() if isinstance(label.get("Label"), str)), {})
    source_types = _source_types(traces.xmp, statements)
    stated = {
        "digital_source_type": source_types[0] if source_types else "",
        "ai_system": traces.xmp.get("Iptc4xmpExt:AISystemUsed") or own.get("system", ""),
        "ai_system_version": traces.xmp.get("Iptc4xmpExt:AISystemVersionUsed")
        or own.get("system_version", ""),
        "provider": (credit if ours or by_service else "") or own.get("provider", ""),
        # A date is personal where a camera wrote it, so only dates of our own labels are shown.
        "created": (traces.xmp.get("xmp:CreateDate", "") if ours else "") or own.get("created", ""),
        "software": traces.xmp.get("xmp:CreatorTool")
        or traces.exif.text.get("Software")
        or traces.text.get("Software", ""),
        "aigc_label": _text(aigc.get("Label")),
        "aigc_producer": _text(aigc.get("ContentProducer")),
        "aigc_produce_id": _text(aigc.get("ProduceID")),
    }
    return {name: cleaned for name, value in stated.items() if (cleaned := clean_text(value))}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

"""EXIF, XMP and PNG text as one layer of marking: writing a label, and reading what a stranger's file claims.

Rules of reading:

* it never raises on a file: malformed metadata is status `invalid` with the reason in `notes`;
* the answer may be shown to the public, so only the whitelist `FIELDS` leaves this module: what made the
  picture, never who. Artist, author, credit lines of people, GPS, serial numbers, prompts and camera dates
  are not among them, whatever the file holds;
* a value of somebody else's that looks like an address, a path or a link is not shown, only where it stands;
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
# Names and versions of programs and models; no address, path, link or key=value pair, which may name people.
_HARMLESS: Final = re.compile(r"[\w .,:;()+'&!®™©–-]*")
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
        fields: subset of `FIELDS`, cleaned, without what may be personal.
        sources: recognised writers, `countermark` and `iptc` first.
        claims: each thing that was recognised, with the convention it follows; `sources` in detail.
        notes: in words, what is malformed, ids that contradict each other, and values that are not shown.

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
    fields, withheld = _fields(traces, statements, ours=bool(record_ids), says_how=bool(sources))
    notes += [f"the value in {place} is not shown: it may be personal" for place in withheld]
    return MetadataReport(
        status=status,
        ai_generated=next(iter(claims)) if len(claims) == 1 else None,
        record_id=next(iter(record_ids)) if len(record_ids) == 1 else None,
        fields=fields,
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
) -> tuple[Mapping[str, str], list[str]]:
    """Fill the whitelist, XMP first, then our own statements; return it and the places whose values are not shown.

    A value of a file without our label is shown in a harmless form only: programs write paths with user names, and
    people write addresses, into any field.
    """
    if not says_how:
        return {}, []
    own: dict[str, str] = {}
    for statement in statements:
        own = {**statement, **own}
    xmp, credit = traces.xmp, traces.xmp.get("photoshop:Credit", "")
    by_service = bool(re.search(r"\bwith google ai\b", credit, re.IGNORECASE))
    aigc = next((label for label in traces.aigc.values() if isinstance(label.get("Label"), str)), {})
    system, version = "Iptc4xmpExt:AISystemUsed", "Iptc4xmpExt:AISystemVersionUsed"
    stated = {
        "ai_system": ((f"XMP {system}", xmp.get(system)), ("our statement", own.get("system"))),
        "ai_system_version": (
            (f"XMP {version}", xmp.get(version)),
            ("our statement", own.get("system_version")),
        ),
        "provider": (
            ("XMP photoshop:Credit", credit if ours or by_service else ""),
            ("our statement", own.get("provider")),
        ),
        # A date is personal where a camera wrote it, so only dates of our own labels are shown.
        "created": (
            ("XMP xmp:CreateDate", xmp.get("xmp:CreateDate") if ours else ""),
            ("our statement", own.get("created")),
        ),
        "software": (
            ("XMP xmp:CreatorTool", xmp.get("xmp:CreatorTool")),
            ("EXIF Software", traces.exif.text.get("Software")),
            ("text Software", traces.text.get("Software")),
        ),
        "aigc_label": (("AIGC Label", _text(aigc.get("Label"))),),
        "aigc_producer": (("AIGC ContentProducer", _text(aigc.get("ContentProducer"))),),
        "aigc_produce_id": (("AIGC ProduceID", _text(aigc.get("ProduceID"))),),
    }
    source_types = _source_types(xmp, statements)
    fields = {"digital_source_type": source_types[0]} if source_types else {}
    withheld = []
    for name, places in stated.items():
        place, value = next(
            ((place, cleaned) for place, text in places if (cleaned := clean_text(text))), ("", "")
        )
        program = f"{fields.get('ai_system')} {fields.get('ai_system_version')}"  # as our labels name it
        written_by_us = ours and (name != "software" or value == clean_text(program))
        if value and (written_by_us or _HARMLESS.fullmatch(value)):
            fields[name] = value
        elif value:
            withheld.append(place)
    return fields, withheld


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""

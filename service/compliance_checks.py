"""The checks that clauses name: each looks at what was read from one file and answers with evidence.

Rules: `missing` only where the file was looked at and does not have it; where another provider's mark, an unknown
script or a failed reader may hide it, the answer is `cannot_be_judged` with the reason. Values that may be personal
are not repeated, only where they stand.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.compliance_report import Status
from service.verification_report import C2paSignal, MetadataSignal, VerificationReport
from service.visible_labels import VisibleLabel
from watermark.disclosure import Disclosure
from watermark.labels.profile import Clause
from watermark.labels.tc260 import faults, is_sealed_by

# Letters are measured to a pixel or two; of a label 26 px high that is less than this share.
_MEASURED: Final = 0.05


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one file.

    Attributes:
        format: as `Picture.format`.
        report: of the verification protocol.
        disclosure: what the metadata state.
        labels: visible labels; None when the reader failed.
        keys: watermark keys, newest first, for the seal of China's label.

    """

    format: str
    report: VerificationReport
    disclosure: Disclosure
    labels: tuple[VisibleLabel, ...] | None
    keys: tuple[bytes, ...]

    @property
    def credentials(self) -> C2paSignal:
        """The row about Content Credentials."""
        return self.report.signals.c2pa


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of one check."""

    status: Status
    evidence: str


Check = Callable[[Facts, Clause], Answer]


def _signed_ai_statement(facts: Facts, _: Clause) -> Answer:
    c2pa = facts.credentials
    if c2pa.status == "not_present":
        return Answer("missing", "The file carries no C2PA manifest.")
    if c2pa.status == "recovered":
        return Answer("missing", "The manifest is only in this service's registry, not in the file.")
    if c2pa.status == "invalid":
        return Answer(
            "missing", f"The C2PA manifest is not valid: {', '.join(c2pa.codes[:3]) or 'it cannot be read'}."
        )
    if not c2pa.ai_generated:
        return Answer("missing", "The C2PA manifest is valid but does not say that AI took part.")
    signer = "with a DEVELOPMENT key" if c2pa.development_signer else f"by {c2pa.signer}"
    trust = "" if c2pa.trusted else ", who is not on this installation's trust list"
    return Answer("satisfied", f"Valid C2PA manifest, signed {signer}{trust}: {c2pa.digital_source_type}.")


def _signed_timestamp(facts: Facts, _: Clause) -> Answer:
    c2pa = facts.credentials
    if c2pa.status == "valid" and c2pa.signed_at:
        return Answer("satisfied", f"A trusted authority's timestamp of {c2pa.signed_at}.")
    if c2pa.status == "valid" and "timeStamp.validated" in c2pa.codes:
        return Answer("missing", "There is a timestamp, but its authority is not known to be trusted here.")
    if c2pa.status == "valid":
        return Answer("missing", "The C2PA manifest has no valid timestamp.")
    return Answer("missing", "There is no valid C2PA manifest that could be time-stamped.")


def _invisible_watermark(facts: Facts, _: Clause) -> Answer:
    mark = facts.report.signals.watermark
    if any(finding.code == "transplanted_watermark" for finding in facts.report.findings):
        return Answer(
            "missing", "The watermark in the pixels has the number of a picture that this one does not show."
        )
    if mark.status == "detected":
        return Answer("satisfied", f"This service's watermark, payload {mark.payload or 'unreadable'}.")
    if mark.status == "not_checked":
        return Answer("cannot_be_judged", "The picture is too small to be searched.")
    if _is_ours(facts):
        return Answer("missing", "The file names a record of this service, but its watermark was not found.")
    return Answer(
        "cannot_be_judged",
        "This service's watermark was not found; one of another provider cannot be read here.",
    )


def _is_ours(facts: Facts) -> bool:
    record = facts.report.record
    named = record is not None and record.found_by != "fingerprint"  # likeness is not identity
    return named or facts.report.signals.metadata.record_id is not None


def _registered(facts: Facts, _: Clause) -> Answer:
    record = facts.report.record
    if record is None or not record.confirmed or facts.report.verdict != "ours":
        return Answer("missing", "No record of this service is proven to be this picture's.")
    return Answer("satisfied", f"Record {record.id}, found by {record.found_by.replace('_', ' ')}.")


def _stated(facts: Facts, fact: str) -> str | None:
    places = facts.disclosure.stated[fact]
    return ", ".join(places) if places else None


def _provider_named(facts: Facts, _: Clause) -> Answer:
    if places := _stated(facts, "provider"):
        return Answer("satisfied", f"A provider is named in {places}.")
    if facts.credentials.status == "valid" and facts.credentials.signer:
        return Answer(
            "cannot_be_judged",
            f"Only the certificate names somebody, {facts.credentials.signer}; that this is the provider is not said.",
        )
    return Answer("missing", "Neither metadata nor a valid manifest name a provider.")


def _system_named(facts: Facts, _: Clause) -> Answer:
    system, version = _stated(facts, "system"), _stated(facts, "version")
    if system and version:
        return Answer("satisfied", f"System in {system}; version in {version}.")
    if system or version:
        return Answer(
            "missing", f"Only {'the system' if system else 'a version'} is stated: {system or version}."
        )
    if facts.credentials.status == "valid" and facts.credentials.generator:
        return Answer(
            "cannot_be_judged",
            f"The manifest names the program {facts.credentials.generator}; whether that is the generative system "
            "with its version is not said.",
        )
    return Answer("missing", "No system is named.")


def _time_stated(facts: Facts, _: Clause) -> Answer:
    if places := _stated(facts, "time"):
        return Answer("satisfied", f"A time is stated in {places}.")
    if facts.credentials.status == "valid" and facts.credentials.signed_at:
        return Answer("satisfied", f"The manifest was time-stamped on {facts.credentials.signed_at}.")
    return Answer("missing", "No time of creation is stated.")


def _unique_id_stated(facts: Facts, _: Clause) -> Answer:
    if places := _stated(facts, "identifier"):
        return Answer("satisfied", f"An identifier is stated in {places}.")
    if facts.credentials.status == "valid" and facts.credentials.manifest_id:
        return Answer("satisfied", f"The manifest has the identifier {facts.credentials.manifest_id}.")
    return Answer("missing", "No identifier is stated.")


def _labelled_ai(metadata: MetadataSignal) -> bool:
    """A contrary field does not unsay a label."""
    return metadata.ai_generated is True or any(claim.says_ai for claim in metadata.claims)


def _detected_here(facts: Facts, _: Clause) -> Answer:
    signals = facts.report.signals
    found = [
        name
        for name, there in (
            ("Content Credentials", signals.c2pa.status == "valid" and signals.c2pa.ai_generated),
            ("watermark", signals.watermark.status == "detected"),
            ("metadata", _labelled_ai(signals.metadata)),
        )
        if there
    ]
    if found:
        return Answer("satisfied", f"countermark verify reads that AI took part from: {', '.join(found)}.")
    return Answer("missing", "countermark verify finds nothing that says that AI took part.")


def _standard_form(facts: Facts, clause: Clause) -> Answer:
    signed = _signed_ai_statement(facts, clause)
    if signed.status == "satisfied":
        return signed
    return _machine_readable_ai(facts, clause)


def _machine_readable_ai(facts: Facts, _: Clause) -> Answer:
    places = [*facts.disclosure.says_ai]
    if facts.credentials.status == "valid" and facts.credentials.ai_generated:
        places.append("C2PA manifest")
    if places:
        return Answer("satisfied", f"AI is stated by: {', '.join(places)}.")
    return Answer("missing", "Nothing in the metadata says that AI took part.")


def _visible_label(facts: Facts, clause: Clause) -> Answer:
    if facts.labels is None:
        return Answer("cannot_be_judged", "The reader of text in pictures failed.")
    fitting = [label for label in facts.labels if not clause.words or re.search(clause.words, label.text)]
    if not fitting:
        if clause.unread:
            return Answer("cannot_be_judged", f"No label was read. {clause.unread}")
        other = f"; read instead: {facts.labels[0].text!r}" if facts.labels else ""
        return Answer("missing", f"No visible label was read in the picture{other}.")
    tallest = max(fitting, key=lambda label: label.height_share)
    size = f"{tallest.text!r}, its letters {tallest.height_share:.1%} of the shortest side high"
    tolerance = 0.0 if tallest.exact else _MEASURED
    if tallest.height_share < clause.height_share * (1 - tolerance):
        return Answer("missing", f"Too small: {size}, {clause.height_share:.0%} are asked for.")
    return Answer("satisfied", f"{size}{'' if tallest.exact else ' (measured)'}.")


def _visible_or_machine_readable(facts: Facts, clause: Clause) -> Answer:
    machine = _machine_readable_ai(facts, clause)
    if machine.status == "satisfied":
        return machine
    seen = _visible_label(facts, clause)
    return seen if seen.status != "missing" else Answer("missing", f"{machine.evidence} {seen.evidence}")


def _one_id_in_all_layers(facts: Facts, _: Clause) -> Answer:
    signals = facts.report.signals
    bound, payload = signals.c2pa.watermark_ids, signals.watermark.payload
    ids = {
        "watermark": payload,
        "metadata": signals.metadata.record_id,
        "manifest": payload if payload in bound else next(iter(bound), None),
    }
    known = {layer: value for layer, value in ids.items() if value}
    if len(known) == len(ids) and len(set(known.values())) == 1:
        return Answer("satisfied", f"Watermark, metadata and manifest name {signals.watermark.payload}.")
    if len(set(known.values())) > 1:
        return Answer("missing", f"The layers disagree: {known}.")
    return Answer("missing", f"Only these layers name an id: {', '.join(known) or 'none'}.")


def _aigc_fields(facts: Facts, _: Clause) -> Answer:
    if not facts.disclosure.aigc:
        return Answer("missing", "There is no AIGC string in XMP, EXIF or PNG text.")
    wrong = {carrier: faults(label) for carrier, label in facts.disclosure.aigc.items()}
    stated = [f"{carrier}: {'; '.join(found)}" for carrier, found in wrong.items() if found]
    if stated:
        return Answer("missing", ". ".join(stated) + ".")
    if len({str(sorted(label.items())) for label in facts.disclosure.aigc.values()}) > 1:
        return Answer("missing", "The AIGC strings in this file differ from one another.")
    return Answer("satisfied", f"Seven fields in good form in {', '.join(facts.disclosure.aigc)}.")


_AIGC_PLACES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "png": ("XMP TC260:AIGC", "PNG text AIGC"),
        "jpeg": ("XMP TC260:AIGC", "EXIF UserComment"),
        "webp": ("XMP TC260:AIGC", "EXIF UserComment"),
        "avif": ("XMP TC260:AIGC",),
        "tiff": ("XMP TC260:AIGC",),
        "gif": ("XMP TC260:AIGC",),
    }
)


def _aigc_places(facts: Facts, _: Clause) -> Answer:
    places = _AIGC_PLACES.get(facts.format)
    if places is None:
        return Answer("cannot_be_judged", f"No place is known for {facts.format}; save it as PNG or JPEG.")
    absent = [place for place in places if place not in facts.disclosure.aigc]
    if absent:
        return Answer("missing", f"It does not stand in {', '.join(absent)}.")
    return Answer("satisfied", f"It stands in {', '.join(facts.disclosure.aigc)}.")


def _aigc_integrity(facts: Facts, _: Clause) -> Answer:
    for carrier, label in facts.disclosure.aigc.items():
        values = {name: value for name, value in label.items() if isinstance(value, str)}
        if not values.get("ReservedCode1"):
            return Answer("missing", f"ReservedCode1 is empty in {carrier}.")
        sealed = is_sealed_by(values, facts.keys)
        if sealed is None:
            return Answer("cannot_be_judged", "ReservedCode1 is in another provider's format.")
        if not sealed:
            return Answer("missing", f"The seal in {carrier} does not fit its fields or this service's keys.")
        payload = facts.report.signals.watermark.payload
        if payload is None:
            return Answer(
                "cannot_be_judged",
                "The fields are as this service sealed them, but no watermark ties them to these pixels.",
            )
        if payload != values.get("ProduceID"):
            return Answer(
                "missing", f"The label belongs to {values.get('ProduceID')}, the pixels to {payload}."
            )
    if not facts.disclosure.aigc:
        return Answer("missing", "There is no AIGC string.")
    return Answer("satisfied", "The seal fits the fields, and ProduceID is the id in the watermark.")


CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "signed_ai_statement": _signed_ai_statement,
        "signed_timestamp": _signed_timestamp,
        "invisible_watermark": _invisible_watermark,
        "registered": _registered,
        "provider_named": _provider_named,
        "system_named": _system_named,
        "time_stated": _time_stated,
        "unique_id_stated": _unique_id_stated,
        "detected_here": _detected_here,
        "standard_form": _standard_form,
        "machine_readable_ai": _machine_readable_ai,
        "visible_label": _visible_label,
        "visible_or_machine_readable": _visible_or_machine_readable,
        "one_id_in_all_layers": _one_id_in_all_layers,
        "aigc_fields": _aigc_fields,
        "aigc_places": _aigc_places,
        "aigc_integrity": _aigc_integrity,
    }
)
"""Every check that a profile may name."""

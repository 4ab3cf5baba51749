"""Step 8 of the verification protocol: one verdict and one sentence, from the strongest proof downwards.

The order is the argument: a contradiction outranks everything; then what keys prove about this very file;
then what the watermark proves about the picture it came from; then other people's signatures; then mere
claims; then nothing. No sentence calls a picture authentic or human-made.
"""

from dataclasses import dataclass

from service.stores.record import Record
from service.verification_report import FoundBy, Verdict
from watermark import Detection
from watermark.manifest import ManifestReport
from watermark.metadata import MetadataReport

NOT_HUMAN_MADE = (
    "Not detected does not mean human-made: marks can be removed, and others' marks may be unknown here."
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the earlier steps established. `exact` means byte for byte the file that was released."""

    credentials: ManifestReport
    metadata: MetadataReport
    mark: Detection | None
    record: Record | None
    found_by: FoundBy
    exact: bool
    conflict: bool


def conclude(evidence: Evidence) -> tuple[Verdict, str]:
    """Return the verdict and its sentence."""
    if evidence.conflict:
        return (
            "conflict",
            "The marks in this file contradict each other, so no origin is confirmed; see the findings.",
        )
    return _from_our_marks(evidence) or _from_credentials(evidence.credentials) or _from_the_rest(evidence)


def _from_our_marks(evidence: Evidence) -> tuple[Verdict, str] | None:
    record, found_by = evidence.record, evidence.found_by
    if record is None or found_by == "metadata":
        if evidence.mark is not None and evidence.mark.payload is not None:
            return (
                "ours",
                "The watermark was made with this service's key, but the registry has no record of it.",
            )
        return None
    what = _describe(record)
    if evidence.exact:
        return "ours", f"This is, byte for byte, {what}."
    if found_by == "content_credentials":
        return "ours", f"Intact Content Credentials name {what}."
    sentence = f"The watermark shows {what}. "
    if evidence.credentials.integrity == "failed" and evidence.credentials.status == "invalid":
        return "ours", sentence + "This file was changed after it was signed."
    return "ours", sentence + "This file is a changed copy of it."


def _describe(record: Record) -> str:
    """Say what the record is about: a picture that we made, or one that somebody handed in and named."""
    when = f"{record.created_at:%Y-%m-%d at %H:%M} UTC"
    if record.kind == "mark":
        return (
            f"a picture that was handed to this service on {when} to be marked as AI-generated (its generator, as "
            f"stated: “{record.generator}”)"
        )
    return f"an AI-generated picture made by {record.generator} on {when} and released by this service"


def _from_credentials(credentials: ManifestReport) -> tuple[Verdict, str] | None:
    if credentials.status == "invalid" and credentials.integrity == "failed":
        text = "The file was changed after its Content Credentials were signed; they no longer vouch for it."
        return "invalid", text
    if credentials.status == "invalid":
        text = (
            "The Content Credentials fit this file, but their signature cannot be relied on (expired or unknown), "
            "so the origin is not confirmed."
        )
        return "credentials", text
    if credentials.status != "valid":
        return None
    who = f"signed by {credentials.signer}" if credentials.signer else "by an unnamed signer"
    trust = "a trusted signer" if credentials.trusted else "a signer that this service does not know"
    if credentials.ai_generated:
        return (
            "ai_generated",
            f"Intact Content Credentials {who} ({trust}) say that this picture is AI-generated.",
        )
    return "credentials", f"Intact Content Credentials {who} ({trust}) tell this file's history."


def _from_the_rest(evidence: Evidence) -> tuple[Verdict, str]:
    if evidence.metadata.ai_generated:
        text = "Only the metadata says that this picture is AI-generated; anyone can write or copy metadata."
        return "ai_generated", text
    if evidence.mark is not None and evidence.mark.status == "possible":
        text = "There may be a watermark of this service, but not surely enough to say so. "
        return "nothing_found", text + NOT_HUMAN_MADE
    return "nothing_found", "No mark that this service can read was found. " + NOT_HUMAN_MADE

"""Step 9 of the verification protocol: one verdict and one sentence, from the strongest proof downwards.

The order is the argument: a contradiction outranks everything; then what keys prove about this very file;
then what the watermark proves about the picture it came from, once the picture is confirmed to be that one; then a
trusted signature of others; then a mark of ours that may have been copied; then other credentials; then likeness to a
registered picture; then mere claims; then nothing. No sentence calls a picture authentic or human-made.
"""

from service.stores.record import Record
from service.verification_case import Case
from service.verification_report import Verdict
from watermark.manifest import ManifestReport

NOT_HUMAN_MADE = (
    "Not detected does not mean human-made: marks can be removed, and others' marks may be unknown here."
)
_LIKENESS_ONLY = "Likeness alone does not prove that this file came from there."


def conclude(case: Case) -> tuple[Verdict, str]:
    """Return the verdict and its sentence."""
    if case.conflict:
        worst = next(
            row for row in case.findings if row.technique == "consistency" and row.severity == "error"
        )
        return (
            "conflict",
            f"The marks in this file contradict each other, so no origin is confirmed. {worst.text}",
        )
    verdict, sentence = (
        _from_our_marks(case)
        or (_from_credentials(case.credentials) if _trusted(case.credentials) else None)
        or _from_an_unconfirmed_mark(case)
        or _from_credentials(case.credentials)
        or _from_likeness(case)
        or _from_the_rest(case)
    )
    if verdict in {"invalid", "credentials"} and case.metadata.labelled_ai:
        sentence += " The metadata says that the picture is AI-generated."
    return verdict, sentence


def _from_our_marks(case: Case) -> tuple[Verdict, str] | None:
    record = case.record
    if record is None or not case.confirmed:
        return None
    what = _describe(record)
    if case.exact:
        return "ours", f"This is, byte for byte, {what}."
    if case.found_by == "content_credentials":
        return "ours", f"Intact Content Credentials name {what}."
    sentence = f"The watermark shows {what}. "
    if case.credentials.changed and case.credentials.status == "invalid":
        return "ours", sentence + "This file was changed after it was signed."
    if case.likeness is not None and case.likeness.status == "similar":
        return (
            "ours",
            sentence + "This picture resembles it; that it is a copy was not confirmed detail by detail.",
        )
    return "ours", sentence + "This file is a changed copy of it."


def _from_an_unconfirmed_mark(case: Case) -> tuple[Verdict, str] | None:
    """A mark of ours that leads to no picture, or to one that this was not confirmed to be: marks can be copied."""
    if case.mark is None or not case.mark.present:
        return None
    if case.mark.payload is None:
        text = "The pixels carry this service's watermark, but too little of it to read its number"
        if case.record is not None and case.found_by == "fingerprint":
            return "resembles", f"{text}. The picture matches {_describe(case.record)}. {_LIKENESS_ONLY}"
        text += ": no record is known, and a mark without its number can be imitated, so it proves no origin."
    elif case.record is None or case.found_by != "watermark":
        text = (
            "The watermark was made with this service's key, but the registry has no record of its number. "
        )
        text += "A mark can be copied from one picture to another, so it proves no origin."
    else:
        text = (
            f"The watermark in this picture has the number of {_describe(case.record)}. Whether this is that "
        )
        text += "picture could not be confirmed, and a mark can be copied from one picture to another."
    return "unconfirmed", text


def _describe(record: Record) -> str:
    """Say what the record is about: a picture that we made, or one that somebody handed in and named."""
    when = f"{record.created_at:%Y-%m-%d at %H:%M} UTC"
    if record.kind == "mark":
        return (
            f"a picture that was handed to this service on {when} to be marked as AI-generated (its generator, as "
            f"stated: “{record.generator}”)"
        )
    return f"an AI-generated picture made by {record.generator} on {when} and released by this service"


def _trusted(credentials: ManifestReport) -> bool:
    return credentials.status == "valid" and credentials.trusted is True


def _from_credentials(credentials: ManifestReport) -> tuple[Verdict, str] | None:
    if credentials.status == "invalid" and credentials.integrity != "ok":
        return "invalid", _why_invalid(credentials)
    if credentials.status == "invalid":
        text = (
            "The Content Credentials fit this file, but their signature cannot be relied on (expired or unknown), "
            "so the origin is not confirmed."
        )
        return "credentials", text
    if credentials.status != "valid":  # recovered ones speak through the record
        return None
    who = f"signed by {credentials.signer}" if credentials.signer else "by an unnamed signer"
    trust = "a trusted signer" if credentials.trusted else "a signer that this service does not know"
    if credentials.ai_generated:
        return (
            "ai_generated",
            f"Intact Content Credentials {who} ({trust}) say that this picture is AI-generated.",
        )
    return "credentials", f"Intact Content Credentials {who} ({trust}) tell this file's history."


def _why_invalid(credentials: ManifestReport) -> str:
    """Say what is wrong with credentials that do not hold: "changed" only where a signed hash shows it."""
    if credentials.integrity is None:
        return "The file carries Content Credentials that cannot be read, so they say nothing about it."
    if not credentials.signature_valid:
        return "The signature of the file's Content Credentials is invalid, so they vouch for nothing."
    if credentials.changed:
        return "The file was changed after its Content Credentials were signed; they no longer vouch for it."
    return "The file's Content Credentials failed validation, so they vouch for nothing."


def _from_likeness(case: Case) -> tuple[Verdict, str] | None:
    if case.record is None or case.found_by != "fingerprint":
        return None
    text = f"No mark in this file can be read, but the picture matches {_describe(case.record)}. "
    return "resembles", text + _LIKENESS_ONLY


def describe_known(record: Record | None) -> str:
    """Say what is known of a file by its hash alone."""
    if record is not None:
        return f"This service knows this exact file: it is, byte for byte, {_describe(record)}."
    return (
        "This service has released no file with exactly these bytes. That says nothing about the picture: any "
        "copy that was saved again has other bytes. Choose the file to have it examined."
    )


def _from_the_rest(case: Case) -> tuple[Verdict, str]:
    if case.metadata.ai_generated:
        text = "Only the metadata says that this picture is AI-generated; anyone can write or copy metadata."
        return "ai_generated", text
    if case.metadata.labelled_ai:
        text = (
            "The metadata says that this picture is AI-generated, but another field of it says that it is not; anyone "
            "can write or copy metadata."
        )
        return "ai_generated", text
    if case.mark is not None and case.mark.status == "possible":
        text = "There may be a watermark of this service, but not surely enough to say so. "
        return "nothing_found", text + NOT_HUMAN_MADE
    if not case.searched:
        return (
            "nothing_found",
            "The file has no label of AI and no signature; its pixels were not examined. " + NOT_HUMAN_MADE,
        )
    if case.metadata.status == "detected":
        text = "Only the metadata says something about the origin, which anyone can write or copy, and it does not say "
        text += "that the picture is AI-generated. "
        return "nothing_found", text + NOT_HUMAN_MADE
    return "nothing_found", "No mark that this service can read was found. " + NOT_HUMAN_MADE

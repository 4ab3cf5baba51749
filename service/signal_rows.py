"""The rows of a verification report: each signal with plain words for what it proves and what it does not."""

import math

from service.consistency import bound_ids
from service.presence_map import quantise
from service.stores.record import Record
from service.verification_case import Case
from service.verification_report import (
    C2paSignal,
    FingerprintSignal,
    FoundBy,
    MarkStatus,
    MetadataClaim,
    MetadataSignal,
    OtherMark,
    PublicRecord,
    SimilarRecord,
    WatermarkSignal,
)
from watermark.manifest import ManifestReport
from watermark.metadata import MetadataReport

# status: (what it proves, what it does not)
_C2PA_WORDS = {
    "valid": (
        "The file is unchanged since it was signed by the holder of this certificate.",
        "That what the signer says is true; only who says it, and that nobody changed it since.",
    ),
    "recovered": (
        "How the original was made: this service stored these credentials, and their signature is sound.",
        "That this copy is unchanged: its pixels differ from the signed original.",
    ),
    "not_present": ("Nothing.", "Anything: most programs and sites remove Content Credentials on saving."),
}
_CHANGED = (
    "The file or its credentials were changed after signing.",
    "Who changed it or why; a re-save by an editor has the same effect as tampering.",
)
_INTACT_BUT_UNCONFIRMED = (
    "The credentials fit this file, but their signature cannot be relied on (expired or unknown).",
    "Who signed it, or that what they say is true.",
)
_UNREADABLE = (
    "Nothing: the credentials cannot be read.",
    "That the file was changed: credentials can be damaged, or of a form that is not known here.",
)
_SIGNATURE_INVALID = (
    "Nothing: the signature of the credentials is invalid.",
    "Who wrote them, or that the file was changed since.",
)
_FAILED = (
    "Nothing: the credentials failed validation.",
    "That the file was changed: the fault may be in how they were made.",
)
_DEVELOPMENT_SIGNER = (
    "It is signed with a DEVELOPMENT key, which nobody outside this installation has reason to trust."
)
_WATERMARK_WORDS = {
    "detected": (
        "The pixels carry a mark that only a holder of this service's key can make.",
        "That the whole picture is unchanged, or that the mark was not copied from another picture.",
    ),
    "possible": (
        "Nothing: something like this service's mark is there, below the level at which we say so.",
        "That the picture is AI-generated, or that it is not.",
    ),
    "not_detected": (
        "Nothing.",
        "That the picture is human-made. Marks can be destroyed, and other systems have other marks.",
    ),
    "not_checked": (
        "Nothing: the picture is too small to be searched (64 px on the shorter side are needed).",
        "Anything.",
    ),
}
_NOT_SEARCHED = "Nothing: the pixels were not searched, as asked."
_FINGERPRINT_WORDS = {
    "match": (
        "The picture shows the same details in the same places as a registered one.",
        "Which of the two came first, or that nothing in it was changed.",
    ),
    "similar": (
        "The picture resembles a registered one.",
        "That it was made from it: likeness was not confirmed detail by detail.",
    ),
    "no_match": (
        "Nothing: no registered picture is like this one.",
        "That this service did not release it: records can lack fingerprints, and small crops are not recognised.",
    ),
    "not_checked": (
        "Nothing: the picture was not compared with registered ones.",
        "Anything: a mark copied from another picture would not be noticed.",
    ),
}
_ANOTHER_PICTURE = "The picture does not show what was registered under the id that it carries."
_METADATA_WORDS = {
    "detected": (
        "Somebody wrote these fields into the file.",
        "That they are true: anyone can write, copy or remove metadata.",
    ),
    "not_detected": ("Nothing.", "Anything: metadata is lost at almost every upload."),
    "invalid": ("The metadata is damaged or malformed and was not relied on.", "Anything about the picture."),
}


def c2pa_row(report: ManifestReport, *, development: bool) -> C2paSignal:
    """Content Credentials; a development signature is called one even where this installation trusts it."""
    words = _invalid_words(report) if report.status == "invalid" else _C2PA_WORDS[report.status]
    proves, does_not_prove = words
    return C2paSignal(
        status=report.status,
        integrity=report.integrity,
        changed=report.changed,
        trusted=report.trusted,
        expired=report.expired,
        signature_valid=report.signature_valid,
        pixels_match=report.pixels_match,
        signer=report.signer,
        development_signer=development,
        signed_at=report.signed_at,
        generator=report.claim_generator,
        manifest_id=report.manifest_id,
        ai_generated=report.ai_generated,
        digital_source_type=report.digital_source_type,
        actions=list(report.actions),
        watermark_ids=bound_ids(report),
        ingredients=report.ingredients,
        codes=list(report.codes),
        proves=proves,
        does_not_prove=f"{does_not_prove} {_DEVELOPMENT_SIGNER}" if development else does_not_prove,
    )


def _invalid_words(report: ManifestReport) -> tuple[str, str]:
    if report.integrity is None:
        return _UNREADABLE
    if report.integrity == "ok":
        return _INTACT_BUT_UNCONFIRMED
    if not report.signature_valid:
        return _SIGNATURE_INVALID
    return _CHANGED if report.changed else _FAILED


def watermark_row(case: Case) -> WatermarkSignal:
    """The invisible watermark."""
    mark = case.mark
    status: MarkStatus = "not_checked" if mark is None else mark.status
    proves, does_not_prove = _WATERMARK_WORDS[status]
    if not case.searched:
        proves = _NOT_SEARCHED
    row = WatermarkSignal(status=status, proves=proves, does_not_prove=does_not_prove)
    if mark is None or not mark.present:
        return row
    geometry = mark.geometry
    return row.model_copy(
        update={
            "payload": case.mark_id,
            "p_value": _decade(mark.p_value),
            "key_id": mark.key_id,
            "rotation_deg": geometry.rotation_deg if geometry else None,
            "scale": geometry.scale if geometry else None,
            "flipped": geometry.flipped if geometry else None,
            "presence": quantise(mark.presence) if mark.presence is not None else None,
            "others": [OtherMark(payload=mark_id, key_id=key_id) for mark_id, key_id in case.marks[1:]],
        }
    )


def _decade(p_value: float) -> float:
    """Round up to a power of ten: a finer score would let an attacker climb against it."""
    return float(10.0 ** math.ceil(math.log10(max(p_value, 1e-300))))


def metadata_row(report: MetadataReport) -> MetadataSignal:
    """EXIF, XMP and text chunks."""
    proves, does_not_prove = _METADATA_WORDS[report.status]
    return MetadataSignal(
        status=report.status,
        ai_generated=report.ai_generated,
        record_id=report.record_id,
        fields=dict(report.fields),
        sources=list(report.sources),
        claims=[
            MetadataClaim(writer=claim.writer, convention=claim.convention, says_ai=claim.says_ai)
            for claim in report.claims
        ],
        proves=proves,
        does_not_prove=does_not_prove,
    )


def fingerprint_row(case: Case) -> FingerprintSignal:
    """Likeness to registered pictures; how like is said in words, no distance leaves."""
    likeness = case.likeness
    if likeness is None:
        proves, does_not_prove = _FINGERPRINT_WORDS["not_checked"]
        return FingerprintSignal(proves=proves, does_not_prove=does_not_prove)
    proves, does_not_prove = _FINGERPRINT_WORDS[likeness.status]
    if likeness.status == "no_match" and likeness.record_id is not None:
        proves = _ANOTHER_PICTURE
    return FingerprintSignal(
        status=likeness.status,
        record_id=likeness.record_id,
        alignment=list(likeness.alignment) if likeness.alignment else None,
        lookalikes=[
            SimilarRecord(
                record_id=record.id,
                status=status,
                created_at=_time(record),
                thumbnail_url=_thumbnail_url(record),
            )
            for record, status in case.lookalikes
        ],
        proves=proves,
        does_not_prove=does_not_prove,
    )


def public_record(record: Record, found_by: FoundBy, *, exact: bool, confirmed: bool) -> PublicRecord:
    """The part of a record that may be shown to anyone."""
    return PublicRecord(
        id=record.id,
        created_at=_time(record),
        kind=record.kind,
        provider=record.provider,
        generator=record.generator,
        generator_version=record.generator_version,
        mime=record.mime,
        width=record.width,
        height=record.height,
        manifest_id=record.manifest_id,
        manifest_url=f"/manifests/{record.manifest_id}",
        thumbnail_url=_thumbnail_url(record),
        parent=record.parent,
        found_by=found_by,
        exact_file=exact,
        confirmed=confirmed,
    )


def _time(record: Record) -> str:
    return record.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _thumbnail_url(record: Record) -> str | None:
    """Return where the record's thumbnail is served, if its manifest has one (C2PA names it in plain text)."""
    return f"/v1/records/{record.id}/thumbnail" if b"c2pa.thumbnail.claim" in record.manifest else None

"""Step 8 of the verification protocol: whether the layers agree about this file.

Each disagreement is a finding of its own (service/verification_findings.py has the words and weights). The case
that matters most is the authenticated contradiction: a sound signature that says "camera" over pixels that carry
a sound "AI" mark. Each layer is fine by itself, so only their comparison shows it.

Pure: reads and extends a Case, touches nothing else.
"""

from service.presence_map import WORTH_SAYING, missing_share, quantise, share_in_words
from service.verification_case import Case
from watermark.label import source_term
from watermark.manifest import SOFT_BINDING_ALG, ManifestReport


def compare_layers(case: Case) -> None:
    """Add a finding for each disagreement between watermark, manifest, metadata and registered picture."""
    _marks_alone(case)
    _metadata_alone(case)
    _mark_against_picture(case)
    _mark_against_manifest(case)
    _metadata_against_mark(case)
    _metadata_against_manifest(case)


def bound_ids(credentials: ManifestReport) -> list[str]:
    """Return the watermark ids that an intact manifest of the file binds itself to; [] for any other."""
    if credentials.status != "valid":
        return []
    return [value for algorithm, value in credentials.soft_bindings if algorithm == SOFT_BINDING_ALG]


def _marks_alone(case: Case) -> None:
    """The marks against each other, against the present key, and against the picture's own extent."""
    if case.mark is None or not case.mark.present:
        return
    if len(case.marks) > 1:
        case.add("two_watermarks", ids=", ".join(mark_id for mark_id, _ in case.marks))
    if case.mark.key_id and case.mark.key_id != case.current_key_id:
        case.add("old_watermark_key", key_id=case.mark.key_id)
    if case.mark.presence is not None:
        share = missing_share(quantise(case.mark.presence))
        if share >= WORTH_SAYING:
            case.add("watermark_missing_in_parts", missing=share_in_words(share))


def _metadata_alone(case: Case) -> None:
    if case.metadata.labelled_ai and case.metadata.ai_generated is None:
        case.add("metadata_contradicts_itself")


def _mark_against_picture(case: Case) -> None:
    """A mark can be copied from one picture onto another; the id's registered picture shows it."""
    likeness, record = case.likeness, case.record
    if record is None or likeness is None or likeness.status != "no_match":
        return
    if likeness.record_id != record.id:
        return
    if case.found_by == "watermark":
        seen = {"looks_like": case.lookalikes[0][0].id} if case.lookalikes else {}
        case.add("transplanted_watermark", record_id=record.id, **seen)
    elif case.found_by == "metadata":
        case.add("claimed_record_is_another_picture", record_id=record.id)


def _mark_against_manifest(case: Case) -> None:
    credentials, mark_id, bound = case.credentials, case.mark_id, bound_ids(case.credentials)
    if credentials.status != "valid":
        return
    if mark_id and bound and not set(bound) & set(dict(case.marks)):
        case.add("watermark_and_manifest_disagree", manifest_names=_listed(bound), pixels_carry=mark_id)
    if mark_id and credentials.ai_generated is False:
        case.add("manifest_denies_ai", claimed=_source(credentials.digital_source_type))
    elif case.found_by == "watermark" and case.confirmed and not bound and not _names_origin(case):
        signer = {"signer": credentials.signer} if credentials.signer else {}
        case.add("credentials_omit_origin", **signer)
    if bound and case.mark is not None and case.mark.status == "not_detected":
        case.add("bound_watermark_missing", manifest_names=_listed(bound))


def _names_origin(case: Case) -> bool:
    """Whether the record's manifest is among those in the file."""
    return case.record is None or case.record.manifest_id in case.sources


def _metadata_against_mark(case: Case) -> None:
    metadata, mark_id = case.metadata, case.mark_id
    if mark_id and metadata.record_id not in {None, *dict(case.marks)}:
        case.add(
            "metadata_names_another_record", metadata_names=str(metadata.record_id), pixels_carry=mark_id
        )
    if metadata.ai_generated is False and (mark_id or case.credentials.ai_generated):
        evidence = "watermark" if mark_id else "Content Credentials"
        case.add("metadata_denies_ai", stronger_evidence=evidence)


def _metadata_against_manifest(case: Case) -> None:
    credentials, metadata = case.credentials, case.metadata
    if credentials.status != "valid":
        return
    bound = bound_ids(credentials)
    if not case.mark_id and bound and metadata.record_id not in {None, *bound}:
        names = {"metadata_names": str(metadata.record_id), "manifest_names": _listed(bound)}
        case.add("metadata_and_manifest_disagree", **names)
    if metadata.ai_generated and credentials.ai_generated is False:
        case.add("manifest_denies_metadata", claimed=_source(credentials.digital_source_type))
        return
    stated = source_term(metadata.fields.get("digital_source_type", ""))
    signed = source_term(credentials.digital_source_type or "")
    if stated and signed and stated != signed and metadata.ai_generated == credentials.ai_generated:
        case.add("source_types_differ", metadata_says=stated, manifest_says=signed)


def _source(uri: str | None) -> str:
    return source_term(uri or "") or "a private declaration"


def _listed(ids: list[str]) -> str:
    return ", ".join(ids[:4])

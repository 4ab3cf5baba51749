"""Every finding that a verification can make: its words, its weight, what it proves and what it does not.

One table, so that a reader sees all at once and no code is worded in two ways. `finding` fills in the evidence.
Severity "error" with technique "consistency" is a contradiction: it makes the verdict "conflict". Texts never
call a picture authentic or human-made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from service.verification_report import Finding, Severity, Technique


@dataclass(frozen=True, slots=True)
class Kind:
    """The fixed part of a finding; `text` may name values of the evidence as `{name}`."""

    severity: Severity
    technique: Technique
    text: str
    proves: str
    does_not_prove: str


FINDINGS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        # What was looked at.
        "first_frame_only": Kind(
            "info",
            "watermark",
            "The file has {frames} frames; the watermark was searched in the first.",
            "Nothing about the other frames.",
            "That the other frames carry the same marks, or none.",
        ),
        "pixels_not_examined": Kind(
            "info",
            "watermark",
            "As asked, only the file's labels and signatures were examined, not its pixels.",
            "Nothing about watermark or likeness.",
            "That there is no watermark: it was not looked for.",
        ),
        "credentials_note": Kind(
            "info",
            "content_credentials",
            "About the Content Credentials: {note}.",
            "Nothing by itself; it explains an answer above.",
            "Anything about who made the picture.",
        ),
        "metadata_note": Kind(
            "info",
            "metadata",
            "About the metadata: {note}.",
            "Nothing by itself; it explains an answer above.",
            "Anything about who made the picture.",
        ),
        # The registry.
        "watermark_not_registered": Kind(
            "warning",
            "registry",
            "The watermark was made with this service's key, but no record has its id: the registry is "
            "incomplete, or the key is used elsewhere.",
            "That a holder of the key made the mark.",
            "When, by which generator, or that this service released the picture.",
        ),
        "record_by_claim_only": Kind(
            "warning",
            "registry",
            "The record was found through an id in the metadata, which anyone can copy into any file. "
            "Neither watermark nor Content Credentials confirm it.",
            "That such a record exists.",
            "That this picture belongs to it.",
        ),
        "old_watermark_key": Kind(
            "info",
            "watermark",
            "The watermark was made with a key that this service used earlier ({key_id}).",
            "That the mark is from before the key was changed, or that the old key was used since.",
            "That the old key is still secret.",
        ),
        "metadata_contradicts_itself": Kind(
            "warning",
            "metadata",
            "One field of the metadata says that the picture is AI-generated, another says that it is not.",
            "That somebody labelled it AI-generated, and that one of the two statements is false.",
            "Which: anyone can write, add or change a field.",
        ),
        # The watermark by itself.
        "watermark_missing_in_parts": Kind(
            "warning",
            "watermark",
            "The mark is missing from about {missing} of the picture: those parts may have been replaced, "
            "covered or smoothed since it was marked.",
            "That the mark is uneven, as the map shows.",
            "That a part was changed: flat areas carry little of the mark from the start.",
        ),
        "two_watermarks": Kind(
            "warning",
            "watermark",
            "The picture carries more than one mark of this service: {ids}.",
            "That it was marked twice, or joined from several marked pictures.",
            "Which part of it came from which picture.",
        ),
        # Recovery of lost credentials.
        "manifest_recovered": Kind(
            "info",
            "content_credentials",
            "The file carries no Content Credentials. {way} led to the ones that this service stored: recovered; "
            "the file's bytes differ. They describe the original, not the changes made since.",
            "How the original was made, under this service's signature.",
            "That this copy shows what the original showed.",
        ),
        "stored_manifest_unusable": Kind(
            "warning",
            "content_credentials",
            "The Content Credentials that this service stored for the record do not validate, so they are not shown.",
            "That the stored copy is damaged or that its certificate is no longer accepted.",
            "Anything about the picture.",
        ),
        "recovered_picture_altered": Kind(
            "warning",
            "fingerprint",
            "The credentials were recovered, but the picture only resembles the registered one: parts of it were "
            "cut away, covered or changed.",
            "That this copy differs visibly from the picture that the credentials describe.",
            "What was changed; compare the two pictures.",
        ),
        # Likeness.
        "found_by_fingerprint": Kind(
            "info",
            "fingerprint",
            "No mark leads to this service, but the picture matches record {record_id}, confirmed by the "
            "geometry of its details.",
            "That the two pictures show the same details in the same places.",
            "Which of the two came first, or that this file came from here.",
        ),
        "looks_similar": Kind(
            "info",
            "fingerprint",
            "The picture resembles {count} that this service registered; the geometry of its details does not "
            "confirm it.",
            "Likeness.",
            "That it was made from one of them.",
        ),
        "likeness_unavailable": Kind(
            "warning",
            "fingerprint",
            "The index of registered pictures did not answer, so the picture was not compared with them.",
            "Nothing.",
            "That no registered picture is like it, or that a mark was not copied onto it.",
        ),
        "picture_not_confirmed": Kind(
            "warning",
            "fingerprint",
            "The watermark leads to record {record_id}, but it could not be confirmed that this is its picture: too "
            "little of it is left here, or too little of the original is stored.",
            "That the mark is there.",
            "That the mark belongs to this picture: it may have been copied.",
        ),
        # Contradictions between the layers.
        "transplanted_watermark": Kind(
            "error",
            "consistency",
            "The watermark has the number of record {record_id}, but this picture does not show what was registered "
            "under it: the mark may have been copied here, or the picture rearranged since.",
            "That this picture and the one registered under its number do not show the same.",
            "Which of the two it is, or where this picture comes from.",
        ),
        "watermark_and_manifest_disagree": Kind(
            "error",
            "consistency",
            "The signed manifest names another watermark ({manifest_names}) than the pixels carry ({pixels_carry}): "
            "one of the two was moved here.",
            "That manifest and pixels are from two pictures.",
            "Which of the two belongs to this file.",
        ),
        "manifest_denies_ai": Kind(
            "error",
            "consistency",
            "The Content Credentials describe a picture that is not AI-generated ({claimed}), but the pixels carry the "
            "watermark of one that is.",
            "That a signature was put on a false statement, or a mark on a picture that it does not belong to.",
            "Which of the two is wrong: both are sound in themselves.",
        ),
        "borrowed_manifest_id": Kind(
            "error",
            "consistency",
            "The Content Credentials have the id of ones that this service made, but are not those: somebody else "
            "signed them.",
            "That somebody wants this file to be taken for one of ours.",
            "Who: the signer's name is whatever the certificate says.",
        ),
        "metadata_names_another_record": Kind(
            "error",
            "consistency",
            "The metadata names another record ({metadata_names}) than the watermark in the pixels ({pixels_carry}).",
            "That metadata and pixels are from two pictures.",
            "Anything more; metadata is written by anyone.",
        ),
        "metadata_and_manifest_disagree": Kind(
            "error",
            "consistency",
            "The metadata names another record ({metadata_names}) than the signed manifest ({manifest_names}).",
            "That the signer sealed metadata of another picture, or labelled this one wrongly.",
            "Which of the two is right.",
        ),
        "claimed_record_is_another_picture": Kind(
            "warning",
            "consistency",
            "The metadata names record {record_id}, whose picture is another one: the label was copied here.",
            "That the label does not belong to this picture.",
            "Where this picture comes from.",
        ),
        "metadata_denies_ai": Kind(
            "warning",
            "consistency",
            "The metadata says that the picture is not AI-generated; stronger evidence says that it is.",
            "That the metadata is wrong or was copied from elsewhere.",
            "Who wrote it.",
        ),
        "manifest_denies_metadata": Kind(
            "warning",
            "consistency",
            "The metadata says that the picture is AI-generated; the signed Content Credentials say that it is not "
            "({claimed}).",
            "That one of the two statements is false.",
            "Which: a signer can be wrong, and anyone can write metadata.",
        ),
        "source_types_differ": Kind(
            "warning",
            "consistency",
            "Metadata and signed Content Credentials name different kinds of origin: {metadata_says} and "
            "{manifest_says}.",
            "That the two were not written by the same step.",
            "Which is right.",
        ),
        "bound_watermark_missing": Kind(
            "warning",
            "consistency",
            "The signed manifest says that the pixels carry watermark {manifest_names}; it was not found in them.",
            "That the mark is not readable with this service's key.",
            "That there is none: another service's key may have made it, or the picture may hold too little of it.",
        ),
        "credentials_omit_origin": Kind(
            "warning",
            "consistency",
            "The pixels carry this service's mark, but the Content Credentials in the file are somebody else's and "
            "do not name this service's among their sources.",
            "That the picture was signed again without its history.",
            "That this was done to mislead: many programs do it by accident.",
        ),
    }
)


def finding(code: str, **evidence: str) -> Finding:
    """Return the finding `code` with its evidence; a KeyError is a mistake of ours, never of a file."""
    kind = FINDINGS[code]
    return Finding(
        code=code,
        severity=kind.severity,
        technique=kind.technique,
        text=kind.text.format(**evidence),
        evidence=evidence,
        proves=kind.proves,
        does_not_prove=kind.does_not_prove,
    )

"""Cross-layer checks: each contradiction has a finding of its own, agreement has none."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from service.consistency import compare_layers
from service.likeness import Likeness
from service.presence_map import quantise, share_in_words
from service.verdict import conclude
from service.verification_case import Case
from service.verification_findings import FINDINGS
from tests.golden.verification.cases import (
    CAMERA,
    CAMERA_MAKER,
    ID,
    LABELS,
    NO_MARK,
    OLD_KEY_ID,
    OTHER_ID,
    OTHER_RECORD,
    OURS,
    RECORD,
    RECOVERED,
    TOOL,
    URN,
    case,
    mark,
    presence,
)
from watermark.detection import Mark
from watermark.manifest import SOFT_BINDING_ALG, ManifestReport
from watermark.metadata import Claim, MetadataReport

COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"

BOTH_WAYS = (Claim("iptc", "x", says_ai=False), Claim("midjourney", "y", says_ai=True))


def codes(one: Case) -> set[str]:
    compare_layers(one)
    return {finding.code for finding in one.findings}


def ours(**changes: object) -> Case:
    """The file that this service released, changed in one respect."""
    fields = {
        "credentials": OURS,
        "metadata": LABELS,
        "mark": mark(),
        "record": RECORD,
        "found_by": "watermark",
        "likeness": Likeness("match", ID),
        "sources": {URN},
    }
    return case(**(fields | changes))


def resigned(credentials: ManifestReport) -> Case:
    """A picture of ours that somebody else signed, its metadata gone."""
    return case(
        credentials=credentials,
        mark=mark(),
        record=RECORD,
        found_by="watermark",
        likeness=Likeness("match", ID),
    )


def other_binding(**changes: object) -> object:
    return replace(OURS, soft_bindings=((SOFT_BINDING_ALG, OTHER_ID),), **changes)


# code: (what contradicts what, every code that it gives)
CONTRADICTIONS: dict[str, tuple[Callable[[], Case], set[str]]] = {
    "transplanted_watermark": (
        lambda: case(mark=mark(), record=RECORD, found_by="watermark", likeness=Likeness("no_match", ID)),
        {"transplanted_watermark"},
    ),
    "claimed_record_is_another_picture": (
        lambda: case(metadata=LABELS, record=RECORD, found_by="metadata", likeness=Likeness("no_match", ID)),
        {"claimed_record_is_another_picture"},
    ),
    "watermark_and_manifest_disagree": (
        lambda: ours(credentials=other_binding()),
        {"watermark_and_manifest_disagree"},
    ),
    "manifest_denies_ai": (
        lambda: resigned(CAMERA_MAKER),
        {"manifest_denies_ai"},
    ),
    "credentials_omit_origin": (
        lambda: resigned(TOOL),
        {"credentials_omit_origin"},
    ),
    "metadata_names_another_record": (
        lambda: ours(credentials=RECOVERED, metadata=replace(LABELS, record_id=OTHER_ID)),
        {"metadata_names_another_record"},
    ),
    "metadata_and_manifest_disagree": (
        lambda: ours(mark=None, metadata=replace(LABELS, record_id=OTHER_ID)),
        {"metadata_and_manifest_disagree"},
    ),
    "metadata_denies_ai": (
        lambda: ours(metadata=MetadataReport("detected", ai_generated=False, sources=("iptc",))),
        {"metadata_denies_ai"},
    ),
    "metadata_contradicts_itself": (
        lambda: case(metadata=MetadataReport("detected", claims=BOTH_WAYS)),
        {"metadata_contradicts_itself"},
    ),
    "manifest_denies_metadata": (
        lambda: case(credentials=CAMERA_MAKER, metadata=LABELS),
        {"manifest_denies_metadata"},
    ),
    "source_types_differ": (
        lambda: ours(metadata=replace(LABELS, fields={"digital_source_type": COMPOSITE})),
        {"source_types_differ"},
    ),
    "bound_watermark_missing": (lambda: ours(mark=NO_MARK), {"bound_watermark_missing"}),
    "two_watermarks": (
        lambda: ours(mark=mark(others=(Mark(bytes.fromhex(OTHER_ID), OLD_KEY_ID),))),
        {"two_watermarks"},
    ),
    "old_watermark_key": (lambda: ours(mark=mark(key_id=OLD_KEY_ID)), {"old_watermark_key"}),
    "watermark_missing_in_parts": (
        lambda: ours(mark=mark(presence=presence(missing_columns=4))),
        {"watermark_missing_in_parts"},
    ),
}
# Said by the earlier steps, tested in test_verification.py.
EARLIER = {
    "first_frame_only",
    "pixels_not_examined",
    "credentials_note",
    "metadata_note",
    "watermark_not_registered",
    "record_by_claim_only",
    "manifest_recovered",
    "stored_manifest_unusable",
    "recovered_picture_altered",
    "found_by_fingerprint",
    "looks_similar",
    "likeness_unavailable",
    "picture_not_confirmed",
    "borrowed_manifest_id",
}


@pytest.mark.parametrize("code", CONTRADICTIONS)
def test_each_contradiction_is_named_once_and_alone(code: str) -> None:
    make, expected = CONTRADICTIONS[code]
    one = make()
    assert codes(one) == expected
    (found,) = (finding for finding in one.findings if finding.code == code)
    assert "{" not in found.text
    conflicting = FINDINGS[code].severity == "error" and FINDINGS[code].technique == "consistency"
    assert (conclude(one)[0] == "conflict") == conflicting


def test_every_finding_is_tested() -> None:
    assert set(CONTRADICTIONS) | EARLIER == set(FINDINGS)


@pytest.mark.parametrize(
    "one",
    [
        case(),
        ours(),
        ours(credentials=RECOVERED, metadata=MetadataReport("not_detected")),
        ours(likeness=Likeness("similar", ID)),
        ours(likeness=None),
        ours(credentials=TOOL),
        case(credentials=CAMERA_MAKER),
        case(credentials=TOOL),
        ours(mark=mark(presence=None)),
        ours(
            mark=mark(others=(Mark(bytes.fromhex(OTHER_ID), OLD_KEY_ID),)),
            metadata=replace(LABELS, record_id=ID),
        ),
    ],
)
def test_agreement_contradicts_nothing(one: Case) -> None:
    assert not codes(one) - {"two_watermarks"}


def test_broken_credentials_contradict_nothing() -> None:
    """What was changed after signing proves nothing, so it cannot contradict either."""
    broken = replace(CAMERA_MAKER, status="invalid", integrity="failed")
    assert not codes(ours(credentials=broken))


def test_a_mark_that_may_be_copied_does_not_show_that_a_history_was_left_out() -> None:
    one = resigned(TOOL)
    one.likeness = None
    assert codes(one) == set()


def test_a_second_mark_may_be_the_one_that_the_manifest_names() -> None:
    twice = ours(credentials=other_binding(), mark=mark(others=(Mark(bytes.fromhex(OTHER_ID), OLD_KEY_ID),)))
    assert codes(twice) == {"two_watermarks"}


def test_a_transplanted_mark_says_what_the_picture_looks_like_instead() -> None:
    one = case(
        mark=mark(),
        record=RECORD,
        found_by="watermark",
        likeness=Likeness("no_match", ID),
        lookalikes=[(OTHER_RECORD, "match")],
    )
    compare_layers(one)
    assert one.findings[0].evidence == {"record_id": ID, "looks_like": OTHER_ID}


def test_evidence_names_the_values_that_differ() -> None:
    one = case(credentials=CAMERA_MAKER, metadata=LABELS)
    compare_layers(one)
    assert one.findings[0].evidence == {"claimed": CAMERA.rsplit("/", 1)[1]}


def test_the_map_leaves_in_three_levels() -> None:
    shown = quantise(presence(missing_columns=3))
    assert (shown.rows, shown.columns) == (8, 12)
    assert shown.cells[0].startswith("12")
    assert set("".join(shown.cells)) == set("012")
    assert shown.cells[7] == "222222222000"


@pytest.mark.parametrize(("share", "words"), [(0.15, "20 %"), (0.02, "10 %"), (0.5, "50 %"), (1.0, "100 %")])
def test_shares_are_coarse(share: float, words: str) -> None:
    assert share_in_words(share) == words


def test_a_mark_without_a_readable_number_proves_no_origin() -> None:
    faint = mark(payload=None)
    verdict, summary = conclude(case(mark=faint))
    assert verdict == "unconfirmed"
    assert "no record is known" in summary
    verdict, summary = conclude(
        case(mark=faint, record=RECORD, found_by="fingerprint", likeness=Likeness("match", ID))
    )
    assert verdict == "resembles"
    assert "The picture matches" in summary
    assert conclude(case(mark=faint, credentials=TOOL))[0] == "ai_generated", "a trusted signature says more"


@pytest.mark.parametrize(
    ("credentials", "verdict"),
    [
        (TOOL, "ai_generated"),
        (replace(TOOL, trusted=False), "unconfirmed"),
        (replace(TOOL, status="invalid", integrity="failed"), "unconfirmed"),
    ],
)
def test_a_mark_that_may_be_copied_stands_below_a_trusted_signature(
    credentials: ManifestReport, verdict: str
) -> None:
    one = case(credentials=credentials, mark=mark(), record=RECORD, found_by="watermark", likeness=None)
    assert conclude(one)[0] == verdict


@pytest.mark.parametrize(
    ("credentials", "verdict"),
    [(ManifestReport("not_present"), "ai_generated"), (ManifestReport("invalid"), "invalid")],
)
def test_a_contrary_field_does_not_unsay_an_ai_label(credentials: ManifestReport, verdict: str) -> None:
    one = case(credentials=credentials, metadata=MetadataReport("detected", claims=BOTH_WAYS))
    assert codes(one) == {"metadata_contradicts_itself"}
    found, sentence = conclude(one)
    assert found == verdict
    assert "says that th" in sentence
    assert "No mark" not in sentence


@pytest.mark.parametrize("ai_generated", [False, None])
def test_labels_that_do_not_speak_of_ai_are_not_called_no_mark(ai_generated: bool | None) -> None:
    verdict, sentence = conclude(case(metadata=MetadataReport("detected", ai_generated=ai_generated)))
    assert verdict == "nothing_found"
    assert "No mark" not in sentence
    assert "does not mean human-made" in sentence

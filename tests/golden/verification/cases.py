"""One case for every kind of report, as the steps of the protocol fill it; `make.py` writes the reports."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from service.consistency import compare_layers
from service.likeness import Likeness
from service.stores.record import Record
from service.verification_case import Case
from service.verification_report import Subject, TimelineStep
from watermark import Detection, Geometry
from watermark.detection import Mark
from watermark.manifest import SOFT_BINDING_ALG, ManifestReport
from watermark.metadata import Claim, MetadataReport

TIME = datetime(2026, 11, 22, 12, 4, 31, tzinfo=UTC)
AI = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CAMERA = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
ID, OTHER_ID = "9e3c5a0178d24bf6", "17d1f0aa52c84e03"
URN = "urn:c2pa:6b0c9f3e-4f5c-4c1e-9d5a-1f6a0a2d7c11"
KEY_ID, OLD_KEY_ID = "5d1c9d02", "a0b1c2d3"
SHA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
OTHER_SHA = "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

RECORD = Record(
    id=ID,
    created_at=TIME,
    kind="generation",
    tenant="default",
    generator="countermark-builtin",
    generator_version="1",
    provider="Countermark development",
    mime="image/png",
    width=1024,
    height=1024,
    sha256=SHA,
    manifest_id=URN,
    manifest=b"... c2pa.thumbnail.claim ...",
    watermark_key_id=KEY_ID,
    policy_version="default@1",
    action="allow",
    request_id="req_1",
)
OTHER_RECORD = RECORD.model_copy(
    update={"id": OTHER_ID, "sha256": "ab" * 32, "manifest_id": "urn:c2pa:other", "manifest": b"no thumbnail"}
)
OURS = ManifestReport(
    status="valid",
    integrity="ok",
    changed=False,
    signature_valid=True,
    trusted=True,
    expired=False,
    pixels_match=True,
    signer="Countermark DEVELOPMENT",
    signer_serial="7",
    claim_generator="Countermark 0.1.0",
    manifest_id=URN,
    digital_source_type=AI,
    ai_generated=True,
    actions=("c2pa.created", "c2pa.watermarked.bound"),
    soft_bindings=((SOFT_BINDING_ALG, ID),),
    codes=("claimSignature.validated", "signingCredential.trusted", "assertion.dataHash.match"),
)
RECOVERED = replace(
    OURS,
    status="recovered",
    pixels_match=False,
    codes=("assertion.dataHash.mismatch", "claimSignature.validated", "signingCredential.trusted"),
)
CAMERA_MAKER = replace(
    OURS,
    signer="Example Cameras",
    signer_serial="99",
    signed_at="2026-11-20T10:00:00Z",
    claim_generator="Camera Pro 3",
    manifest_id="urn:c2pa:77",
    digital_source_type=CAMERA,
    ai_generated=False,
    actions=("c2pa.created",),
    soft_bindings=(),
)
TOOL = replace(
    CAMERA_MAKER,
    signer="Example Imaging Ltd",
    claim_generator="Example Studio 7.2",
    digital_source_type=AI,
    ai_generated=True,
)
NONE = ManifestReport("not_present")
LABELS = MetadataReport(
    "detected",
    ai_generated=True,
    record_id=ID,
    fields={
        "digital_source_type": AI,
        "ai_system": "countermark-builtin",
        "ai_system_version": "1",
        "provider": "Countermark development",
        "created": "2026-11-22T12:04:31Z",
    },
    sources=("countermark", "iptc"),
    claims=(
        Claim("countermark", "Countermark record id", says_ai=None),
        Claim("iptc", "IPTC digital source type trainedAlgorithmicMedia", says_ai=True),
    ),
)
BY_CAMERA = Claim("iptc", "IPTC digital source type digitalCapture", says_ai=False)
BY_MIDJOURNEY = Claim("midjourney", "PNG text Description with a job id", says_ai=True)
NO_LABELS = MetadataReport("not_detected")
UPRIGHT = Geometry(rotation_deg=0.0, scale=1.0, flipped=False, inverted=False, aspect=1.0)
TURNED = Geometry(rotation_deg=5.0, scale=0.6, flipped=True, inverted=False, aspect=1.0)
NO_MARK = Detection(False, None, 0.4, "not_detected", None)
TRACE = Detection(False, None, 2e-4, "possible", None)


def presence(missing_columns: int = 0) -> np.ndarray:
    """Return a map of 8 x 12 cells whose right-hand columns carry nothing, with one weak cell."""
    cells = np.full((8, 12), 0.9, np.float32)
    cells[0, 0] = 0.4
    cells[2:, 12 - missing_columns :] = 0.05
    return cells


def mark(record_id: str = ID, geometry: Geometry = UPRIGHT, **changes: object) -> Detection:
    """Return a detection of our mark."""
    found = Detection(
        True, bytes.fromhex(record_id), 3.1e-19, "detected", geometry, key_id=KEY_ID, presence=presence()
    )
    return replace(found, **changes)


def subject(sha256: str = OTHER_SHA, format_: str = "jpeg", width: int = 614, height: int = 614) -> Subject:
    """Return a file; by default not the one that was released."""
    return Subject(sha256=sha256, bytes=61_210, format=format_, width=width, height=height)


STEPS = [
    TimelineStep(
        action="c2pa.created",
        when="2026-11-22T12:04:31Z",
        program="countermark-builtin 1",
        signer="Countermark DEVELOPMENT",
        digital_source_type=AI,
        manifest_id=URN,
    ),
    TimelineStep(
        action="c2pa.watermarked.bound",
        when="2026-11-22T12:04:31Z",
        program="Countermark 0.1.0",
        signer="Countermark DEVELOPMENT",
        manifest_id=URN,
    ),
]
EDIT_STEPS = [
    TimelineStep(
        action="c2pa.created",
        when="2026-10-01T08:00:00Z",
        program="Example Model 2",
        signer="Example Model Co",
        digital_source_type=AI,
        manifest_id="urn:c2pa:parent",
        depth=1,
    ),
    TimelineStep(
        action="c2pa.opened",
        when="2026-10-02T08:15:00Z",
        program="Example Studio 7.2",
        signer="Example Imaging Ltd",
        manifest_id="urn:c2pa:77",
    ),
    TimelineStep(
        action="c2pa.edited",
        when="2026-10-02T08:15:00Z",
        program="Example Studio 7.2",
        signer="Example Imaging Ltd",
        manifest_id="urn:c2pa:77",
    ),
]
ALIGNMENT = (-0.996, 0.087, 0.96, 0.087, 0.996, -0.04, 0.0, 0.0, 1.0)


def case(**changes: object) -> Case:
    """Return a case in which nothing was found, changed as asked, its layers not yet compared."""
    fields = {
        "subject": subject(),
        "credentials": NONE,
        "metadata": NO_LABELS,
        "mark": NO_MARK,
        "current_key_id": KEY_ID,
        "likeness": Likeness("no_match"),
    }
    return Case(**(fields | changes))


def cases() -> dict[str, Case]:
    """Return one case for each kind of report, judged up to step 8."""
    built = {
        "nothing-found": case(),
        "ours-intact": case(
            subject=subject(SHA, "png", 1024, 1024),
            credentials=OURS,
            development_signer=True,
            metadata=LABELS,
            mark=mark(),
            record=RECORD,
            found_by="watermark",
            likeness=Likeness("match", ID),
            timeline=STEPS,
        ),
        "ours-recovered": case(
            credentials=RECOVERED,
            development_signer=True,
            mark=mark(geometry=TURNED, p_value=4e-13),
            record=RECORD,
            found_by="watermark",
            likeness=Likeness("match", ID, ALIGNMENT),
            timeline=STEPS,
        ),
        "ours-altered": case(
            credentials=RECOVERED,
            development_signer=True,
            mark=mark(p_value=4e-13, presence=presence(missing_columns=5)),
            record=RECORD,
            found_by="watermark",
            likeness=Likeness("similar", ID),
            timeline=STEPS,
        ),
        "resembles": case(
            credentials=RECOVERED,
            development_signer=True,
            record=RECORD,
            found_by="fingerprint",
            likeness=Likeness("match", ID, ALIGNMENT),
            lookalikes=[(RECORD, "match"), (OTHER_RECORD, "similar")],
            timeline=STEPS,
        ),
        "similar-only": case(likeness=Likeness("similar", OTHER_ID), lookalikes=[(OTHER_RECORD, "similar")]),
        "trusted-elsewhere": case(
            credentials=replace(TOOL, ingredients=1),
            metadata=MetadataReport(
                "detected", ai_generated=True, fields={"digital_source_type": AI}, sources=("iptc",)
            ),
            timeline=EDIT_STEPS,
        ),
        "expired-untrusted-intact": case(
            credentials=replace(
                TOOL,
                status="invalid",
                trusted=False,
                expired=True,
                codes=(
                    "signingCredential.expired",
                    "signingCredential.untrusted",
                    "assertion.dataHash.match",
                ),
            )
        ),
        "tampered": case(
            credentials=replace(
                TOOL,
                status="invalid",
                integrity="failed",
                changed=True,
                pixels_match=False,
                codes=("assertion.dataHash.mismatch", "claimSignature.validated"),
            ),
            mark=TRACE,
            metadata=MetadataReport("invalid", notes=("EXIF is truncated",)),
        ),
        "unreadable-credentials": case(credentials=ManifestReport("invalid")),
        "signature-invalid": case(
            credentials=replace(
                TOOL,
                status="invalid",
                integrity="failed",
                changed=False,
                signature_valid=False,
                trusted=None,
                expired=None,
                signer=None,
                signer_serial=None,
                signed_at=None,
                codes=("claimSignature.mismatch", "assertion.dataHash.match"),
            )
        ),
        "conflict": case(
            credentials=CAMERA_MAKER,
            metadata=MetadataReport(
                "detected", ai_generated=False, fields={"digital_source_type": CAMERA}, sources=("iptc",)
            ),
            mark=mark(),
            record=RECORD,
            found_by="watermark",
            likeness=Likeness("match", ID, ALIGNMENT),
        ),
        "transplanted": case(
            mark=mark(), record=RECORD, found_by="watermark", likeness=Likeness("no_match", ID)
        ),
        "two-marks-old-key": case(
            credentials=RECOVERED,
            development_signer=True,
            mark=mark(key_id=OLD_KEY_ID, others=(Mark(bytes.fromhex(OTHER_ID), KEY_ID),)),
            record=RECORD,
            found_by="watermark",
            likeness=Likeness("match", ID),
        ),
        "unconfirmed": case(mark=mark(), record=RECORD, found_by="watermark", likeness=None),
        "faint-mark": case(mark=mark(payload=None, p_value=3e-8)),
        "labels-only": case(
            metadata=LABELS, record=RECORD, found_by="metadata", likeness=Likeness("no_match", ID)
        ),
        "labels-of-others": case(
            metadata=MetadataReport(
                "detected",
                ai_generated=True,
                sources=("midjourney", "tc260"),
                claims=(
                    BY_MIDJOURNEY,
                    Claim("tc260", "AIGC label of GB 45438-2025 in XMP", says_ai=None),
                ),
            )
        ),
        "labels-contradict": case(
            metadata=MetadataReport(
                "detected",
                sources=("iptc", "midjourney"),
                claims=(
                    BY_CAMERA,
                    BY_MIDJOURNEY,
                ),
            )
        ),
        "camera-label": case(
            metadata=MetadataReport(
                "detected",
                ai_generated=False,
                sources=("iptc",),
                claims=(BY_CAMERA,),
            )
        ),
        "pixels-not-examined": case(mark=None, searched=False, likeness=None),
    }
    _earlier_findings(built)
    for one in built.values():
        compare_layers(one)
    return built


def _earlier_findings(built: dict[str, Case]) -> None:
    """Add what steps 1 to 7 would have noted."""
    for name in ("ours-recovered", "ours-altered", "two-marks-old-key"):
        built[name].add("manifest_recovered", way="The watermark")
    built["ours-altered"].add("recovered_picture_altered")
    built["resembles"].add("found_by_fingerprint", record_id=ID)
    built["resembles"].add("manifest_recovered", way="The fingerprint")
    built["unconfirmed"].add("picture_not_confirmed", record_id=ID)
    built["similar-only"].add("looks_similar", count="one picture")
    built["tampered"].add("metadata_note", note="EXIF is truncated")
    built["unreadable-credentials"].add(
        "credentials_note", note="the manifest cannot be parsed (unknown box)"
    )
    built["labels-only"].add("record_by_claim_only")
    built["pixels-not-examined"].add("pixels_not_examined")

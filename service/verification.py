"""The verification protocol: what can be proven about where a picture came from.

    1. Decode within the caps; a file that is no picture is an error, not a verdict.
    2. Content Credentials embedded in the file: integrity, signer trust and expiry as separate answers.
    3. Metadata (EXIF, XMP, text chunks): claims, whoever wrote them.
    4. Invisible watermark, searched in the pixels alone.
    5. Registry record, looked up by what is proven first: watermark id, signed manifest id, the exact
       file's hash; only then by an id that the metadata merely claims.
    6. Recovery: no embedded credential but a record, then the record's stored manifest is validated against
       this file and reported as recovered; it never counts as "valid" for a file whose bytes differ.
    7. Consistency across the layers: a disagreement is a finding of its own.
    8. One verdict and one sentence (service.verdict), and a row for each signal (service.signal_rows).

Rules: "not detected" never means human-made or authentic; a watermark payload is shown only when its keyed
check passed (watermark.detect sees to it); nothing of the upload is stored; no network is used.
"""

import hashlib
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

import watermark
from service.keys import Keys
from service.signal_rows import c2pa_row, metadata_row, public_record, watermark_row
from service.stores import RegistryStore
from service.stores.record import Record
from service.verdict import Evidence, conclude
from service.verification_report import (
    Finding,
    FingerprintSignal,
    FoundBy,
    Severity,
    Signals,
    Subject,
    Technique,
    VerificationReport,
)
from watermark.manifest import SOFT_BINDING_ALG, ManifestReport, TrustAnchors, read_manifest
from watermark.metadata import MetadataReport, read_metadata
from watermark.picture import Limits, decode_picture


@dataclass(slots=True)
class _Case:
    """What the steps have found so far."""

    sha256: str
    credentials: ManifestReport
    metadata: MetadataReport
    mark: watermark.Detection | None
    findings: list[Finding] = field(default_factory=list)
    record: Record | None = None
    found_by: FoundBy = "metadata"

    def add(self, severity: Severity, technique: Technique, code: str, text: str) -> None:
        self.findings.append(Finding(code=code, severity=severity, technique=technique, text=text))

    @property
    def mark_id(self) -> str | None:
        return self.mark.payload.hex() if self.mark and self.mark.payload else None

    @property
    def exact(self) -> bool:
        return self.record is not None and self.record.sha256 == self.sha256


class Verifier:
    """Runs the protocol with one watermark key, one set of trust anchors and one registry."""

    def __init__(self, keys: Keys, trust: TrustAnchors, registry: RegistryStore, limits: Limits) -> None:
        self._keys, self._trust, self._registry, self._limits = keys, trust, registry, limits

    def verify(self, data: bytes) -> VerificationReport:
        """Return the report on one uploaded file.

        Raises:
            watermark.errors.PictureError: the file is no picture that can be read within the caps.

        """
        picture = decode_picture(data, limits=self._limits)  # step 1
        case = _Case(
            sha256=hashlib.sha256(data).hexdigest(),
            credentials=read_manifest(data, picture.mime, trust=self._trust),  # step 2
            metadata=read_metadata(data, picture.format),  # step 3
            mark=self._detect(picture.image),  # step 4
        )
        if picture.frames > 1:
            text = f"The file has {picture.frames} frames; the watermark was searched in the first."
            case.add("info", "watermark", "first_frame_only", text)
        for note in case.credentials.notes:
            case.add("info", "content_credentials", "note", note)
        for note in case.metadata.notes:
            case.add("info", "metadata", "note", note)
        self._find_record(case, data, picture.mime)  # step 5
        self._recover(case, data, picture.mime)  # step 6
        _compare_layers(case)  # step 7
        verdict, summary = conclude(_evidence(case))  # step 8
        return VerificationReport(
            summary=summary,
            verdict=verdict,
            checked=Subject(
                sha256=case.sha256,
                bytes=len(data),
                format=picture.format,
                width=picture.width,
                height=picture.height,
            ),
            record=public_record(case.record, case.found_by, exact=case.exact) if case.record else None,
            signals=Signals(
                c2pa=c2pa_row(case.credentials, self._keys),
                watermark=watermark_row(case.mark, self._keys.watermark_key_id),
                metadata=metadata_row(case.metadata),
                fingerprint=FingerprintSignal(),
            ),
            findings=case.findings,
        )

    def _detect(self, image: NDArray[np.uint8]) -> watermark.Detection | None:
        """Return None for a picture that is too small to be searched."""
        try:
            return watermark.detect(image, key=self._keys.watermark)
        except watermark.ImageTooSmall:
            return None

    def _find_record(self, case: _Case, data: bytes, mime: str) -> None:
        """Step 5."""
        proofs: list[tuple[FoundBy, Record | None]] = []
        if case.mark_id:
            proofs.append(("watermark", self._registry.get(case.mark_id)))
        proofs.append(("content_credentials", self._by_credentials(case, data, mime)))
        proofs.append(("exact_file", self._registry.by_sha256(case.sha256)))
        if case.metadata.record_id:
            proofs.append(("metadata", self._registry.get(case.metadata.record_id)))
        for found_by, record in proofs:
            if record is not None:
                case.record, case.found_by = record, found_by
                break
        if case.record is None and case.mark_id:
            text = (
                "The watermark was made with this service's key, but no record has its id: the registry is "
                "incomplete, or the key is used elsewhere."
            )
            case.add("warning", "registry", "watermark_not_registered", text)
        if case.record is not None and case.found_by == "metadata":
            text = (
                "The record was found through an id in the metadata, which anyone can copy into any file. "
                "Neither watermark nor Content Credentials confirm it."
            )
            case.add("warning", "registry", "record_by_claim_only", text)

    def _by_credentials(self, case: _Case, data: bytes, mime: str) -> Record | None:
        """Find the record of an intact manifest.

        Manifest ids are public and anyone can sign a manifest that has one of ours, so the id proves nothing: the
        manifest that we stored under it must itself fit this file.
        """
        if case.credentials.status != "valid" or case.credentials.manifest_id is None:
            return None
        record = self._registry.by_manifest_id(case.credentials.manifest_id)
        stored = self._registry.manifest(record.id) if record else None
        if record is None or stored is None:
            return None
        if read_manifest(data, mime, trust=self._trust, stored_manifest=stored).pixels_match:
            return record
        text = (
            "The Content Credentials have the id of ones that this service made, but are not those: somebody else "
            "signed them."
        )
        case.add("error", "consistency", "borrowed_manifest_id", text)
        return None

    def _recover(self, case: _Case, data: bytes, mime: str) -> None:
        """Step 6."""
        if case.record is None or case.found_by == "metadata" or case.credentials.status != "not_present":
            return
        stored = self._registry.manifest(case.record.id)
        if stored is None:
            return
        case.credentials = read_manifest(data, mime, trust=self._trust, stored_manifest=stored)
        if case.credentials.status == "recovered":
            text = (
                "The file carries no Content Credentials. The watermark led to the ones that this service stored: "
                "recovered, pixels differ. They describe the original, not the changes made since."
            )
            case.add("info", "content_credentials", "manifest_recovered", text)


def _evidence(case: _Case) -> Evidence:
    return Evidence(
        credentials=case.credentials,
        metadata=case.metadata,
        mark=case.mark,
        record=case.record,
        found_by=case.found_by,
        exact=case.exact,
        conflict=any(f.technique == "consistency" and f.severity == "error" for f in case.findings),
    )


def _compare_layers(case: _Case) -> None:
    """Step 7."""
    mark_id, credentials = case.mark_id, case.credentials
    if credentials.status == "valid" and mark_id:
        bound = [value for algorithm, value in credentials.soft_bindings if algorithm == SOFT_BINDING_ALG]
        if bound and mark_id not in bound:
            text = "The signed manifest names another watermark than the pixels carry: one of the two was moved here."
            case.add("error", "consistency", "watermark_and_manifest_disagree", text)
        if credentials.ai_generated is False:
            text = (
                "The Content Credentials describe a picture that is not AI-generated, but the pixels carry the "
                "watermark of one that is."
            )
            case.add("error", "consistency", "manifest_denies_ai", text)
    if mark_id and case.metadata.record_id not in {None, mark_id}:
        text = "The metadata names another record than the watermark in the pixels."
        case.add("error", "consistency", "metadata_names_another_record", text)
    if case.metadata.ai_generated is False and (mark_id or credentials.ai_generated):
        text = "The metadata says that the picture is not AI-generated; stronger evidence says that it is."
        case.add("warning", "consistency", "metadata_denies_ai", text)

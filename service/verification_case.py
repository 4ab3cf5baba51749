"""What the steps of a verification have established about one file; filled step by step, then judged.

Plain values: consistency.py, verdict.py and signal_rows.py turn a case into findings, a sentence and rows without
touching a disk, a clock or a key.
"""

from dataclasses import dataclass, field
from typing import Literal

from service.likeness import Likeness
from service.stores.record import Record
from service.verification_findings import finding
from service.verification_report import Finding, FoundBy, Subject, TimelineStep
from watermark import Detection
from watermark.manifest import ManifestReport
from watermark.metadata import MetadataReport


@dataclass(slots=True)
class Case:
    """Evidence about one file.

    Attributes:
        subject: the file itself.
        credentials: of the file, or recovered from the registry.
        development_signer: whether this installation's own development key signed them.
        metadata: the file's claims.
        mark: what the search of the pixels found; None when they were not searched.
        searched: whether the pixels were to be searched at all.
        current_key_id: of the key that this service marks with now.
        record: the registry's record of this picture, found by `found_by`.
        hash_fits: whether a hash in the registry says that these bytes are the record's picture.
        likeness: to the record's picture, or to the registered picture that is most like; None when not compared.
        lookalikes: further registered pictures with how like they are, the best first.
        timeline: the history that the credentials tell.
        sources: ids of all manifests in the file.
        findings: in the order of the steps.

    """

    subject: Subject
    credentials: ManifestReport
    metadata: MetadataReport
    development_signer: bool = False
    mark: Detection | None = None
    searched: bool = True
    current_key_id: str = ""
    record: Record | None = None
    found_by: FoundBy = "metadata"
    hash_fits: bool = False
    likeness: Likeness | None = None
    lookalikes: list[tuple[Record, Literal["match", "similar"]]] = field(default_factory=list)
    timeline: list[TimelineStep] = field(default_factory=list)
    sources: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, **evidence: str) -> None:
        """Note a finding; service/verification_findings.py has the words."""
        self.findings.append(finding(code, **evidence))

    @property
    def mark_id(self) -> str | None:
        """The id in the watermark, 16 hex digits, where its keyed check passed."""
        return self.mark.payload.hex() if self.mark and self.mark.payload else None

    @property
    def marks(self) -> list[tuple[str, str]]:
        """(id, key id) of every mark in the pixels, the surest first."""
        if self.mark is None or self.mark_id is None:
            return []
        further = [(one.payload.hex(), one.key_id) for one in self.mark.others]
        return [(self.mark_id, self.mark.key_id or ""), *further]

    @property
    def exact(self) -> bool:
        """Whether the file is byte for byte the one that the record is about."""
        return self.record is not None and self.record.sha256 == self.subject.sha256

    @property
    def confirmed(self) -> bool:
        """Whether a mark or hash leads to the record and this is its picture: a mark alone can be copied."""
        if self.record is None or self.found_by in {"metadata", "fingerprint"}:
            return False
        likeness = self.likeness
        alike = (
            likeness is not None and likeness.status != "no_match" and likeness.record_id == self.record.id
        )
        return self.exact or self.hash_fits or alike

    @property
    def transplanted(self) -> bool:
        """Whether the mark's record is about another picture than this one."""
        return any(row.code == "transplanted_watermark" for row in self.findings)

    @property
    def conflict(self) -> bool:
        """Whether any two layers contradict each other."""
        return any(row.technique == "consistency" and row.severity == "error" for row in self.findings)

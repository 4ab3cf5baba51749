"""The answer of `/v1/verify`: one overall sentence, one row a signal, findings with evidence.

Rules: "not found" is never worded as authentic or human-made; every finding names the technique that it
rests on (EU Code of Practice on AI-content transparency, measure 2.3); nothing here is personal data.
`schema_version` changes when a field changes meaning or disappears; new fields may appear within a version.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Verdict = Literal["ours", "ai_generated", "credentials", "conflict", "invalid", "nothing_found"]
FoundBy = Literal["watermark", "content_credentials", "exact_file", "metadata"]
MarkStatus = Literal["detected", "possible", "not_detected", "not_checked"]
Severity = Literal["info", "warning", "error"]
Technique = Literal["content_credentials", "watermark", "metadata", "registry", "fingerprint", "consistency"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Part):
    """One thing that was established, with what it proves and what it does not."""

    code: str
    severity: Severity
    technique: Technique
    text: str


class C2paSignal(_Part):
    """Content Credentials; `integrity`, `trusted`, `expired` are separate answers, None: not applicable."""

    status: Literal["valid", "invalid", "not_present", "recovered"]
    integrity: Literal["ok", "failed"] | None = None
    trusted: bool | None = None
    expired: bool | None = None
    signature_valid: bool | None = None
    pixels_match: bool | None = Field(
        None, description="False: the credential is about another version of the file"
    )
    signer: str | None = None
    development_signer: bool = False
    signed_at: str | None = None
    generator: str | None = None
    manifest_id: str | None = None
    ai_generated: bool | None = None
    digital_source_type: str | None = None
    actions: list[str] = []
    ingredients: int = 0
    codes: list[str] = Field([], description="C2PA status codes, verbatim")
    proves: str = ""
    does_not_prove: str = ""


class WatermarkSignal(_Part):
    """The invisible watermark. `payload` is given only when its keyed check passed."""

    status: MarkStatus
    payload: str | None = None
    p_value: float | None = Field(
        None, description="chance of such a score on an unmarked picture, whole search"
    )
    key_id: str | None = None
    rotation_deg: float | None = None
    scale: float | None = None
    flipped: bool | None = None
    proves: str = ""
    does_not_prove: str = ""


class MetadataSignal(_Part):
    """EXIF, XMP and text chunks: claims that anyone can write or remove."""

    status: Literal["detected", "not_detected", "invalid"]
    ai_generated: bool | None = None
    record_id: str | None = None
    fields: dict[str, str] = {}
    sources: list[str] = []
    proves: str = ""
    does_not_prove: str = ""


class FingerprintSignal(_Part):
    """Similarity to registered pictures. This version keeps no fingerprints and says so."""

    status: Literal["match", "similar", "no_match", "not_checked"] = "not_checked"
    proves: str = ""
    does_not_prove: str = (
        "No fingerprint was compared, so a mark copied from another picture would not be noticed."
    )


class Signals(_Part):
    """One row a technique."""

    c2pa: C2paSignal
    watermark: WatermarkSignal
    metadata: MetadataSignal
    fingerprint: FingerprintSignal


class PublicRecord(_Part):
    """The registry's record, reduced to what may be shown to anyone."""

    id: str
    created_at: str
    kind: str
    provider: str
    generator: str
    generator_version: str
    mime: str
    width: int
    height: int
    manifest_id: str | None
    manifest_url: str | None
    found_by: FoundBy
    exact_file: bool = Field(description="True: byte for byte the file that this service released")


class Subject(_Part):
    """What was checked."""

    sha256: str
    bytes: int
    format: str
    width: int
    height: int


class VerificationReport(_Part):
    """What can be proven about one picture: a sentence, a record where there is one, a row for each technique."""

    schema_version: Literal["1"] = "1"
    summary: str
    verdict: Verdict
    checked: Subject
    record: PublicRecord | None
    signals: Signals
    findings: list[Finding]

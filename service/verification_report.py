"""The answer of `/v1/verify`: one overall sentence, one row a signal, findings with evidence.

Rules: "not found" is never worded as authentic or human-made; every finding names the technique that it
rests on (EU Code of Practice on AI-content transparency, measure 2.3); nothing here is personal data; no
number is finer than an honest reader needs, because a fine public score can be climbed.
`schema_version` changes when a field changes meaning or disappears; new fields, and new values of `verdict`, may
appear within a version.
`GET /v1/verify/schema` and `countermark verify --schema` give `report_schema()`.
"""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_ID: Final = "urn:countermark:schema:verification-report:1"

Verdict = Literal[
    "ours", "unconfirmed", "resembles", "ai_generated", "credentials", "conflict", "invalid", "nothing_found"
]
FoundBy = Literal["watermark", "content_credentials", "exact_file", "fingerprint", "metadata"]
MarkStatus = Literal["detected", "possible", "not_detected", "not_checked"]
Severity = Literal["info", "warning", "error"]
Technique = Literal["content_credentials", "watermark", "metadata", "registry", "fingerprint", "consistency"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Finding(_Part):
    """One thing that was established: on what evidence, what it proves and what it does not."""

    code: str = Field(description="stable; service/verification_findings.py lists all")
    severity: Severity
    technique: Technique
    text: str
    evidence: dict[str, str] = Field({}, description="the values that the finding rests on")
    proves: str = ""
    does_not_prove: str = ""


class C2paSignal(_Part):
    """Content Credentials; `integrity`, `trusted`, `expired` are separate answers, None: not applicable."""

    status: Literal["valid", "invalid", "not_present", "recovered"]
    integrity: Literal["ok", "failed"] | None = Field(
        None, description="null: there are no credentials in the file, or none that can be read"
    )
    changed: bool | None = Field(
        None, description="True: a signed hash shows that the file or its credentials were changed since"
    )
    trusted: bool | None = None
    expired: bool | None = None
    signature_valid: bool | None = None
    pixels_match: bool | None = Field(
        None, description="False: the credential is about another version of the file"
    )
    signer: str | None = None
    development_signer: bool = False
    signed_at: str | None = Field(None, description="of a timestamp whose authority is trusted here")
    generator: str | None = None
    manifest_id: str | None = None
    ai_generated: bool | None = None
    digital_source_type: str | None = None
    actions: list[str] = []
    watermark_ids: list[str] = Field(
        [], description="ids of this service's watermark that a valid manifest in the file binds itself to"
    )
    ingredients: int = 0
    codes: list[str] = Field([], description="C2PA status codes, verbatim")
    proves: str = ""
    does_not_prove: str = ""


class PresenceMap(_Part):
    """Where in the picture the mark is, in three levels: an even grid over the whole picture, row by row."""

    rows: int = Field(ge=1)
    columns: int = Field(ge=1)
    cells: list[str] = Field(
        description="a text of `columns` digits for each row: 0 not there, 1 weakly, 2 as strong as expected"
    )


class OtherMark(_Part):
    """A further mark of this service in the same picture."""

    payload: str
    key_id: str


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
    presence: PresenceMap | None = None
    others: list[OtherMark] = []
    proves: str = ""
    does_not_prove: str = ""


class MetadataClaim(_Part):
    """One recognised statement in the metadata."""

    writer: str
    convention: str = Field(description="which trace it was recognised by")
    says_ai: bool | None


class MetadataSignal(_Part):
    """EXIF, XMP and text chunks: claims that anyone can write or remove."""

    status: Literal["detected", "not_detected", "invalid"]
    ai_generated: bool | None = None
    record_id: str | None = None
    fields: dict[str, str] = {}
    sources: list[str] = []
    claims: list[MetadataClaim] = []
    proves: str = ""
    does_not_prove: str = ""


class SimilarRecord(_Part):
    """A registered picture that this one looks like."""

    record_id: str
    status: Literal["match", "similar"]
    created_at: str
    thumbnail_url: str | None


class FingerprintSignal(_Part):
    """Likeness to registered pictures: "match" is confirmed by geometry, "similar" is not."""

    status: Literal["match", "similar", "no_match", "not_checked"] = "not_checked"
    record_id: str | None = Field(None, description="the registered picture that `status` is about")
    alignment: list[float] | None = Field(
        None,
        description="3 x 3 homography, row by row, from this picture to the registered one, both with sides of 1",
    )
    lookalikes: list[SimilarRecord] = []
    proves: str = ""
    does_not_prove: str = ""


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
    thumbnail_url: str | None = None
    parent: str | None = Field(None, description="record of the picture that it was made from")
    found_by: FoundBy
    exact_file: bool = Field(description="True: byte for byte the file that this service released")
    confirmed: bool = Field(
        False,
        description="True: a mark or a hash leads here, and the picture is the record's (by hash or likeness)",
    )


class TimelineStep(_Part):
    """One step of the history that the Content Credentials tell, oldest first; as claimed by its signer."""

    action: str
    when: str | None = None
    program: str | None = None
    signer: str | None = None
    digital_source_type: str | None = None
    manifest_id: str | None = None
    depth: int = Field(0, description="0: the picture's own manifest; 1: its ingredient's; and so on")
    sound: bool = Field(True, description="False: validation found a fault in the manifest that says so")


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
    timeline: list[TimelineStep] = []
    findings: list[Finding]


class KnownFile(_Part):
    """What the registry holds for the SHA-256 of a file, without the file."""

    sha256: str
    summary: str
    record: PublicRecord | None


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of `VerificationReport`, as it is sent."""
    schema = VerificationReport.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID} | schema

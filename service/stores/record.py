"""One marked picture, and its files, as the registry remembers them. No prompt, no pixels, nobody's name."""

from datetime import UTC
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from safety.audit_entry import Text

RecordId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Time = Annotated[AwareDatetime, AfterValidator(lambda time: time.astimezone(UTC))]


class Record(BaseModel):
    """What is known about one marked picture and the first file of it.

    `id` is also the watermark's payload (16 hex digits). `sha256` is that of the file as it left, `manifest`
    its C2PA manifest store (bytes), `manifest_id` the URN of the active manifest in it. `kind` says how the
    file came to be ("generation", "edit", "mark"), `action` is the policy's decision, `parent` the record id of
    the picture it was made from, where that is known. `fingerprint` is what the picture is recognised by
    (watermark.fingerprint, bytes): None in records of versions that made none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: RecordId
    created_at: Time
    kind: Text
    tenant: Text
    generator: Text
    generator_version: Text
    provider: Text
    mime: Text
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    sha256: Sha256
    manifest_id: Text
    manifest: bytes = Field(repr=False)
    watermark_key_id: Text
    policy_version: Text
    action: Literal["allow", "annotate", "review", "block"]
    parent: RecordId | None = None
    request_id: Text
    fingerprint: bytes | None = Field(None, repr=False)


class Release(BaseModel):
    """A further file of a registered picture: labelled and signed again, with the same mark in it.

    `record_id` is the picture's record; the rest is of this file, as in `Record`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_id: RecordId
    created_at: Time
    mime: Text
    sha256: Sha256
    manifest_id: Text
    manifest: bytes = Field(repr=False)

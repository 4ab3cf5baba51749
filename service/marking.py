"""Mark one picture in all three ways and register it.

Order (each step hashes or must survive what follows): visible label, where a profile asks for one -> record id
-> invisible watermark in the pixels -> EXIF and XMP while encoding -> C2PA manifest, signed last -> registry. A
picture leaves this module only when every step succeeded.

A picture of ours that comes in again keeps its id: a second mark over the first would leave two ids that contradict
each other. Its labels and its manifest are made anew, its record stays, and the new file is registered as a further
one of it. Ours is a file that left here byte for byte, or one whose mark names a record with this very picture; a mark
alone can be copied, so any other mark of our key gives way to a new one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

import watermark
from safety.decision import Action
from service.errors import BadRequest
from service.keys import Keys
from service.labelling import Labelling
from service.likeness import LikenessSearch
from service.resign_queue import SigningJob
from service.stages import StageTimes
from service.stores import Record, RegistryStore
from service.timestamping import PolicySigner, Timestamp
from watermark.exif import build_exif
from watermark.fingerprint import Fingerprint, fingerprint
from watermark.fingerprint_iscc import ISCC_ALG
from watermark.label import (
    COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA,
    NOT_STATED,
    TRAINED_ALGORITHMIC_MEDIA,
    AiLabel,
)
from watermark.manifest import SignedPicture, Source, TrustAnchors, read_manifest
from watermark.manifest_claim import SOURCE_IDS
from watermark.metadata import build_text
from watermark.picture import MIME, encode_picture
from watermark.thumbnail import make_thumbnail
from watermark.xmp import build_xmp


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from and what was decided about it; written into the record and the marks.

    `kind` "generation": our generator made it, and `source` is the upstream's file where there was one. "edit": it made
    it from `inputs`, the first of which has the record `parent` where it is ours. "mark": somebody handed `source` in,
    and `generator` is what they call the system that made it. `replace_mark`: a picture of ours gets a new mark and a
    new record, which names the old one as `parent`, instead of keeping both. `refuse_flat`: a picture that is flat
    nearly everywhere is refused, because its mark would lie bare.
    """

    kind: str
    generator: str
    generator_version: str
    policy_version: str
    action: Action
    request_id: str
    source: bytes | None = None
    source_mime: str | None = None
    icc: bytes | None = None
    prompt: str | None = None
    profiles: tuple[str, ...] = ()
    inputs: tuple[Source, ...] = ()
    parent: str | None = None
    replace_mark: bool = False
    refuse_flat: bool = False


@dataclass(frozen=True, slots=True)
class MarkedPicture:
    """A finished file and the id of its record (16 hex digits, also the watermark's payload)."""

    id: str
    data: bytes
    mime: str
    width: int
    height: int
    transparent: bool
    timestamp: Timestamp = "none"


class Marker:
    """Marks with one watermark key and one signing identity; safe to share between threads."""

    def __init__(
        self,
        keys: Keys,
        provider: str,
        registry: RegistryStore,
        clock: Callable[[], datetime],
        *,
        signer: PolicySigner | None = None,
        thumbnails: bool = True,
        labelling: Labelling | None = None,
        likeness: LikenessSearch | None = None,
    ) -> None:
        self._labelling = labelling or Labelling()
        self._keys, self._provider, self._registry, self._clock = keys, provider, registry, clock
        self._thumbnails, self._likeness = thumbnails, likeness
        self._signer = signer or PolicySigner(keys.identity)

    def mark(
        self,
        image: NDArray[np.uint8],
        format_: str,
        origin: Origin,
        stages: StageTimes,
        *,
        quality: int | None = None,
    ) -> MarkedPicture:
        """Mark `image` (uint8 (H, W, 3) or (H, W, 4)) and encode it as one of `WRITABLE`.

        Raises:
            BadRequest: the picture keeps its record, which names another generator than `origin`.
            CannotRecord: the registry does not answer.
            watermark.ImageTooSmall: the shorter side is below 128 px.
            watermark.errors.ImageTooFlat: `origin.refuse_flat` and a picture that is flat nearly everywhere.
            watermark.errors.WatermarkError: a mark could not be made.

        """
        now = self._clock()
        known, stale = None, origin.source is not None or origin.kind == "edit"
        if origin.kind == "mark" and origin.source is not None:
            with stages("recognise"):
                known, stale = self._recognise(origin.source, image)
        if known is not None and origin.replace_mark:
            origin, known = _as_child(origin, known), None
        if known is not None:
            _check_generator(origin, known)
        with stages("label"):
            image = self._labelling.draw(image, origin.profiles)
        record_id, marked = (known.id, image) if known else (self._registry.reserve(now), image)
        if known is None:
            with stages("watermark"):
                marked = watermark.embed(
                    image,
                    bytes.fromhex(record_id),
                    key=self._keys.watermark,
                    replace=stale,
                    refuse_flat=origin.refuse_flat,
                )
        label = self._label(origin, record_id, now, known)
        with stages("encode"):
            unsigned = encode_picture(
                marked,
                format_,
                quality=quality,
                exif=build_exif(label),
                xmp=build_xmp(label),
                icc=origin.icc,
                text=build_text(label),
            )
        mime = MIME[format_]
        with stages("fingerprint"):
            likeness = fingerprint(marked)
        with stages("sign"):
            job = SigningJob(
                data=unsigned,
                mime=mime,
                label=label,
                soft_binding=record_id,
                other_bindings=((ISCC_ALG, likeness.iscc),),
                sources=tuple(self._shown(source) for source in _sources(origin)),
                thumbnail=make_thumbnail(marked) if self._thumbnails else None,
            )
            signed, timestamp = self._signer.sign(job)
        with stages("register"):
            if known is None:
                self._register(origin, job, signed, likeness, now, image)
            else:
                self._registry.release(job.release(signed, now))
        if timestamp == "pending":
            self._signer.await_timestamp(job)
        height, width, channels = image.shape
        transparent = channels == 4 and format_ != "jpeg"
        return MarkedPicture(record_id, signed.data, mime, width, height, transparent, timestamp)

    def _label(self, origin: Origin, record_id: str, now: datetime, known: Record | None) -> AiLabel:
        """State what every label says; a picture that keeps its record says again what that says."""
        edited = origin.kind == "edit"
        return AiLabel(
            record_id=record_id,
            provider=self._provider,
            system=known.generator if known else origin.generator,
            system_version=known.generator_version if known else (origin.generator_version or NOT_STATED),
            created_at=known.created_at if known else now,
            source_type=COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA if edited else TRAINED_ALGORITHMIC_MEDIA,
            edited=edited,
            **self._labelling.extras(
                origin.profiles,
                record_id=record_id,
                provider=self._provider,
                key=self._keys.watermark,
                prompt=origin.prompt,
            ),
        )

    def _register(
        self,
        origin: Origin,
        job: SigningJob,
        signed: SignedPicture,
        likeness: Fingerprint,
        now: datetime,
        image: NDArray[np.uint8],
    ) -> None:
        height, width = image.shape[:2]
        self._registry.put(
            Record(
                id=job.soft_binding,
                created_at=now,
                kind=origin.kind,
                tenant="default",
                generator=origin.generator,
                generator_version=origin.generator_version,
                provider=self._provider,
                mime=job.mime,
                width=width,
                height=height,
                sha256=hashlib.sha256(signed.data).hexdigest(),
                manifest_id=signed.manifest_id,
                manifest=signed.manifest,
                watermark_key_id=self._keys.watermark_key_id,
                policy_version=origin.policy_version,
                action=origin.action,
                parent=origin.parent,
                request_id=origin.request_id,
                fingerprint=likeness.to_bytes(),
            )
        )

    def _shown(self, source: Source) -> Source:
        return source if self._thumbnails else replace(source, thumbnail=None)

    def known_as(self, data: bytes, image: NDArray[np.uint8]) -> str | None:
        """Return the id of the record whose picture a file is: by its hash, or by its mark and its likeness."""
        record, _ = self._recognise(data, image)
        return record.id if record else None

    def _recognise(self, data: bytes, image: NDArray[np.uint8]) -> tuple[Record | None, bool]:
        """Return the record whose picture this is, and whether a mark of ours is in it."""
        record = self._registry.by_sha256(hashlib.sha256(data).hexdigest())
        if record is not None:
            return record, True
        found = watermark.detect(image, key=self._keys.all_watermarks)
        if found.payload is None:
            return None, found.present
        for payload in (found.payload, *(other.payload for other in found.others)):
            record = self._registry.get(payload.hex())
            if record is not None and self._is_picture_of(record, image):
                return record, True
        return None, True

    def _is_picture_of(self, record: Record, image: NDArray[np.uint8]) -> bool:
        """Tell whether fingerprints confirm it; False also where they cannot tell."""
        comparison = self._likeness.compare(image, record.id) if self._likeness else None
        return comparison is not None and comparison.status == "match"


def _as_child(origin: Origin, parent: Record) -> Origin:
    """Let a picture that is marked anew keep what its former record says made it, unless the caller says more."""
    if origin.generator != NOT_STATED:
        return replace(origin, parent=parent.id)
    version = origin.generator_version or parent.generator_version
    return replace(origin, parent=parent.id, generator=parent.generator, generator_version=version)


def _check_generator(origin: Origin, known: Record) -> None:
    """Refuse what the caller says of a picture that keeps its record, where the record says something else."""
    for param, said, registered in (
        ("generator", "" if origin.generator == NOT_STATED else origin.generator, known.generator),
        ("generator_version", origin.generator_version, known.generator_version),
    ):
        if said not in {"", registered}:
            raise BadRequest(
                f"{param}: got {said!r}, but this picture is registered here as {known.id} with {registered!r}; leave "
                "the field out to keep that, or ask for its mark to be replaced.",
                code="generator_differs",
                param=param,
            )


def _sources(origin: Origin) -> list[Source]:
    """Return the files that the manifest must name as what this picture was made from, the parent first.

    What somebody handed in always is; an upstream's file only when it is signed (a signed picture is never
    signed over), because otherwise it is merely the way in which our generator answered.
    """
    inputs = list(origin.inputs)
    if origin.source is None or origin.source_mime is None:
        return inputs
    if origin.kind != "mark":
        found = read_manifest(origin.source, origin.source_mime, trust=TrustAnchors())
        if found.status == "not_present":
            return inputs
    return [Source(origin.source, origin.source_mime), *inputs][: len(SOURCE_IDS)]

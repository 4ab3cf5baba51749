"""The path of a request: prompt check -> generator -> picture check -> marks -> registry -> audit -> answer.

Rules of the state machine:
- Every request that reached a decision leaves exactly one audit entry: allowed, blocked (by policy, ours or
  the upstream's) or failed (a stage could not answer). Nothing is returned before that entry is written; if
  it cannot be written, the request is refused.
- A picture that was not checked, or not marked in all three ways, never leaves.
- "review" and "annotate" release the picture; the answer, the record and the log carry the word, for the
  operator to act on. Only "block" refuses.
- Of several pictures, one blocked picture refuses the request: a partial answer would tell which variation
  passes.
- Neither prompt nor pixels are logged or stored; the audit entry holds an HMAC of the prompt, so that a
  known prompt can be matched later by whoever has the key.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from safety import Decision, Guard
from safety.audit_entry import AuditEntry, Judgement, Outcome
from safety.errors import AuditError
from service.edit_inputs import decode_edit
from service.errors import BadRequest, CannotRecord, Refused, UpstreamRefused
from service.generators import Editor, EditRequest, GeneratedImage, GenerationRequest, Generator
from service.marking import MarkedPicture, Marker, Origin
from service.stores import AuditStore
from service.trail import Trail
from service.wire import MAX_PIXELS_ALTOGETHER
from watermark.errors import UnsupportedPicture
from watermark.label import NOT_STATED
from watermark.manifest import Source
from watermark.picture import WRITABLE, Limits, decode_picture


class Gateway:
    """Ties guard, generator, marker and audit log together; safe to share between threads."""

    def __init__(
        self,
        guard: Guard,
        generator: Generator,
        marker: Marker,
        audit: AuditStore,
        prompt_key: bytes,
        limits: Limits,
        clock: Callable[[], datetime],
    ) -> None:
        self._guard, self._generator, self._marker, self._audit = guard, generator, marker, audit
        self._prompt_key, self._limits, self._clock = prompt_key, limits, clock

    def generate(
        self, request: GenerationRequest, format_: str, quality: int | None, trail: Trail
    ) -> list[MarkedPicture]:
        """Check, draw, check, mark and record; `format_` is "png", "jpeg" or "webp".

        Raises:
            Refused: the policy blocked the prompt or a picture.
            UpstreamRefused: the generator refused the prompt.
            StageFailed, CannotRecord, safety.errors.SafetyError, watermark.errors.WatermarkError: a stage could
                not answer; the request is refused and recorded as failed.

        """
        trail.prompt = request.prompt
        trail.generator, trail.generator_version = self._generator.name, self._generator.version
        with self._recorded(trail):
            self._check_prompt(request.prompt, trail)
            trail.stage = "generator"
            with trail.stages("generate"):
                drawn = self._generator.generate(request)
            return self._released(drawn, format_, quality, trail)

    def edit(
        self,
        request: GenerationRequest,
        files: Sequence[bytes],
        mask: bytes | None,
        format_: str,
        quality: int | None,
        trail: Trail,
    ) -> list[MarkedPicture]:
        """Check prompt and pictures, have the first picture changed, check, mark and record.

        Each result is a new picture with a record of its own; its manifest names the files as what it was made from,
        with their own credentials, and its record names the edited picture's where that one is ours.

        Raises:
            BadRequest: the generator does not edit, or the inputs do not fit each other.
            PictureError: an input is not one still picture that we can read within the limits.
            Refused, UpstreamRefused and the rest: as for `generate`.

        """
        if not isinstance(self._generator, Editor):
            raise BadRequest(
                f"The generator {self._generator.name} does not edit pictures; use /v1/images/generations.",
                code="edits_unsupported",
            )
        inputs = decode_edit(files, mask, self._limits)
        width, height = request.width or inputs.pictures[0].width, request.height or inputs.pictures[0].height
        if request.n * width * height > MAX_PIXELS_ALTOGETHER:
            raise BadRequest(
                f"n: got {request.n} x {width}x{height}, a request may ask for {MAX_PIXELS_ALTOGETHER / 1e6:.1f} "
                "megapixels altogether; ask for smaller or fewer pictures.",
                param="n",
            )
        trail.prompt = request.prompt
        trail.generator, trail.generator_version = self._generator.name, self._generator.version
        with self._recorded(trail):
            self._check_prompt(request.prompt, trail)
            for image in inputs.images:
                self._check_image(image, trail, stage="input")
            trail.stage = "generator"
            order = EditRequest(**asdict(request), images=inputs.images, mask=inputs.mask)
            with trail.stages("generate"):
                drawn = self._generator.edit(order)
            with trail.stages("parent"):
                parent = self._marker.known_as(inputs.files[0], inputs.images[0])
            return self._released(drawn, format_, quality, trail, inputs=inputs.sources(), parent=parent)

    def _released(
        self,
        drawn: Sequence[GeneratedImage],
        format_: str,
        quality: int | None,
        trail: Trail,
        *,
        inputs: tuple[Source, ...] = (),
        parent: str | None = None,
    ) -> list[MarkedPicture]:
        """Check and mark what a generator made; all of it or nothing."""
        for picture in drawn:
            self._check_image(picture.image, trail)
        trail.stage = "marking"
        pictures = []
        for picture in drawn:
            origin = self._origin(trail, picture.source, picture.source_mime, None)
            origin = replace(origin, inputs=inputs, parent=parent)
            marked = self._marker.mark(picture.image, format_, origin, trail.stages, quality=quality)
            trail.record_ids.append(marked.id)
            pictures.append(marked)
        return pictures

    def mark(
        self,
        data: bytes,
        prompt: str | None,
        generator: str,
        trail: Trail,
        *,
        format_: str | None = None,
        max_pixels: int | None = None,
        version: str = "",
        profiles: tuple[str, ...] = (),
        replace_mark: bool = False,
        refuse_flat: bool = False,
    ) -> MarkedPicture:
        """Check and mark a picture that was made elsewhere, by what the caller calls `generator` and its `version`.

        Without `format_` the file keeps its own format where we can write that, else it becomes PNG. The upload
        becomes the parent of the new manifest: we saw it, we did not make it. `profiles` are labelling profiles
        beside the installation's own. A picture of ours (see service.marking) keeps its id; with `replace_mark` it gets
        a new one, whose record names the old one as its parent and, unless `generator` is given, the same generator.
        `refuse_flat` refuses a picture on which the watermark would lie bare.

        Raises:
            PictureError: `data` is not one still picture that we can read within the limits.
            BadRequest: the picture has more than `max_pixels` pixels, or keeps a record that names another generator.
            Refused, CannotRecord, SafetyError, WatermarkError: as for `generate`.

        """
        picture = decode_picture(data, limits=self._limits)
        if max_pixels is not None and picture.width * picture.height > max_pixels:
            raise BadRequest(
                f"file: got {picture.width}x{picture.height}, marking takes up to {max_pixels // 1_000_000} "
                "megapixels; scale the picture down first.",
                code="too_many_pixels",
                param="file",
            )
        if picture.frames > 1:
            raise UnsupportedPicture(
                "file: got an animation, expected one picture; send its frames one by one."
            )
        trail.prompt = prompt
        trail.generator, trail.generator_version = generator or NOT_STATED, version
        with self._recorded(trail):
            if prompt is not None:
                self._check_prompt(prompt, trail)
            self._check_image(picture.image, trail)
            trail.stage = "marking"
            if format_ is None:
                format_ = picture.format if picture.format in WRITABLE else "png"
            origin = self._origin(trail, data, picture.mime, picture.icc, profiles)
            origin = replace(origin, refuse_flat=refuse_flat, replace_mark=replace_mark)
            marked = self._marker.mark(picture.image, format_, origin, trail.stages)
            trail.record_ids.append(marked.id)
        return marked

    def moderate(self, text: str, trail: Trail) -> Decision:
        """Judge a text without generating; recorded, but a block is an answer here, not a refusal."""
        trail.prompt = text
        with self._recorded(trail):
            with trail.stages("check_prompt"):
                decision = self._guard.check_prompt(text)
            trail.decisions.append(decision)
        return decision

    def moderate_image(self, data: bytes, trail: Trail) -> list[Decision]:
        """Judge a picture without marking it, once for each way in which it can be seen; see `moderate`."""
        picture = decode_picture(data, limits=self._limits)
        trail.stage = "output"
        with self._recorded(trail), trail.stages("check_image"):
            trail.decisions += [self._guard.check_image(view) for view in visible(picture.image)]
        return trail.decisions

    def _check_prompt(self, prompt: str, trail: Trail) -> None:
        with trail.stages("check_prompt"):
            self._judge(self._guard.check_prompt(prompt), trail)

    def _check_image(self, image: NDArray[np.uint8], trail: Trail, stage: str = "output") -> None:
        trail.stage = stage
        with trail.stages("check_image"):
            for view in visible(image):
                self._judge(self._guard.check_image(view), trail)

    def _judge(self, decision: Decision, trail: Trail) -> None:
        trail.decisions.append(decision)
        if decision.action == "block":
            raise Refused(decision)

    def _origin(
        self,
        trail: Trail,
        source: bytes | None,
        source_mime: str | None,
        icc: bytes | None,
        profiles: tuple[str, ...] = (),
    ) -> Origin:
        return Origin(
            kind=trail.kind,
            generator=trail.generator,
            generator_version=trail.generator_version,
            policy_version=self._guard.policy.version,
            action=trail.action,
            request_id=trail.request_id,
            source=source,
            source_mime=source_mime,
            icc=icc,
            prompt=trail.prompt,
            profiles=profiles,
        )

    @contextmanager
    def _recorded(self, trail: Trail) -> Iterator[None]:
        """Append the trail's entry when the block ends, however it ends."""
        try:
            yield
        except (Refused, UpstreamRefused):
            self._append(trail, "blocked", "")
            raise
        except Exception as error:
            self._append(trail, "failed", type(error).__name__)
            raise
        self._append(trail, "blocked" if trail.action == "block" else "allowed", "")

    def _append(self, trail: Trail, outcome: Outcome, detail: str) -> None:
        entry = AuditEntry(
            time=self._clock(),
            request_id=trail.request_id,
            kind=trail.kind,
            outcome=outcome,
            stage=trail.stage,
            action=trail.action if trail.decisions else None,
            categories=trail.flagged,
            scores=trail.scores(),
            reasons=tuple(dict.fromkeys(r.code for d in trail.decisions for r in d.reasons)),
            policy_version=self._guard.policy.version,
            models=tuple(dict.fromkeys(m for d in trail.decisions for m in d.models)),
            generator=trail.generator,
            generator_version=trail.generator_version,
            record_ids=tuple(trail.record_ids),
            tenant="default",
            prompt_hash=self._hash(trail.prompt),
            detail=detail,
            judgements=tuple(Judgement.of(decision) for decision in trail.decisions),
        )
        try:
            with trail.stages("audit"):
                self._audit.append(entry)
        except AuditError as error:
            raise CannotRecord("The decision could not be recorded, so the request was refused.") from error
        trail.outcome = outcome

    def _hash(self, prompt: str | None) -> str | None:
        if prompt is None:
            return None
        return hash_prompt(self._prompt_key, prompt)


def hash_prompt(key: bytes, prompt: str) -> str:
    """Return what the log keeps of a prompt: its HMAC-SHA256 in hex, which only the holder of the key can match."""
    return hmac.new(key, prompt.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def visible(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return the ways in which a person can see a picture, each uint8 (H, W, 3).

    Transparency can hide a text on one background and show it on another, so a picture with transparent parts
    is judged on white, on black, and as the colours under it.
    """
    colours = np.ascontiguousarray(image[..., :3])
    if image.shape[2] == 3 or bool((image[..., 3] == 255).all()):
        return [colours]
    share = image[..., 3:].astype(np.uint16)
    laid = [(colours * share + ground * (255 - share)) // 255 for ground in (255, 0)]
    return [colours, *(view.astype(np.uint8) for view in laid)]


def new_request_id() -> str:
    """Return a fresh id as the OpenAI SDKs show it ("req_" and 24 hex digits)."""
    return "req_" + secrets.token_hex(12)

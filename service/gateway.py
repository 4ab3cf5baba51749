"""The path of a request: prompt check -> generator -> picture check -> marks -> registry -> audit -> answer.

Rules of the state machine:
- Every request that reached a decision leaves exactly one audit entry: allowed, blocked (by policy) or
  failed (a stage could not answer). Nothing is returned before that entry is written; if it cannot be
  written, the request is refused.
- A picture that was not checked, or not marked in all three ways, never leaves.
- Of several pictures, one blocked picture refuses the request: a partial answer would tell which variation
  passes.
- Neither prompt nor pixels are logged or stored; the audit entry holds an HMAC of the prompt, so that a
  known prompt can be matched later by whoever has the key.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from safety import Decision, Guard
from safety.audit import Action, AuditEntry
from safety.audit import Outcome as LogOutcome
from safety.errors import AuditError
from service.errors import CannotRecord, Refused
from service.generators import GenerationRequest, Generator
from service.marking import MarkedPicture, Marker, Origin
from service.stages import StageTimes
from service.stores import AuditStore
from watermark.picture import WRITABLE, Limits, decode_picture

_STRICTNESS: tuple[Action, ...] = ("allow", "annotate", "review", "block")


@dataclass(slots=True)
class Trail:
    """What is known so far about one request; becomes its audit entry."""

    request_id: str
    kind: str
    stage: str = "input"
    prompt: str | None = None
    decisions: list[Decision] = field(default_factory=list)
    generator: str = ""
    generator_version: str = ""
    record_ids: list[str] = field(default_factory=list)
    stages: StageTimes = field(default_factory=StageTimes)

    @property
    def action(self) -> Action:
        """The strictest action decided so far."""
        return max((d.action for d in self.decisions), key=_STRICTNESS.index, default="allow")

    def judge(self, decision: Decision) -> None:
        """Add a decision; a block ends the request."""
        self.decisions.append(decision)
        if decision.action == "block":
            raise Refused(decision)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The marked pictures and what the policy said about them."""

    pictures: list[MarkedPicture]
    action: Action
    flagged: tuple[str, ...]


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
    ) -> Outcome:
        """Check, draw, check, mark and record; `format_` is "png", "jpeg" or "webp".

        Raises:
            Refused: the policy blocked the prompt or a picture.
            StageFailed, CannotRecord, safety.errors.SafetyError, watermark.errors.WatermarkError: a stage
            could not
                answer; the request is refused and recorded as failed.

        """
        trail.prompt = request.prompt
        trail.generator, trail.generator_version = self._generator.name, self._generator.version
        with self._recorded(trail):
            with trail.stages("check_prompt"):
                trail.judge(self._guard.check_prompt(request.prompt))
            trail.stage = "generator"
            with trail.stages("generate"):
                drawn = self._generator.generate(request)
            trail.stage = "output"
            for picture in drawn:
                with trail.stages("check_image"):
                    trail.judge(self._guard.check_image(picture.image[..., :3]))
            trail.stage = "marking"
            pictures = []
            for picture in drawn:
                origin = self._origin(trail, picture.source, picture.source_mime, None)
                marked = self._marker.mark(picture.image, format_, origin, trail.stages, quality=quality)
                trail.record_ids.append(marked.id)
                pictures.append(marked)
        return _outcome(pictures, trail)

    def mark(
        self,
        data: bytes,
        prompt: str | None,
        generator: Mapping[str, str],
        trail: Trail,
        *,
        format_: str | None = None,
    ) -> Outcome:
        """Check and mark a picture that was made elsewhere.

        Without `format_` the file keeps its own format where we can write that, else it becomes PNG.
        `generator` may name the system that made it: keys "name" and "version".

        Raises:
            PictureError: `data` is not a picture that we can read within the limits.
            Refused, CannotRecord, SafetyError, WatermarkError: as for `generate`.

        """
        picture = decode_picture(data, limits=self._limits)
        trail.prompt = prompt
        trail.generator = generator.get("name") or "not stated"
        trail.generator_version = generator.get("version") or "not stated"
        with self._recorded(trail):
            if prompt is not None:
                with trail.stages("check_prompt"):
                    trail.judge(self._guard.check_prompt(prompt))
            trail.stage = "output"
            with trail.stages("check_image"):
                trail.judge(self._guard.check_image(picture.image[..., :3]))
            trail.stage = "marking"
            if format_ is None:
                format_ = picture.format if picture.format in WRITABLE else "png"
            origin = self._origin(trail, data, picture.mime, picture.icc)
            marked = self._marker.mark(picture.image, format_, origin, trail.stages)
            trail.record_ids.append(marked.id)
        return _outcome([marked], trail)

    def moderate(self, text: str, trail: Trail) -> Decision:
        """Judge a text without generating; recorded, but a block is an answer here, not a refusal."""
        trail.prompt = text
        with self._recorded(trail):
            decision = self._guard.check_prompt(text)
            trail.decisions.append(decision)
        return decision

    def moderate_image(self, data: bytes, trail: Trail) -> Decision:
        """Judge a picture without marking it; see `moderate`."""
        picture = decode_picture(data, limits=self._limits)
        trail.stage = "output"
        with self._recorded(trail):
            decision = self._guard.check_image(picture.image[..., :3])
            trail.decisions.append(decision)
        return decision

    def _origin(
        self, trail: Trail, source: bytes | None, source_mime: str | None, icc: bytes | None
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
        )

    @contextmanager
    def _recorded(self, trail: Trail) -> Iterator[None]:
        """Append the trail's entry when the block ends, however it ends."""
        try:
            yield
        except Refused:
            self._append(trail, "blocked", None)
            raise
        except Exception as error:
            self._append(trail, "failed", type(error).__name__)
            raise
        self._append(trail, "blocked" if trail.action == "block" else "allowed", None)

    def _append(self, trail: Trail, outcome: LogOutcome, detail: str | None) -> None:
        flagged = sorted({name for d in trail.decisions for name in d.flagged})
        scores: dict[str, float] = {}
        for decision in trail.decisions:
            for name in flagged:
                scores[name] = round(max(scores.get(name, 0.0), decision.categories.get(name, 0.0)), 4)
            scores["unsafe"] = round(max(scores.get("unsafe", 0.0), decision.unsafe), 4)
        try:
            with trail.stages("audit"):
                self._audit.append(
                    AuditEntry(
                        time=self._clock(),
                        request_id=trail.request_id,
                        kind=trail.kind,
                        outcome=outcome,
                        stage=trail.stage,
                        action=trail.action if trail.decisions else None,
                        categories=tuple(flagged),
                        scores=scores,
                        reasons=tuple(dict.fromkeys(r.code for d in trail.decisions for r in d.reasons)),
                        policy_version=self._guard.policy.version,
                        models=tuple(dict.fromkeys(m for d in trail.decisions for m in d.models)),
                        generator=trail.generator,
                        generator_version=trail.generator_version,
                        record_ids=tuple(trail.record_ids),
                        tenant="default",
                        prompt_hash=self._hash(trail.prompt),
                        detail=detail or "",
                    )
                )
        except AuditError as error:
            raise CannotRecord(
                "The decision could not be written to the audit log, so the request was refused."
            ) from error

    def _hash(self, prompt: str | None) -> str | None:
        if prompt is None:
            return None
        return hmac.new(self._prompt_key, prompt.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def new_request_id() -> str:
    """Return a fresh id as the OpenAI SDKs show it ("req_" and 24 hex digits)."""
    return "req_" + secrets.token_hex(12)


def _outcome(pictures: list[MarkedPicture], trail: Trail) -> Outcome:
    flagged = tuple(sorted({name for d in trail.decisions for name in d.flagged}))
    return Outcome(pictures, trail.action, flagged)

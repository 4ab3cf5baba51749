"""What can go wrong in the service, and the one table that turns it into HTTP answers.

    ServiceError
    ├── BadRequest            400  the caller can mend the request; `code` says which part
    │   └── UpstreamRefused   400  the image generator refused the prompt, in its own words
    ├── Refused               400  the policy said no; carries the decision
    ├── NotFound              404
    ├── Busy                  503  the work queue is full; the caller should retry
    ├── StageFailed           502  the upstream generator did not answer with pictures
    ├── CannotRecord          503  the audit log or registry did not accept the record
    │   └── (service.stores.errors: RegistryConflict, RegistryUnavailable)
    └── StartupError               settings or keys are unusable; the service does not start
        └── (service.stores.errors: RegistryUnusable)

Rules: OpenAI-compatible routes answer with OpenAI's error body, all others with RFC 9457 problem+json. An answer
never contains a traceback, the upload, or a path on this machine: what a 5xx has to tell is in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safety import Decision
from safety.errors import AuditError, SafetyError
from service.trail import asked_for
from watermark.errors import PictureError, SigningError, TimestampError, WatermarkError


class ServiceError(Exception):
    """Root of the tree above; `code` is stable, the message is for people."""

    code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class BadRequest(ServiceError):
    """The caller can mend the request; `param` names the field at fault."""

    code = "invalid_request"

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message, code=code)
        self.param = param


class UpstreamRefused(BadRequest):
    """The image generator behind us refused the prompt."""

    code = "upstream_refused"


class Refused(ServiceError):
    """The policy refused the prompt (stage "input") or a picture (stage "output")."""

    code = "moderation_blocked"

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        self.categories = asked_for([decision], "block")
        what = "prompt" if decision.stage == "input" else "picture"
        super().__init__(
            f"Your request was refused by the safety policy: the {what} was flagged for {', '.join(self.categories)}. "
            "Change the prompt and try again."
        )


class NotFound(ServiceError):
    """No such record, manifest or page."""

    code = "not_found"


class Busy(ServiceError):
    """The queue of pictures being worked on is full."""

    code = "busy"


class StageFailed(ServiceError):
    """A stage outside this process (the upstream generator) failed."""

    code = "stage_failed"


class CannotRecord(ServiceError):
    """A decision could not be written down, so nothing was released."""

    code = "cannot_record"


class StartupError(ServiceError):
    """Settings, keys or stores are unusable; the message says what to change."""

    code = "startup"


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """One row of the answer: status, stable code, sentence, and extra members of the body."""

    status: int
    code: str
    message: str
    param: str | None = None
    extra: Mapping[str, Any] | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """Status and, where the error's own words are not for the caller, the code and sentence to say instead."""

    status: int
    code: str | None = None
    text: str | None = None


# The first row whose class fits is the answer.
_ANSWERS: tuple[tuple[type[Exception], _Row], ...] = (
    (Refused, _Row(400)),
    (BadRequest, _Row(400)),
    (NotFound, _Row(404)),
    (Busy, _Row(503)),
    (StageFailed, _Row(502)),
    (
        CannotRecord,
        _Row(
            503,
            "cannot_record",
            "The registry or the audit log did not answer, so nothing was released. Try again later.",
        ),
    ),
    (
        AuditError,
        _Row(503, "audit_unavailable", "The audit log cannot be read or written now. Try again later."),
    ),
    (
        SafetyError,
        _Row(
            503,
            "check_unavailable",
            "A safety check could not run, so the request was refused. Try again later.",
        ),
    ),
    (PictureError, _Row(422)),
    (
        TimestampError,
        _Row(
            503,
            "timestamp_unavailable",
            "The timestamp authority did not answer, so the picture was not signed. Try again later.",
        ),
    ),
    (
        SigningError,
        _Row(
            503,
            "signing_unavailable",
            "The signing key did not answer, so nothing was signed. Try again later.",
        ),
    ),
    (WatermarkError, _Row(422, "cannot_mark")),
    (
        Exception,
        _Row(500, "internal_error", "Something failed on our side; the request was not carried out."),
    ),
)

# Codes of picture errors that have a status of their own.
_PICTURE_STATUS = {
    "empty_file": 400,
    "file_too_large": 413,
    "too_many_pixels": 413,
    "not_a_picture": 415,
    "unsupported_format": 415,
}


def describe(error: Exception) -> HttpFailure:
    """Return the HTTP answer for an exception; anything unknown is an opaque 500."""
    row = next(row for kind, row in _ANSWERS if isinstance(error, kind))
    code = row.code or str(getattr(error, "code", "invalid_request"))
    extra = None
    if isinstance(error, Refused):
        details = {"moderation_stage": error.decision.stage, "categories": list(error.categories)}
        extra = {"moderation_details": details}
    return HttpFailure(
        status=_PICTURE_STATUS.get(code, row.status) if isinstance(error, PictureError) else row.status,
        code=code,
        message=row.text or str(error),
        param="file"
        if isinstance(error, WatermarkError) and row.status < 500
        else getattr(error, "param", None),
        extra=extra,
        retry_after_s=1 if row.status == 503 else None,
    )

"""What can go wrong in the service, and the one table that turns it into HTTP answers.

    ServiceError
    ├── BadRequest            400  the caller can mend the request; `code` says which part
    ├── Refused               400  the policy said no; carries the decision
    ├── NotFound              404
    ├── Busy                  503  the work queue is full; the caller should retry
    ├── StageFailed           502  the upstream generator did not answer with pictures
    ├── CannotRecord          503  the audit log or registry did not accept the record
    │   └── (service.stores.errors: RegistryConflict, RegistryUnavailable)
    └── StartupError               settings or keys are unusable; the service does not start
        └── (service.stores.errors: RegistryUnusable)

Rules: OpenAI-compatible routes answer with OpenAI's error body, all others with RFC 9457 problem+json.
An answer never contains a traceback, the upload, the prompt or a path on this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safety import Decision
from safety.errors import AuditError, SafetyError
from watermark.errors import ImageTooSmall, PictureError, WatermarkError


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


class Refused(ServiceError):
    """The policy refused the prompt (stage "input") or a picture (stage "output")."""

    code = "moderation_blocked"

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        names = ", ".join(decision.flagged) or "the blocklist"
        what = "prompt" if decision.stage == "input" else "picture"
        super().__init__(
            f"Your request was refused by the safety policy: the {what} was flagged for {names}. "
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


_STATUS: dict[type[Exception], int] = {
    Refused: 400,
    BadRequest: 400,
    NotFound: 404,
    Busy: 503,
    StageFailed: 502,
    CannotRecord: 503,
    ImageTooSmall: 422,
    AuditError: 503,
}

# Codes of watermark.errors.PictureError that have a status of their own; every other picture error is 422.
_PICTURE_STATUS = {
    "empty_file": 400,
    "file_too_large": 413,
    "too_many_pixels": 413,
    "not_a_picture": 415,
    "unsupported_format": 415,
}


def describe(error: Exception) -> HttpFailure:
    """Return the HTTP answer for one of our exceptions; anything unknown is an opaque 500."""
    if isinstance(error, Refused):
        details = {"moderation_stage": error.decision.stage, "categories": list(error.decision.flagged)}
        return HttpFailure(400, error.code, str(error), extra={"moderation_details": details})
    if isinstance(error, BadRequest):
        return HttpFailure(400, error.code, str(error), param=error.param)
    if isinstance(error, PictureError):
        return HttpFailure(_PICTURE_STATUS.get(error.code, 422), error.code, str(error), param="file")
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            code = getattr(error, "code", kind.__name__.lower())
            return HttpFailure(status, code, str(error), retry_after_s=1 if status == 503 else None)
    if isinstance(error, SafetyError):
        return HttpFailure(
            503,
            "check_unavailable",
            "A safety check could not run, so the request was refused. Try again later.",
        )
    if isinstance(error, WatermarkError):
        return HttpFailure(422, "cannot_mark", str(error), param="file")
    return HttpFailure(
        500, "internal_error", "Something failed on our side; the request was not carried out."
    )


def problem_body(failure: HttpFailure, *, instance: str | None = None) -> dict[str, Any]:
    """RFC 9457 problem details; `type` is a stable URN of ours, no page needs to exist for it."""
    body: dict[str, Any] = {
        "type": f"urn:countermark:problem:{failure.code}",
        "title": failure.code.replace("_", " "),
        "status": failure.status,
        "detail": failure.message,
    }
    if instance is not None:
        body["instance"] = instance
    return body | dict(failure.extra or {})


def openai_body(failure: HttpFailure) -> dict[str, Any]:
    """OpenAI's error body, as its SDKs read it (`error.code`, `error.type`, `error.param`)."""
    kind = "image_generation_user_error" if failure.code == Refused.code else "invalid_request_error"
    if failure.status >= 500:
        kind = "server_error"
    error = {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}
    return {"error": error | dict(failure.extra or {})}

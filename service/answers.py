"""Error answers: OpenAI's error body on the routes that its SDKs call, RFC 9457 problem+json on all others."""

from typing import Any

from fastapi.responses import JSONResponse

from service.errors import HttpFailure, Refused

_OPENAI_ROUTES = ("/v1/images/", "/v1/moderations", "/v1/content_provenance_checks")


def error_answer(path: str, request_id: str, failure: HttpFailure) -> JSONResponse:
    """Build the answer for a request to `path`."""
    headers = {"Retry-After": str(failure.retry_after_s)} if failure.retry_after_s else {}
    if path.startswith(_OPENAI_ROUTES):
        return JSONResponse(_openai_body(failure), failure.status, headers)
    body = _problem_body(failure, request_id)
    return JSONResponse(body, failure.status, headers, media_type="application/problem+json")


def _problem_body(failure: HttpFailure, request_id: str) -> dict[str, Any]:
    """RFC 9457 problem details; `type` is a stable URN of ours, no page needs to exist for it."""
    return {
        "type": f"urn:countermark:problem:{failure.code}",
        "title": failure.code.replace("_", " "),
        "status": failure.status,
        "detail": failure.message,
        "instance": f"urn:countermark:request:{request_id}",
        **(failure.extra or {}),
    }


def _openai_body(failure: HttpFailure) -> dict[str, Any]:
    """OpenAI's error body, as its SDKs read it (`error.code`, `error.type`, `error.param`)."""
    kind = "image_generation_user_error" if failure.code == Refused.code else "invalid_request_error"
    if failure.status >= 500:
        kind = "server_error"
    error = {"message": failure.message, "type": kind, "param": failure.param, "code": failure.code}
    return {"error": error | dict(failure.extra or {})}

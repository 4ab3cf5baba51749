"""The FastAPI application: routes, middleware, and the answers to errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from safety.errors import SafetyError
from service.answers import error_answer
from service.compliance import Linter
from service.errors import HttpFailure, ServiceError, describe
from service.request_log import Metrics, RequestLog
from service.routes import comply, images, matches, moderations, pages, records, verify
from service.runtime import Runtime
from service.uploads import BodyLimit, keep_uploads_in_memory
from service.workers import Workers
from watermark.errors import WatermarkError

log = structlog.get_logger("countermark")


def create_app(runtime: Runtime) -> FastAPI:
    """Build the application around parts that exist already; it closes them when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.workers = Workers(runtime.settings.workers, runtime.settings.queue)
        yield
        app.state.workers.close()
        runtime.close()

    app = FastAPI(
        title="Countermark",
        version=version("countermark"),
        summary="Provenance and safety for AI-generated images",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime = runtime
    app.state.linter = Linter(runtime.verifier, runtime.limits, runtime.keys.all_watermarks)
    metrics = Metrics()
    keep_uploads_in_memory(runtime.settings.max_upload_bytes)
    app.add_middleware(BodyLimit, max_bytes=runtime.settings.max_upload_bytes)
    app.add_middleware(RequestLog, metrics=metrics)
    for module in (images, moderations, verify, comply, matches, records, pages):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=pages.PAGES / "static"), name="static")

    @app.get("/metrics", include_in_schema=False)
    async def show_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    for kind in (ServiceError, SafetyError, WatermarkError):
        app.add_exception_handler(kind, _answer_ours)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    return app


def _answer(request: Request, failure: HttpFailure) -> JSONResponse:
    return error_answer(request.url.path, request.state.request_id, failure)


def _answer_ours(request: Request, error: Exception) -> JSONResponse:
    failure = describe(error)
    if failure.status >= 500:
        log.error(
            "refused",
            id=request.state.request_id,
            code=failure.code,
            error=type(error).__name__,
            cause=str(error),
        )
    return _answer(request, failure)


def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """One sentence a field; the offending value is not repeated (it may be a prompt, or not encodable)."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - the handler is registered for this type alone
    rows = error.errors()
    lines = []
    for row in rows[:5]:
        if row["type"] == "json_invalid":
            lines.append("the body is not JSON; send UTF-8 JSON with Content-Type: application/json")
            break
        if "input" in row["loc"] and not row["msg"].startswith("Value error"):
            lines.append("input: expected a text, a list of texts, or a list of text and image_url parts")
            break
        name = ".".join(str(part) for part in row["loc"] if part != "body") or "body"
        lines.append(f"{name}: {row['msg'].removeprefix('Value error, ')}")
    param = next((str(part) for part in rows[0]["loc"][1:2] if isinstance(part, str)), None)
    return _answer(request, HttpFailure(400, "invalid_request", "; ".join(lines) + ".", param=param))


def _answer_http(request: Request, error: Exception) -> JSONResponse:
    """Answer Starlette's own errors: no such route, wrong method, a body that is no JSON or too large."""
    assert isinstance(error, HTTPException)  # noqa: S101 - the handler is registered for this type alone
    codes = {
        400: "invalid_request",
        401: "unauthorized",
        404: "not_found",
        405: "method_not_allowed",
        413: "file_too_large",
        503: "busy",
    }
    texts = {
        404: f"There is no such address here; see {request.base_url}docs.",
        405: "This address does not answer this method; see /docs.",
        400: "The body cannot be read as JSON; send UTF-8 JSON with Content-Type: application/json.",
    }
    text = texts.get(error.status_code, error.detail)
    code = codes.get(error.status_code, "http_error")
    answer = _answer(request, HttpFailure(error.status_code, code, text))
    answer.headers.update(error.headers or {})
    return answer

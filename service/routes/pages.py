"""The pages, and whether the service is healthy; nothing here decides anything."""

from importlib.metadata import version
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.templating import Jinja2Templates

from safety.errors import AuditError
from service.routes.context import runtime

router = APIRouter(include_in_schema=False)

PAGES = Path(__file__).parent.parent / "pages"
templates = Jinja2Templates(directory=PAGES / "templates")


# The pages load everything from here; `blob:` and `data:` show the picture that the person chose.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


@router.get("/", response_class=HTMLResponse)
async def verify_page(request: Request) -> HTMLResponse:
    """Drop, paste or choose a picture and see what can be proven about it."""
    return _page(request, "verify.html")


@router.get("/docs", response_class=HTMLResponse)
async def api_page(request: Request) -> HTMLResponse:
    """Draw the API reference from /openapi.json; FastAPI's own page loads its scripts from another origin."""
    return _page(request, "api.html")


def _page(request: Request, template: str) -> HTMLResponse:
    parts = runtime(request)
    context = {
        "provider": parts.settings.provider,
        "version": version("countermark"),
        "max_upload_mib": max(1, parts.limits.max_bytes // (1024 * 1024)),
        "formats": "PNG, JPEG, WebP, GIF, TIFF, AVIF, BMP",
        "development": parts.keys.development,
        "try_it": parts.settings.generator == "builtin",  # a paid upstream is not for anonymous visitors
    }
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return templates.TemplateResponse(request, template, context, headers=headers)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """200 as soon as requests can be taken."""
    return {"status": "ok", "version": version("countermark")}


@router.get("/readyz")
def readyz(request: Request) -> JSONResponse:
    """200 when the stores answer, with the checks in use; else 503: a load balancer should stop sending requests."""
    parts = runtime(request)
    try:
        state = {"status": "ready", "audit_entries": parts.audit.size(), "records": parts.registry.count()}
    except (AuditError, OSError) as error:
        return JSONResponse({"status": "not ready", "reason": type(error).__name__}, 503)
    models = parts.guard.models
    checks = {
        "prompts": models["input"],
        "pictures": models["output"],
        "missing": sorted(parts.guard.missing),  # why is said at start; it may name paths
    }
    return JSONResponse(state | {"checks": checks})

"""Audit log and moderation report over HTTP; read only."""

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from service.errors import NotFound
from service.report_files import REPORT_MIME, build_period_report, choose_period, render
from service.routes.context import runtime, workers

router = APIRouter(tags=["audit and reports"])


@router.get("/v1/reports/moderation", summary="Counts of decisions by day, category, action and generator")
async def moderation_report(
    request: Request,
    first: Annotated[date | None, Query(alias="from", description="first day, UTC")] = None,
    last: Annotated[date | None, Query(alias="to", description="last day, UTC")] = None,
    format_: Annotated[Literal["json", "csv", "html", "pdf"], Query(alias="format")] = "json",
) -> Response:
    """Without dates: the last 30 days."""
    now = datetime.now(UTC)
    days = choose_period(first, last, now.date())

    def work() -> bytes:
        return render(build_period_report(runtime(request).audit, days, now), format_)

    headers = {}
    if format_ in {"csv", "pdf"}:
        headers["Content-Disposition"] = f'attachment; filename="moderation-{days[0]}-{days[1]}.{format_}"'
    return Response(await workers(request).run(work), media_type=REPORT_MIME[format_], headers=headers)


@router.get("/dashboard", include_in_schema=False)
async def dashboard() -> RedirectResponse:
    """The last 30 days as a page."""
    return RedirectResponse("/v1/reports/moderation?format=html")


@router.get("/v1/audit/checkpoint", summary="The newest signed checkpoint of the audit log")
async def checkpoint(request: Request) -> Response:
    """Keep a copy elsewhere: it is what makes a later truncation of the log provable."""
    note = await workers(request).run(runtime(request).audit.checkpoint)
    return Response(note.note, media_type="text/plain; charset=utf-8")


@router.get("/v1/audit/verify", summary="Verify the whole audit log")
async def verify_log(request: Request) -> dict[str, Any]:
    """Recompute every hash; `first_bad_index` names the first entry that does not fit."""
    report = await workers(request).run(runtime(request).audit.verify)
    return report.model_dump(mode="json")


@router.get("/v1/audit/proofs/{index}", summary="Inclusion proof of one entry")
async def inclusion_proof(index: int, request: Request) -> dict[str, Any]:
    """Return the entry, its Merkle path and the signed checkpoint that it leads to."""
    audit = runtime(request).audit

    def work() -> dict[str, Any]:
        size = audit.size()
        if not 0 <= index < size:
            raise NotFound(f"No entry {index}: the log has {size} entries, counted from 0.")
        return audit.prove(index)

    return await workers(request).run(work)

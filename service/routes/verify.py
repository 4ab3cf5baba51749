"""`POST /v1/verify` and what goes with it: schema, receipts and their keys, what is known of a file's hash.

Also OpenAI's `POST /v1/content_provenance_checks`, and stored manifests by id.
"""

import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import JSONResponse

from service.errors import NotFound
from service.receipt import MIME as RECEIPT_MIME
from service.receipt_pdf import report_to_pdf
from service.routes.context import runtime, workers
from service.uploads import PICTURE_BODY, read_picture
from service.verification_report import KnownFile, VerificationReport, report_schema

router = APIRouter(tags=["verify"])

_RECEIPTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {RECEIPT_MIME: {}, "application/pdf": {}}, "description": "the report, or its receipt"}
}


@router.post(
    "/v1/verify",
    summary="Say what can be proven about a picture",
    openapi_extra=PICTURE_BODY,
    response_model=VerificationReport,
    responses=_RECEIPTS,
)
async def verify(
    request: Request,
    receipt: Annotated[
        Literal["jws", "pdf"] | None,
        Query(description="answer with a signed receipt of the report instead: for programs, or for people"),
    ] = None,
    pixels: Annotated[
        bool,
        Query(description="false: only labels and signatures, in milliseconds; no watermark, no likeness"),
    ] = True,
) -> VerificationReport | Response:
    """Verify one upload (multipart `file` or a raw image body); nothing of it is stored."""
    data, _ = await read_picture(request)
    parts = runtime(request)

    def work() -> VerificationReport | Response:
        report = parts.verifier.verify(data, pixels=pixels)
        if receipt is None:
            return report
        signed = parts.receipts.issue(report)
        name = f"verification-{report.checked.sha256[:12]}.{receipt}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        if receipt == "jws":
            return Response(signed, media_type=RECEIPT_MIME, headers=headers)
        pdf = report_to_pdf(
            report, address=parts.receipts.address, time=parts.receipts.clock(), receipt=signed
        )
        return Response(pdf, media_type="application/pdf", headers=headers)

    return await workers(request).run(work)


@router.get("/v1/verify/schema", summary="The JSON Schema of a verification report")
async def schema() -> JSONResponse:
    """Versioned: a field may appear within a version, none changes its meaning."""
    return JSONResponse(report_schema(), media_type="application/schema+json")


@router.get("/v1/verify/known/{sha256}", summary="What the registry holds for a file with this SHA-256")
def known(
    sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="64 hex digits")], request: Request
) -> KnownFile:
    """Answer about the exact file alone, without seeing it: a copy that was saved again has another hash."""
    return runtime(request).verifier.known(sha256)


@router.get("/.well-known/jwks.json", summary="The public keys of verification receipts")
def receipt_keys(request: Request) -> JSONResponse:
    """Keep a copy: receipts are verified offline with it (RFC 7517; the newest key comes first)."""
    return JSONResponse(
        runtime(request).receipts.keys.published(), headers={"Cache-Control": "public, max-age=300"}
    )


@router.get(
    "/v1/records/{record_id}/thumbnail",
    summary="A small picture of what was registered",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}}},
)
async def thumbnail(
    record_id: Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="16 hex digits")], request: Request
) -> Response:
    """Return the thumbnail in the record's stored manifest, decoded and encoded anew."""
    picture = await workers(request).run(runtime(request).verifier.pictures.thumbnail, record_id)
    if picture is None:
        raise NotFound("No record with this id has a thumbnail here.")
    headers = {"Cache-Control": "public, max-age=86400"}  # a record never changes
    return Response(picture, media_type="image/jpeg", headers=headers)


@router.post(
    "/v1/content_provenance_checks",
    summary="The same, in the shape of OpenAI's content provenance checks",
    openapi_extra=PICTURE_BODY,
)
async def provenance_check(request: Request) -> dict[str, Any]:
    """Answer with one result for Content Credentials and one for the invisible watermark.

    The watermark's result has the type "synthid" because the SDK's type knows no other invisible watermark;
    it speaks of this service's own watermark and says so in `detector`.
    """
    data, _ = await read_picture(request)
    report = await workers(request).run(runtime(request).verifier.verify, data)
    return as_provenance_check(report, int(time.time()))


def as_provenance_check(report: VerificationReport, now: int) -> dict[str, Any]:
    """Put a report in OpenAI's shape.

    The record's model and time are given for the watermark only where the picture was confirmed to be the record's, and
    for the Content Credentials only where they are the ones of that record; else those speak for themselves.

    Args:
        report: of the picture.
        now: seconds since 1970.

    """
    c2pa, mark, record = report.signals.c2pa, report.signals.watermark, report.record
    state = {"not_present": "not_present", "recovered": "not_present", "invalid": "invalid"}.get(
        c2pa.status, "trusted" if c2pa.trusted and not c2pa.development_signer else "valid"
    )
    found = mark.status == "detected"
    made: dict[str, str | None] = {"model": None, "generated_at": None}
    told: dict[str, str | None] = {"model": c2pa.generator, "generated_at": c2pa.signed_at}
    if record is not None and record.confirmed and report.verdict == "ours":
        made = {"model": f"{record.generator} {record.generator_version}", "generated_at": record.created_at}
        if state != "not_present" and record.manifest_id == c2pa.manifest_id:
            told = {"model": made["model"], "generated_at": c2pa.signed_at or made["generated_at"]}
    return {
        "object": "content_provenance_check",
        "created_at": now,
        "results": [
            {
                "type": "c2pa",
                "outcome": "not_detected" if state in {"not_present", "invalid"} else "detected",
                "validation_state": state,
                "issuer": c2pa.signer if state != "not_present" else None,
                **(told if state != "not_present" else dict.fromkeys(told)),
            },
            {
                "type": "synthid",
                "detector": "countermark",
                "outcome": "detected" if found else "not_detected",
                **(made if found else dict.fromkeys(made)),
            },
        ],
        "countermark": report.model_dump(mode="json"),
    }

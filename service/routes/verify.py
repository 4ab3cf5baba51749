"""`POST /v1/verify`, OpenAI's `POST /v1/content_provenance_checks`, and stored manifests by id."""

import time
from typing import Any

from fastapi import APIRouter, Request, Response

from service.errors import NotFound
from service.routes.context import runtime, workers
from service.uploads import PICTURE_BODY, read_picture
from service.verification_report import VerificationReport

router = APIRouter(tags=["verify"])


@router.post("/v1/verify", summary="Say what can be proven about a picture", openapi_extra=PICTURE_BODY)
async def verify(request: Request) -> VerificationReport:
    """Verify one upload (multipart `file` or a raw image body); nothing of it is stored."""
    data, _ = await read_picture(request)
    return await workers(request).run(runtime(request).verifier.verify, data)


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
    c2pa, mark, record = report.signals.c2pa, report.signals.watermark, report.record
    state = {"not_present": "not_present", "recovered": "not_present", "invalid": "invalid"}.get(
        c2pa.status, "trusted" if c2pa.trusted and not c2pa.development_signer else "valid"
    )
    found = mark.status == "detected"
    made: dict[str, str | None] = {"model": None, "generated_at": None}
    if record is not None and record.found_by != "metadata":
        made = {"model": f"{record.generator} {record.generator_version}", "generated_at": record.created_at}
    return {
        "object": "content_provenance_check",
        "created_at": int(time.time()),
        "results": [
            {
                "type": "c2pa",
                "outcome": "not_detected" if state in {"not_present", "invalid"} else "detected",
                "validation_state": state,
                "issuer": c2pa.signer if state != "not_present" else None,
                "model": (made["model"] or c2pa.generator) if state != "not_present" else None,
                "generated_at": (c2pa.signed_at or made["generated_at"]) if state != "not_present" else None,
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


@router.get(
    "/manifests/{manifest_id}",
    summary="A stored C2PA manifest",
    response_class=Response,
    responses={200: {"content": {"application/c2pa": {}}}},
)
def manifest(manifest_id: str, request: Request) -> Response:
    """Return the manifest store that was signed for a registered picture."""
    registry = runtime(request).registry
    record = registry.by_manifest_id(manifest_id)
    stored = registry.manifest(record.id) if record else None
    if stored is None:
        raise NotFound("No manifest with this id is stored here.")
    return Response(stored, media_type="application/c2pa")

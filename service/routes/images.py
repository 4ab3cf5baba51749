"""`POST /v1/images/generations` as the OpenAI SDK calls it, and `POST /v1/mark`."""

import base64
import time
from typing import Any

from fastapi import APIRouter, Request, Response

from service.errors import BadRequest
from service.generators import GenerationRequest
from service.routes.context import request_id, runtime, trail_for, workers
from service.uploads import PICTURE_BODY, read_picture
from service.wire import GenerationBody, check_text

router = APIRouter(tags=["generate and mark"])


@router.post("/v1/images/generations", summary="Generate marked pictures (OpenAI Images API)")
async def generate(body: GenerationBody, request: Request) -> dict[str, Any]:
    """Check the prompt, generate, check the pictures, mark them and return them as base64."""
    body.refuse_unsupported()
    width, height = body.width_height()
    call = GenerationRequest(
        prompt=body.prompt,
        n=body.n,
        width=width,
        height=height,
        model=body.model,
        quality=body.quality,
        background=body.background,
    )
    format_ = body.output_format or "png"
    quality = None if body.output_compression is None else max(1, body.output_compression)
    trail = trail_for(request, "generation")
    outcome = await workers(request).run(runtime(request).gateway.generate, call, format_, quality, trail)
    first = outcome.pictures[0]
    return {
        "created": int(time.time()),
        "background": "opaque" if body.background == "auto" else body.background,
        "output_format": format_,
        "size": f"{first.width}x{first.height}",
        "data": [
            {"b64_json": base64.b64encode(p.data).decode("ascii"), "countermark_id": p.id}
            for p in outcome.pictures
        ],
        "countermark": {
            "action": outcome.action,
            "flagged": list(outcome.flagged),
            "request_id": request_id(request),
        },
    }


@router.post(
    "/v1/mark",
    summary="Mark a picture made elsewhere",
    response_class=Response,
    openapi_extra=PICTURE_BODY,
    responses={200: {"content": {"image/png": {}, "image/jpeg": {}, "image/webp": {}}}},
)
async def mark(request: Request) -> Response:
    """Check a picture, mark it in all three ways and return the file.

    Multipart field `file` with optional text fields `prompt`, `generator` and `generator_version`, or a raw
    body.
    """
    data, fields = await read_picture(request)
    prompt = fields.get("prompt") or None
    system = {"name": fields.get("generator", ""), "version": fields.get("generator_version", "")}
    try:
        for text in (prompt or "", *system.values()):
            check_text(text)
    except ValueError as error:
        raise BadRequest(f"prompt or generator: {error}.") from error
    system = {key: value[:200] for key, value in system.items()}
    trail = trail_for(request, "mark")
    outcome = await workers(request).run(runtime(request).gateway.mark, data, prompt, system, trail)
    picture = outcome.pictures[0]
    headers = {"Countermark-Id": picture.id, "Countermark-Action": outcome.action}
    return Response(picture.data, media_type=picture.mime, headers=headers)

"""`POST /v1/images/generations` and `/v1/images/edits` as the OpenAI SDK calls them, and `POST /v1/mark`."""

import base64
import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from service.errors import BadRequest
from service.generators import GenerationRequest
from service.labelling import parse_profiles
from service.marking import MarkedPicture
from service.routes.context import request_id, runtime, trail_for, workers
from service.trail import Trail
from service.uploads import EDIT_BODY, PICTURE_BODY, read_edit, read_picture
from service.wire import GenerationBody, check_system_name, check_text
from watermark.picture import MIME, WRITABLE

router = APIRouter(tags=["generate and mark"])

MARK_FIELDS = ("prompt", "generator", "generator_version", "profile", "replace", "refuse_flat")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")


@router.post("/v1/images/generations", summary="Generate marked pictures (OpenAI Images API)")
async def generate(body: GenerationBody, request: Request) -> dict[str, Any]:
    """Check the prompt, generate, check the pictures, mark them and return them as base64."""
    call, format_, quality = _call(body)
    trail = trail_for(request, "generation")
    pictures = await workers(request).run(runtime(request).gateway.generate, call, format_, quality, trail)
    return _answer(pictures, format_, trail, request)


@router.post("/v1/images/edits", summary="Edit a picture (OpenAI Images API)", openapi_extra=EDIT_BODY)
async def edit(request: Request) -> dict[str, Any]:
    """Check prompt and pictures, have the first picture changed, check, mark and return the results as base64.

    Multipart: `image` or several `image[]` (the first is edited, the others are references), `prompt`, and optionally a
    `mask` whose transparent part may change. The results' Content Credentials name what they were made from.
    """
    files, mask, fields = await read_edit(request)
    try:
        body = GenerationBody.model_validate(fields)
    except ValidationError as error:
        rows = [row | {"loc": ("body", *row["loc"])} for row in error.errors(include_url=False)]
        raise RequestValidationError(rows) from error
    call, format_, quality = _call(body)
    trail = trail_for(request, "edit")
    gateway = runtime(request).gateway
    pictures = await workers(request).run(gateway.edit, call, files, mask, format_, quality, trail)
    return _answer(pictures, format_, trail, request)


def _call(body: GenerationBody) -> tuple[GenerationRequest, str, int | None]:
    """Return what to draw, the file format and its quality."""
    body.refuse_unsupported()
    width, height = body.width_height()
    call = GenerationRequest(
        prompt=body.prompt,
        n=body.n,
        width=width,
        height=height,
        quality=body.quality,
        background=body.background,
    )
    quality = None if body.output_compression is None else max(1, body.output_compression)
    return call, body.output_format or "png", quality


def _answer(pictures: list[MarkedPicture], format_: str, trail: Trail, request: Request) -> dict[str, Any]:
    """Write the answer as OpenAI's SDKs read it, with ids beside the pictures."""
    first = pictures[0]
    return {
        "created": int(time.time()),
        "background": "transparent" if first.transparent else "opaque",
        "output_format": format_,
        "size": f"{first.width}x{first.height}",
        "data": [
            {
                "b64_json": base64.b64encode(p.data).decode("ascii"),
                "countermark_id": p.id,
                "countermark_timestamp": p.timestamp,
            }
            for p in pictures
        ],
        "countermark": {
            "action": trail.action,
            "flagged": list(trail.flagged),
            "request_id": request_id(request),
        },
    }


@router.post(
    "/v1/mark",
    summary="Mark a picture made elsewhere",
    response_class=Response,
    openapi_extra=PICTURE_BODY,
    responses={200: {"content": {MIME[kind]: {} for kind in WRITABLE}}},
)
async def mark(request: Request) -> Response:
    """Check a picture, mark it in all three ways and return the file.

    Multipart field `file` with optional text fields `prompt`, `generator` and `generator_version` (what made it),
    `profile` (labelling profiles, comma-separated, beside the installation's own), `replace` ("true": a picture
    of this service gets a new mark and record) and `refuse_flat` ("true": a picture that is flat nearly
    everywhere is refused, since its watermark would lie bare), or a raw body. Any other field or value is an error.
    """
    if request.query_params:
        raise BadRequest(
            "The address takes no parameters: send multipart with `file` and the text fields.",
            code="unknown_field",
        )
    data, fields = await read_picture(request, MARK_FIELDS)
    prompt, generator = fields.get("prompt") or None, check_system_name(fields.get("generator", ""))
    version = check_system_name(fields.get("generator_version", ""), "generator_version")
    try:
        check_text(prompt or "")
    except ValueError as error:
        raise BadRequest(f"prompt: {error}.", param="prompt") from error
    profiles = parse_profiles(fields.get("profile", ""))
    replace_mark, refuse_flat = _is_set(fields, "replace"), _is_set(fields, "refuse_flat")
    parts, trail = runtime(request), trail_for(request, "mark")
    picture = await workers(request).run(
        parts.gateway.mark,
        data,
        prompt,
        generator,
        trail,
        max_pixels=parts.settings.max_mark_pixels,
        version=version,
        profiles=profiles,
        replace_mark=replace_mark,
        refuse_flat=refuse_flat,
    )
    headers = {"Countermark-Id": picture.id, "Countermark-Action": trail.action}
    if picture.timestamp != "none":
        headers["Countermark-Timestamp"] = picture.timestamp
    return Response(picture.data, media_type=picture.mime, headers=headers)


def _is_set(fields: Mapping[str, str], name: str) -> bool:
    said = fields.get(name, "").strip().lower()
    if said not in {"", *_YES, *_NO}:
        raise BadRequest(f"{name}: got {said[:40]!r}, expected true or false.", param=name)
    return said in _YES

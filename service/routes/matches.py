"""The C2PA Soft Binding Resolution API 1.0: manifests by soft binding, by content and by id.

GET and POST /matches/byBinding, POST /matches/byContent, GET /manifests/{id}, GET /services/supportedAlgorithms.
Nothing of what is sent is stored, and no address that is sent is fetched.
"""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from service.errors import BadRequest, NotFound
from service.resolution import FINGERPRINTS, WATERMARKS, Match
from service.resolution_access import SCOPE
from service.routes.context import runtime, workers
from watermark.manifest_active import active_manifest_alone
from watermark.picture import decode_picture

MOST_VALUE_CHARACTERS = 4096
MOST_RESULTS = 100

_PICTURE = {
    "requestBody": {
        "required": True,
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def allowed(
    request: Request,
    x_api_key: Annotated[str | None, Header()] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> None:
    """Answer 401 to callers who may not ask."""
    if not runtime(request).resolution_access.allows(x_api_key, authorization):
        text = "Send an API key (X-API-Key) or a bearer token with the scope fetch:manifests."
        raise HTTPException(401, text, {"WWW-Authenticate": f'Bearer scope="{SCOPE}"'})


router = APIRouter(tags=["soft binding resolution"])
Allowed = Depends(allowed)
MaxResults = Annotated[int, Query(alias="maxResults", ge=1, le=MOST_RESULTS)]


class Binding(BaseModel):
    """A soft binding: the algorithm's registered name and the base64 of the value."""

    model_config = ConfigDict(extra="forbid")

    alg: str
    value: str


@router.get("/matches/byBinding", summary="Manifests bound by a soft binding", dependencies=[Allowed])
async def by_binding(request: Request, alg: str, value: str, most: MaxResults = 10) -> dict[str, Any]:
    """Look a soft binding up; `value` is base64."""
    return await _by_binding(request, alg, value, most)


@router.post("/matches/byBinding", summary="Manifests bound by a soft binding", dependencies=[Allowed])
async def by_posted_binding(request: Request, binding: Binding, most: MaxResults = 10) -> dict[str, Any]:
    """Look a soft binding up that is too long for an address."""
    return await _by_binding(request, binding.alg, binding.value, most)


@router.post(
    "/matches/byContent",
    summary="Manifests of the picture that this one is a copy of",
    dependencies=[Allowed],
    openapi_extra=_PICTURE,
)
async def by_content(
    request: Request,
    alg: str | None = None,
    most: MaxResults = 10,
    hint_alg: Annotated[str | None, Query(alias="hintAlg")] = None,
    hint_value: Annotated[str | None, Query(alias="hintValue")] = None,
) -> dict[str, Any]:
    """Search by watermark, then by fingerprint; a hint only orders what the picture itself confirms."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if not kind.startswith("image/"):
        raise HTTPException(415, f"Pictures are looked up here: send image/*, not {kind[:60] or 'nothing'}.")
    data = await request.body()
    parts = runtime(request)
    hinted = _decoded(hint_value) if hint_alg is not None and hint_value is not None else None

    def work() -> list[Match]:
        picture = decode_picture(data, limits=parts.limits)
        found = parts.resolver.by_content(picture.image, alg, most)
        if hinted is None or hint_alg is None:
            return found
        first = {match.manifest_id for match in parts.resolver.by_binding(hint_alg, hinted, most)}
        return sorted(found, key=lambda match: match.manifest_id not in first)

    return _answer(await workers(request).run(work))


@router.get(
    "/manifests/{manifest_id}",
    summary="A stored C2PA manifest",
    response_class=Response,
    responses={200: {"content": {"application/c2pa": {}}}},
    dependencies=[Allowed],
)
def manifest(
    manifest_id: str, request: Request, active: Annotated[bool, Query(alias="returnActiveManifest")] = False
) -> Response:
    """Return the manifest store of a registered file; with `returnActiveManifest`, its active manifest alone."""
    record = runtime(request).registry.by_manifest_id(manifest_id)
    if record is None:
        raise NotFound("No manifest with this id is stored here.")
    stored = active_manifest_alone(record.manifest) if active else record.manifest
    return Response(stored, media_type="application/c2pa")


@router.get("/services/supportedAlgorithms", summary="The soft binding algorithms that are known here")
async def supported_algorithms() -> dict[str, Any]:
    """List watermarks and fingerprints by their registered names, or ours where there is none."""
    return {
        "watermarks": [{"alg": alg} for alg in WATERMARKS],
        "fingerprints": [{"alg": alg} for alg in FINGERPRINTS],
    }


async def _by_binding(request: Request, alg: str, value: str, most: int) -> dict[str, Any]:
    if len(value) > MOST_VALUE_CHARACTERS:
        raise HTTPException(414, f"The value is longer than {MOST_VALUE_CHARACTERS} characters.")
    return _answer(
        await workers(request).run(runtime(request).resolver.by_binding, alg, _decoded(value), most)
    )


def _decoded(value: str) -> bytes:
    try:
        # both alphabets: an address often has the one for addresses
        plain = value.translate(str.maketrans("-_", "+/"))
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("value: expected base64.", param="value") from error


def _answer(matches: list[Match]) -> dict[str, Any]:
    rows = [{"manifestId": match.manifest_id, "similarityScore": match.score} for match in matches]
    return {"matches": rows}

"""`POST /v1/moderations` in OpenAI's shape: advice, recorded, nothing is refused."""

import base64
import binascii
import re
from typing import Any

from fastapi import APIRouter, Request

from safety import Decision
from safety.decision import hardest
from service.errors import BadRequest
from service.routes.context import request_id, runtime, trail_for, workers
from service.trail import asked_for
from service.wire import ImagePart, ModerationBody, TextPart

router = APIRouter(tags=["moderate"])

_DATA_URL = re.compile(r"data:image/[a-z+.-]{1,32};base64,", re.IGNORECASE)


@router.post("/v1/moderations", summary="Judge texts and pictures (OpenAI Moderations API)")
async def moderate(body: ModerationBody, request: Request) -> dict[str, Any]:
    """Return one result an input; a list of typed parts is one input of several parts, as with OpenAI."""
    gateway = runtime(request).gateway
    run = workers(request).run
    texts = [body.input] if isinstance(body.input, str) else [t for t in body.input if isinstance(t, str)]
    results = [
        _result([await run(gateway.moderate, text, trail_for(request, "moderation"))]) for text in texts
    ]
    parts = [p for p in body.input if not isinstance(p, str)]
    if parts:
        decisions: list[Decision] = []
        for part in parts:
            trail = trail_for(request, "moderation")
            if isinstance(part, TextPart):
                decisions.append(await run(gateway.moderate, part.text, trail))
            else:
                decisions += await run(gateway.moderate_image, _decode(part), trail)
        results.append(_result(decisions))
    policy = runtime(request).guard.policy.version
    return {
        "id": request_id(request).replace("req_", "modr-"),
        "model": f"countermark/{policy}",
        "results": results,
    }


def _decode(part: ImagePart) -> bytes:
    match = _DATA_URL.match(part.image_url.url)
    if match is None:
        raise BadRequest(
            "image_url: expected a data:image/...;base64 URL; other URLs are not fetched.",
            code="unsupported_url",
            param="input",
        )
    try:
        return base64.b64decode(part.image_url.url[match.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRequest("image_url: the base64 text is malformed.", param="input") from error


def _result(decisions: list[Decision]) -> dict[str, Any]:
    """Merge the decisions on the parts of one input: the highest score of each category counts."""
    names = decisions[0].categories.keys()
    flagged = asked_for(decisions)
    return {
        "flagged": any(d.action in {"block", "review"} for d in decisions),
        "categories": {name: name in flagged for name in names},
        "category_scores": {name: max(d.categories[name] for d in decisions) for name in names},
        "category_applied_input_types": {
            name: sorted({"text" if d.stage == "input" else "image" for d in decisions}) for name in names
        },
        "countermark": {
            "action": hardest(decisions),
            "flagged": list(flagged),
            "unsafe": max(d.unsafe for d in decisions),
            "reasons": [r.text for d in decisions for r in d.reasons],
        },
    }

"""`POST /v1/comply`: compare a picture with labelling profiles; `GET /v1/comply/profiles` lists them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from service.compliance import Linter
from service.compliance_report import ComplianceReport
from service.errors import BadRequest
from service.labelling import parse_profiles
from service.routes.context import runtime, workers
from service.uploads import PICTURE_BODY, read_picture
from watermark.labels.profile import load_profile, profile_names

router = APIRouter(tags=["labelling"])


@router.post(
    "/v1/comply", summary="Say what a labelling rule misses in a picture", openapi_extra=PICTURE_BODY
)
async def comply(
    request: Request,
    profile: Annotated[str, Query(max_length=200, description="names, comma-separated")] = "",
) -> ComplianceReport:
    """Compare one upload (multipart `file` or a raw image body) with profiles; nothing of it is stored.

    The profiles are named in the query or in the form field `profile`; without any, the installation's own
    (`label_profiles`) are meant.
    """
    data, fields = await read_picture(request)
    parts = runtime(request)
    names = parse_profiles(profile or fields.get("profile", "")) or parts.settings.label_profiles
    if not names:
        known = ", ".join(profile_names())
        raise BadRequest(f"profile: none is named and none is set; name one of {known}.", param="profile")
    linter: Linter = request.app.state.linter
    return await workers(request).run(linter.lint, data, names)


@router.get("/v1/comply/profiles", summary="The labelling profiles and their clauses")
async def profiles() -> list[dict[str, Any]]:
    """List the profiles with the clauses they implement and what of them is unconfirmed."""
    rows = []
    for name in profile_names():
        rule = load_profile(name)
        clauses = [
            {
                "id": c.id,
                "cite": c.cite,
                "asks": c.asks,
                "level": c.level,
                "unconfirmed": c.unconfirmed or None,
            }
            for c in rule.clauses
        ]
        draws = (
            {"text": rule.visible.text, "height_share": rule.visible.height_share} if rule.visible else None
        )
        rows.append(
            {
                "profile": name,
                "title": rule.title,
                "in_force": rule.in_force,
                "draws": draws,
                "writes_aigc": rule.aigc,
                "clauses": clauses,
                "elsewhere": list(rule.elsewhere),
                "unconfirmed": list(rule.unconfirmed),
            }
        )
    return rows

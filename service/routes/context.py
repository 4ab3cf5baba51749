"""What routes read from the application and the request."""

from typing import cast

from fastapi import Request

from service.runtime import Runtime
from service.trail import Trail
from service.workers import Workers


def runtime(request: Request) -> Runtime:
    """The parts built at start."""
    return cast("Runtime", request.app.state.runtime)


def workers(request: Request) -> Workers:
    """The bounded thread pool."""
    return cast("Workers", request.app.state.workers)


def request_id(request: Request) -> str:
    """The id that the request log gave this request."""
    return cast("str", request.state.request_id)


def trail_for(request: Request, kind: str) -> Trail:
    """Start the trail of a decision and let the request log count it; a request may take several decisions."""
    trail = Trail(request_id=request_id(request), kind=kind)
    if not hasattr(request.state, "trails"):
        request.state.trails = []
    request.state.trails.append(trail)
    return trail

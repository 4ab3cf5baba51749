"""One canonical log line and one set of metrics a request; the request id; the security headers.

The line has ids, decision and stage times; never prompts, pixels, keys or query strings.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safety.decision import hardest
from service.answers import error_answer
from service.errors import describe
from service.gateway import new_request_id
from service.trail import Trail

log = structlog.get_logger("countermark")

_WORSE: Final = ("allowed", "blocked", "failed", "not recorded")  # from the outcome to note last to the first

SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Metrics:
    """What `/metrics` shows, in a registry of its own so that two apps in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "countermark_requests_total", "HTTP requests", ["route", "status"], registry=self.registry
        )
        self.decisions = Counter(
            "countermark_decisions_total",
            "Recorded decisions by kind, outcome and action",
            ["kind", "outcome", "action"],
            registry=self.registry,
        )
        self.stages = Histogram(
            "countermark_stage_seconds", "Wall time of a stage", ["stage"], registry=self.registry
        )


class RequestLog:
    """ASGI middleware; see the module."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request and write its line."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status, started = 500, False
        start = time.perf_counter()

        async def tagged(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                started = True
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                if scope["path"].startswith("/static/"):  # file names carry no version: ask each time
                    headers.setdefault("Cache-Control", "no-cache")
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, tagged)
        except ClientDisconnect:
            status = 499  # nginx's number for a client that went away; nobody reads the answer
        except Exception as error:
            log.exception("unexpected", id=request_id)
            if not started:
                await error_answer(scope["path"], request_id, describe(error))(scope, receive, tagged)
        finally:
            self._write(scope, request_id, status, time.perf_counter() - start, state.get("trails", ()))

    def _write(
        self, scope: Scope, request_id: str, status: int, seconds: float, trails: Sequence[Trail]
    ) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        self._metrics.requests.labels(route, str(status)).inc()
        for trail in trails:
            for stage, spent in trail.stages.seconds.items():
                self._metrics.stages.labels(stage).observe(spent)
            if trail.outcome is not None:
                self._metrics.decisions.labels(trail.kind, trail.outcome, trail.action).inc()
        log.info(
            "request",
            id=request_id,
            method=scope["method"],
            route=route,
            status=status,
            ms=round(1000 * seconds),
            **_summary(trails),
        )


def _summary(trails: Sequence[Trail]) -> dict[str, object]:
    """Give what the line says of a request's decisions: the hardest of each, the sum of times, and how many."""
    if not trails:
        return {}
    decisions = [decision for trail in trails for decision in trail.decisions]
    spent: defaultdict[str, float] = defaultdict(float)
    for trail in trails:
        for name, seconds in trail.stages.seconds.items():
            spent[name] += seconds
    summary: dict[str, object] = {
        "kind": trails[0].kind,
        "outcome": max((trail.outcome or "not recorded" for trail in trails), key=_WORSE.index),
        "action": hardest(decisions) if decisions else None,
        "record_ids": [one for trail in trails for one in trail.record_ids],
        "stage_ms": {name: round(1000 * seconds) for name, seconds in spent.items()},
    }
    if len(trails) > 1:
        summary["decisions"] = len(trails)
    if decisions:
        summary["policy_version"] = decisions[-1].policy_version
    return summary

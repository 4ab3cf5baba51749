"""A real browser on the pages of the real server.

Every page that a test opens is watched until the test ends: nothing may be written to the console as an
error, and no request may leave the server's origin.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from tests.e2e.conftest import Server

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

GOLDEN = Path(__file__).parents[2] / "golden" / "verification"
BROWSER_NAMES = ("chromium", "chromium-browser", "google-chrome")


def golden(name: str) -> dict[str, Any]:
    """One stored verification report."""
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


class OpenPage(Protocol):
    def __call__(self, *, width: int = 1200, scheme: str = "light", answer: str | None = None) -> Any:
        """Open the verify page; with `answer`, /v1/verify is answered with that golden report."""
        ...


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSER_NAMES)), None)
    if path is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, server: Server) -> Iterator[OpenPage]:
    contexts: list[Any] = []
    faults: list[str] = []

    def heed(message: Any) -> None:
        # A 4xx answer that the page shows in words is also an "error" of the console; nothing else may be.
        expected = message.text.startswith("Failed to load resource") and "/v1/" in message.location["url"]
        if message.type == "error" and not expected:
            faults.append(f"console: {message.text}")

    def watch_origin(request: Any) -> None:
        if urlsplit(request.url).scheme not in {"blob", "data"} and not request.url.startswith(
            server.url + "/"
        ):
            faults.append(f"left the origin: {request.url}")

    def open_one(*, width: int = 1200, scheme: str = "light", answer: str | None = None) -> Any:
        context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        context.on("request", watch_origin)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("console", heed)
        page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
        if answer is not None:
            page.route("**/v1/verify", lambda route: route.fulfill(json=golden(answer)))
        page.goto(server.url + "/")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert faults == []

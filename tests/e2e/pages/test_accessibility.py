"""axe-core (WCAG 2.1 A and AA, best practices) on every state of the page, light and dark; visible focus."""

from typing import Any

import pytest

from tests.e2e.pages.conftest import GOLDEN, OpenPage, golden
from tests.e2e.pages.pictures import unmarked_png, upload

axe = pytest.importorskip("axe_core_python.base", reason="axe-core-python is not installed")

pytestmark = pytest.mark.e2e

# Colours are all that the dark scheme changes, so contrast is all that is measured there.
RULES = {
    "light": {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    "dark": {"runOnly": {"type": "rule", "values": ["color-contrast"]}},
}
FOCUS_RING = """() => {
  const node = document.activeElement;
  const drawn = node.id === "file" ? node.nextElementSibling : node; // the file input's label is drawn for it
  return [node.outerHTML.slice(0, 60), getComputedStyle(drawn).outlineStyle];
}"""


def violations(page: Any, scheme: str) -> list[str]:
    page.evaluate(axe.AXE_SCRIPT)
    found = page.evaluate("(rules) => axe.run(document, rules)", RULES[scheme])["violations"]
    return [f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]}" for v in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
def test_empty_page(open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(width=width, scheme=scheme)
    for panel in page.locator("details.panel").all():
        panel.evaluate("node => { node.open = true; }")
    assert violations(page, scheme) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_report(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    answers = [golden(path.stem) for path in GOLDEN.glob("*.json")]
    count = len(answers)
    page.route("**/v1/verify", lambda route: route.fulfill(json=answers.pop()))
    page.set_input_files("#file", [upload(unmarked_png(side=64))] * count)
    page.locator(".card .verdict").nth(count - 1).wait_for(state="attached")
    page.locator("details").evaluate_all("nodes => nodes.forEach((node) => { node.open = true; })")
    assert page.locator(".card[open] .verdict").count() == count
    assert violations(page, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_comparison_with_the_registered_picture(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme, answer="ours-recovered", width=360)
    picture = unmarked_png(side=64)
    page.route("**/thumbnail", lambda route: route.fulfill(body=picture, content_type="image/png"))
    page.set_input_files("#file", upload(picture))
    page.locator(".compare").get_by_role("slider").wait_for()
    assert violations(page, scheme) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_api_page(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    page.get_by_role("link", name="API", exact=True).click()
    page.locator(".operation").nth(5).wait_for()
    page.locator(".operation").evaluate_all(
        "nodes => nodes.slice(0, 6).forEach((node) => { node.open = true; })"
    )
    assert violations(page, scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_failure_and_progress(open_page: OpenPage, scheme: str) -> None:
    page = open_page(scheme=scheme)
    page.set_input_files("#file", upload(b"", "empty.png"))
    page.locator(".failure").wait_for()
    page.route("**/v1/verify", lambda _: None)  # never answered
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.get_by_role("progressbar").wait_for()
    page.evaluate("dispatchEvent(new DragEvent('drop', { dataTransfer: new DataTransfer() }))")
    assert violations(page, scheme) == []


def test_every_stop_of_the_tab_key_shows_a_ring(open_page: OpenPage) -> None:
    page = open_page(answer="ours-intact")
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.locator(".card .verdict").wait_for()
    page.locator(".skip").focus()
    stops = []
    for _ in range(60):
        html, ring = page.evaluate(FOCUS_RING)
        if html.startswith("<body") or html in stops[:1]:
            break
        assert ring == "solid", html
        stops.append(html)
        page.keyboard.press("Tab")
    assert len(stops) >= 15


def test_motion_stops_where_it_is_not_wanted(open_page: OpenPage) -> None:
    page = open_page()
    duration = "getComputedStyle(document.querySelector('.button')).transitionDuration"
    assert page.evaluate(duration) != "0s"
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(duration) == "0s"

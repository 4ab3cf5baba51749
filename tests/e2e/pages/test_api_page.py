"""The API reference at /docs: our own page, drawn from the server's openapi.json."""

import json
import urllib.request

import pytest

from tests.e2e.conftest import Server
from tests.e2e.pages.conftest import OpenPage

pytestmark = pytest.mark.e2e


def test_every_route_and_schema_is_drawn(open_page: OpenPage, server: Server) -> None:
    with urllib.request.urlopen(server.url + "/openapi.json", timeout=60) as answer:
        api = json.load(answer)
    page = open_page()
    page.get_by_role("link", name="API", exact=True).click()
    page.locator(".operation").first.wait_for()
    drawn = page.locator(".operation .method + code").all_inner_texts()
    assert sorted(drawn) == sorted(path for path, methods in api["paths"].items() for _ in methods)
    assert page.locator(".operation[id]").count() == len(api["components"]["schemas"])
    assert page.get_by_role("link", name="API", exact=True).get_attribute("aria-current") == "page"


def test_a_schema_opens_when_its_name_is_followed(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("link", name="API", exact=True).click()
    page.locator(".operation", has_text="/v1/verify").first.click()
    page.locator("details[open]").get_by_role("link", name="VerificationReport").first.click()
    # The page opens it when the browser tells of the new fragment, which is some time after the click.
    schema = page.locator("#schema-VerificationReport[open]")
    schema.wait_for()
    assert "schema_version" in schema.inner_text()


def test_it_fits_a_phone(open_page: OpenPage) -> None:
    page = open_page(width=360)
    page.get_by_role("link", name="API", exact=True).click()
    page.locator(".operation").first.wait_for()
    page.locator("details").evaluate_all("nodes => nodes.forEach((node) => { node.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

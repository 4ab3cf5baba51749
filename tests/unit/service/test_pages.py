"""The pages as files: what a strict Content-Security-Policy and hostile uploads demand of them."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

import service
from service.verification_report import VerificationReport

PAGES = Path(service.__file__).parent / "pages"
STATIC = PAGES / "static"
GOLDEN = Path(__file__).parents[2] / "golden" / "verification"
CONTEXT = {
    "provider": "Ann <b>& Co",
    "version": "1.2.3",
    "max_upload_mib": 32,
    "formats": "PNG, JPEG",
    "development": True,
}


def render(template: str = "verify.html", **changes: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(PAGES / "templates"),
        undefined=StrictUndefined,
        autoescape=select_autoescape(),
    )
    return environment.get_template(template).render(CONTEXT | changes)


@pytest.mark.parametrize("template", ["verify.html", "api.html"])
def test_nothing_inline_and_nothing_from_elsewhere(template: str) -> None:
    html = render(template)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", html)
    assert re.findall(r"<script(?![^>]*\ssrc=)", html) == []
    for address in re.findall(r'(?:src|href|action)="([^"]*)"', html):
        assert address.startswith(("/", "#")), address
        assert not address.startswith("//"), address


def test_every_file_that_is_named_exists() -> None:
    sources = [render(), render("api.html"), *(path.read_text("utf-8") for path in STATIC.glob("*.js"))]
    named = {name for text in sources for name in re.findall(r"/static/([\w.-]+)", text)}
    imported = {name for text in sources for name in re.findall(r'from "\./([\w.-]+)"', text)}
    assert named | imported <= {path.name for path in STATIC.iterdir()}
    assert {"verify.js", "api_reference.js"} <= named


def test_every_icon_that_is_named_exists() -> None:
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text("utf-8")))
    scripts = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    used = set(re.findall(r'\bicon\("(\w+)"\)|\bicon: "(\w+)"', scripts))
    assert {a or b for a, b in used} <= drawn
    assert set(re.findall(r"icons\.svg#(\w+)", render())) <= drawn


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_scripts_never_turn_text_into_markup_or_code(path: Path) -> None:
    code = re.sub(r"^\s*//.*", "", path.read_text("utf-8"), flags=re.MULTILINE)
    assert not re.search(r"(inner|outer)HTML|insertAdjacentHTML|document\.write|DOMParser", code)
    assert not re.search(r"\beval\(|new Function", code)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", code)


def test_settings_are_escaped_and_the_development_notice_is_conditional() -> None:
    assert "Ann &lt;b&gt;&amp; Co" in render()
    assert "Development keys" in render()
    assert "Development keys" not in render(development=False)


def test_the_box_that_makes_pictures_can_be_left_out() -> None:
    assert "try-form" in render()
    assert "try-form" not in render(try_it=False)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_stored_reports_fit_the_schema(path: Path) -> None:
    text = path.read_text("utf-8")
    report = VerificationReport.model_validate_json(text, strict=True)
    assert VerificationReport.model_validate(report.model_dump(mode="json")) == report

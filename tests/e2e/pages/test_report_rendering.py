"""Every kind of verification report as the page shows it, from stored reports (tests/golden/verification)."""

import re
from typing import Any

import pytest

from tests.e2e.pages.conftest import GOLDEN, OpenPage, golden
from tests.e2e.pages.pictures import unmarked_png, upload

pytestmark = pytest.mark.e2e

# report: (label of the verdict, chips in the order of the rows, answers on integrity / signer / certificate)
OURS = ["unchanged since signing", "development key", "in date"]
RECOVERED = ["differs from this copy", "development key", "in date"]
SHOWN = {
    "ours-intact": (
        "Released by this service",
        ["detected", "detected", "detected", "detected", "match"],
        OURS,
    ),
    "ours-recovered": (
        "Released here, changed since",
        ["recovered", "detected", "not detected", "detected", "match"],
        RECOVERED,
    ),
    "ours-altered": (
        "Released here, changed since",
        ["recovered", "detected", "not detected", "detected", "similar"],
        RECOVERED,
    ),
    "two-marks-old-key": (
        "Released here, changed since",
        ["recovered", "detected", "not detected", "detected", "match"],
        RECOVERED,
    ),
    "resembles": (
        "Looks like one of ours",
        ["recovered", "not detected", "not detected", "detected", "match"],
        RECOVERED,
    ),
    "trusted-elsewhere": (
        "Labelled AI-generated",
        ["detected", "not detected", "detected", "not detected", "no match"],
        ["unchanged since signing", "on the trust list", "in date"],
    ),
    "expired-untrusted-intact": (
        "Signed, origin not confirmed",
        ["invalid", "not detected", "not detected", "not detected", "no match"],
        ["unchanged since signing", "not on the trust list", "expired"],
    ),
    "tampered": (
        "The marks do not hold",
        ["invalid", "possible", "invalid", "not detected", "no match"],
        ["changed since signing", "on the trust list", "in date"],
    ),
    "unreadable-credentials": (
        "Credentials cannot be read",
        ["invalid", "not detected", "not detected", "not detected", "no match"],
        ["not established", "not established", "not established"],
    ),
    "signature-invalid": (
        "The marks do not hold",
        ["invalid", "not detected", "not detected", "not detected", "no match"],
        ["signature invalid", "not established", "not established"],
    ),
    "conflict": (
        "The marks contradict each other",
        ["detected", "detected", "detected", "detected", "match"],
        ["unchanged since signing", "on the trust list", "in date"],
    ),
    "transplanted": (
        "The marks contradict each other",
        ["not detected", "detected", "not detected", "detected", "no match"],
        [],
    ),
    "unconfirmed": (
        "Carries our mark, not confirmed",
        ["not detected", "detected", "not detected", "detected", "not checked"],
        [],
    ),
    "faint-mark": (
        "Carries our mark, not confirmed",
        ["not detected", "detected", "not detected", "not detected", "no match"],
        [],
    ),
    "labels-only": (
        "Labelled AI-generated",
        ["not detected", "not detected", "detected", "detected", "no match"],
        [],
    ),
    "labels-of-others": (
        "Labelled AI-generated",
        ["not detected", "not detected", "detected", "not detected", "no match"],
        [],
    ),
    "labels-contradict": (
        "Labelled AI-generated",
        ["not detected", "not detected", "detected", "not detected", "no match"],
        [],
    ),
    "camera-label": (
        "Labels only, nothing proven",
        ["not detected", "not detected", "detected", "not detected", "no match"],
        [],
    ),
    "similar-only": (
        "No marks found",
        ["not detected", "not detected", "not detected", "not detected", "similar"],
        [],
    ),
    "nothing-found": (
        "No marks found",
        ["not detected", "not detected", "not detected", "not detected", "no match"],
        [],
    ),
    "pixels-not-examined": (
        "No marks found",
        ["not detected", "not checked", "not detected", "not detected", "not checked"],
        [],
    ),
    "hostile-text": (
        "Labelled AI-generated",
        ["detected", "not checked", "detected", "detected", "similar"],
        ["unchanged since signing", "not on the trust list", "in date"],
    ),
}


REMOVED = dict.fromkeys(map(ord, "\u202e\u202c"), "\ufffd")  # marks that force a text direction


def show(page: Any) -> Any:
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.locator(".card .verdict").wait_for()
    for details in page.locator(".more").all():
        details.evaluate("node => { node.open = true; }")
    return page.locator(".card")


def test_no_stored_report_is_left_out() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(SHOWN)


@pytest.mark.parametrize("name", SHOWN)
def test_states_words_and_width(open_page: OpenPage, name: str) -> None:
    label, chips, answers = SHOWN[name]
    report = golden(name)
    page = open_page(answer=name)
    card = show(page)
    assert card.locator(".verdict strong").inner_text() == label
    assert card.locator(".verdict span").inner_text() == report["summary"].translate(REMOVED)
    assert [chip.strip() for chip in card.locator(".signal .chip").all_inner_texts()] == chips
    assert [word.strip() for word in card.locator(".three dd").all_inner_texts()] == answers
    assert card.locator(".findings li").count() == len(report["findings"])
    said = card.inner_text()
    for code in report["signals"]["c2pa"]["codes"]:
        assert code in said
    assert ("does not mean human-made" in said) == (report["verdict"] == "nothing_found")
    for claim in report["signals"]["metadata"]["claims"]:
        assert f"{claim['writer']}: {claim['convention']}" in said
    for row in ("c2pa", "watermark", "metadata", "fingerprint"):
        assert report["signals"][row]["does_not_prove"] in said
    for finding in report["findings"]:
        assert finding["does_not_prove"] in said
    assert card.locator(".timeline li").count() == len(report["timeline"])
    assert card.locator(".lookalikes li").count() == len(report["signals"]["fingerprint"]["lookalikes"])
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_numbers_are_put_in_words(open_page: OpenPage) -> None:
    card = show(open_page(answer="ours-recovered"))
    mark = card.locator("[data-signal=watermark]").inner_text()
    assert "at most 1 in 1 trillion (10¹²) unmarked pictures" in mark
    assert "mirrored, turned 5° counter-clockwise, scaled to about 60 %" in mark
    assert "22 Nov 2026, 12:04 UTC" in card.locator("[data-signal=record]").inner_text()


def test_chance_in_words(open_page: OpenPage) -> None:
    words = {
        1.0: "about 100 % of unmarked pictures score this high by chance",
        0.0021: "about 0.21 % of unmarked pictures score this high by chance",
        0.001: "at most 1 in 1 thousand (10³) unmarked pictures scores this high by chance",
        # Rarer than 1 in 100 000, not as rare as 1 in a million: never claim the rarer one.
        9.9e-6: "at most 1 in 100 thousand (10⁵) unmarked pictures scores this high by chance",
        1e-6: "at most 1 in 1 million (10⁶) unmarked pictures scores this high by chance",
        1e-20: "at most 1 in 10²⁰ unmarked pictures scores this high by chance",
        0.0: "an unmarked picture practically never scores this high by chance",
        None: None,
    }
    call = "async (values) => values.map((await import('/static/wording.js')).chanceInWords)"
    told = open_page().evaluate(call, list(words))
    assert dict(zip(words, told, strict=True)) == words


def test_hostile_text_stays_text(open_page: OpenPage) -> None:
    page = open_page(answer="hostile-text")
    card = show(page)
    assert page.evaluate("window.hacked") is None
    assert card.locator("script, [onerror], img[src=x]").count() == 0
    assert "<script>window.hacked=1</script>" in card.inner_text()
    assert "\u202e" not in card.inner_text()
    # Addresses that a file names are shown and never linked.
    assert "https://evil.example/" in card.inner_text()
    assert card.locator("a").count() == 0
    assert "4400 more characters" in card.inner_text()


def test_the_stored_manifest_is_linked(open_page: OpenPage) -> None:
    link = show(open_page(answer="ours-intact")).get_by_role("link", name="Stored Content Credentials")
    assert link.get_attribute("href") == golden("ours-intact")["record"]["manifest_url"]


def test_progress_shows_until_the_answer_comes_and_removal_cancels(open_page: OpenPage) -> None:
    page = open_page()
    held: list[Any] = []
    page.route("**/v1/verify", lambda route: held.append(route))  # noqa: PLW0108 - playwright inspects it
    page.set_input_files("#file", upload(unmarked_png(side=64), "slow.png"))
    bar = page.get_by_role("progressbar", name="Checking slow.png")
    bar.wait_for()
    assert page.locator("#announce").inner_text() == "Checking slow.png"
    with page.expect_event("requestfailed") as cancelled:
        page.get_by_role("button", name="Remove").click()
    assert cancelled.value.url.endswith("/v1/verify")
    assert page.locator(".card").count() == 0
    assert page.evaluate("document.activeElement.id") == "file"


def test_a_busy_service_can_be_asked_again(open_page: OpenPage) -> None:
    page = open_page(answer="nothing-found")
    busy = {"title": "busy", "status": 503, "detail": "The queue is full; try again in a second."}
    page.route(
        "**/v1/verify",
        lambda route: route.fulfill(json=busy, status=503, content_type="application/problem+json"),
        times=1,
    )
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.locator(".failure", has_text="The queue is full").wait_for()
    page.get_by_role("button", name="Try again").click()
    page.locator(".card .verdict").wait_for()
    assert page.locator(".failure").count() == 0


def test_an_unreachable_service_is_said_so(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/v1/verify", lambda route: route.abort())
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.locator(".failure", has_text="The service did not answer").wait_for()
    assert page.get_by_role("button", name="Try again").is_visible()


def test_a_report_of_a_newer_schema_is_not_guessed_at(open_page: OpenPage) -> None:
    page = open_page()
    page.route(
        "**/v1/verify", lambda route: route.fulfill(json=golden("ours-intact") | {"schema_version": "2"})
    )
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.locator(".failure", has_text="Reload it and try again").wait_for()
    assert page.locator(".verdict").count() == 0


def with_thumbnails(page: Any) -> Any:
    """Answer every thumbnail with a picture that differs from the upload in its right half."""
    import io

    import numpy as np
    from PIL import Image

    pixels = np.array(Image.open(io.BytesIO(unmarked_png(side=64))))
    pixels[:, 32:] = 255 - pixels[:, 32:]
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    page.route(
        "**/v1/records/*/thumbnail",
        lambda route: route.fulfill(body=out.getvalue(), content_type="image/png"),
    )
    return page


def pixel(page: Any, x: float, y: float) -> list[int]:
    """Colour of the comparison's canvas at shares of its sides."""
    return page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector(".compare > canvas");
          const at = [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1];
          return [...canvas.getContext("2d").getImageData(...at).data];
        }""",
        [x, y],
    )


def test_the_registered_picture_is_laid_over_the_copy(open_page: OpenPage) -> None:
    report = golden("ours-recovered")
    report["signals"]["fingerprint"]["alignment"] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    page = with_thumbnails(open_page())
    page.route("**/v1/verify", lambda route: route.fulfill(json=report))
    card = show(page)
    section = card.locator(".compare")
    section.get_by_role("slider").wait_for()
    assert re.search("about (49|50|51) % differs visibly", section.inner_text())
    slider = section.get_by_role("slider")
    slider.fill("100")
    registered = pixel(page, 0.75, 0.5)
    slider.fill("0")
    mine = pixel(page, 0.75, 0.5)
    assert [255 - one for one in registered[:3]] == mine[:3]
    section.get_by_label("Difference").check()
    assert pixel(page, 0.75, 0.5) != mine
    assert slider.is_disabled()
    section.get_by_label("Slide").check()
    assert slider.is_enabled()


def test_an_aligned_copy_is_turned_to_the_registered_picture(open_page: OpenPage) -> None:
    """The matrix leads from the copy to the registered picture: here the copy is its mirror image."""
    report = golden("ours-recovered")
    report["signals"]["fingerprint"]["alignment"] = [-1, 0, 1, 0, 1, 0, 0, 0, 1]
    page = with_thumbnails(open_page())
    page.route("**/v1/verify", lambda route: route.fulfill(json=report))
    show(page).locator(".compare").get_by_role("slider").fill("100")
    mirrored = pixel(page, 12.5 / 64, 0.5)
    report["signals"]["fingerprint"]["alignment"] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    page.get_by_role("button", name="Clear all").click()
    show(page).locator(".compare").get_by_role("slider").fill("100")
    assert pixel(page, 51.5 / 64, 0.5) == mirrored


def test_without_alignment_the_two_stand_side_by_side(open_page: OpenPage) -> None:
    page = with_thumbnails(open_page(answer="ours-altered"))
    card = show(page)
    assert card.locator(".compare .pair img").count() == 2
    assert card.locator(".compare canvas").count() == 0


def test_the_map_covers_the_picture_and_is_told_in_words(open_page: OpenPage) -> None:
    page = with_thumbnails(open_page(answer="ours-altered"))
    card = show(page)
    heat, picture = card.locator(".heat").bounding_box(), card.locator(".frame img").bounding_box()
    assert heat == pytest.approx(picture, abs=1)
    assert "not found in 31 %" in card.locator(".heat-controls").inner_text()
    box = card.get_by_label("Show where the watermark is")
    assert box.is_checked()
    box.uncheck()
    assert not card.locator(".heat").is_visible()


def test_the_history_sets_sources_apart(open_page: OpenPage) -> None:
    card = show(open_page(answer="trusted-elsewhere"))
    steps = card.locator(".timeline li").all_inner_texts()
    assert steps[0].startswith("source: ")
    assert "signed by Example Model Co" in steps[0]
    assert "edited" in steps[2]

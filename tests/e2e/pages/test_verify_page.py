"""The verify page in a real browser against the real server: every way in, and what comes out."""

import base64
import csv
import hashlib
import io
import json
import urllib.request
from typing import Any

import pytest
from PIL import Image

from tests.e2e.conftest import Server
from tests.e2e.pages.conftest import OpenPage
from tests.e2e.pages.pictures import generated_png, unmarked_png, upload

pytestmark = pytest.mark.e2e

REFUSED_PROMPT = "explicit pornographic photo of naked people having sex, nsfw, uncensored"

DROP = """([name, type, base64, repeat]) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File(Array(repeat).fill(bytes), name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const target = document.querySelector("h1"); // anywhere on the page, not only the dashed box
    target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: transfer }));
  }
}"""
COPY_PICTURE = """async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const type = "image/png";
  await navigator.clipboard.write([new ClipboardItem({ [type]: new Blob([bytes], { type }) })]);
}"""

NOTE_SENT_NAME = """() => {
  const real = window.fetch;
  window.fetch = (path, options) => {
    window.sentName = options.body.get("file").name;
    return real(path, options);
  };
}"""


@pytest.fixture(scope="module")
def marked(server: Server) -> bytes:
    return generated_png(server.url)


def states(card: Any) -> dict[str, str]:
    """Technique -> word on its chip, in the order shown."""
    rows = card.locator(".signal").all()
    return {row.get_attribute("data-signal"): row.locator(".chip").inner_text().strip() for row in rows}


def finished(page: Any, index: int = 0) -> Any:
    """The card at `index`, once its check has ended."""
    card = page.locator(".card").nth(index)
    card.locator("xpath=self::*[@data-verdict!='waiting']").wait_for(state="attached")
    return card


def test_chosen_picture_of_ours_is_recognised_in_every_row(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    page.set_input_files("#file", upload(marked))
    card = finished(page)
    assert card.get_attribute("data-verdict") == "ours"
    assert states(card) == {
        "c2pa": "detected",
        "watermark": "detected",
        "metadata": "detected",
        "record": "detected",
        "fingerprint": "match",
    }
    assert card.locator("[data-answer=integrity] dd").inner_text() == "unchanged since signing"
    assert card.locator("[data-answer=signer] dd").inner_text() == "development key"
    summary = card.locator(".verdict span").inner_text()
    assert summary in page.locator("#announce").inner_text()


def test_dropped_unmarked_picture_is_never_called_human_made(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(DROP, ["holiday.png", "image/png", base64.b64encode(unmarked_png()).decode(), 1])
    card = finished(page)
    assert card.get_attribute("data-verdict") == "nothing_found"
    rows = states(card)
    assert rows.pop("fingerprint") == "no match"
    assert set(rows.values()) == {"not detected"}
    assert "does not mean human-made" in card.inner_text()
    assert "holiday.png" in card.locator("h3").inner_text()


def test_pasted_picture_is_checked_and_the_loss_of_metadata_is_said(
    open_page: OpenPage, marked: bytes
) -> None:
    page = open_page()
    page.evaluate(COPY_PICTURE, base64.b64encode(marked).decode())
    page.keyboard.press("Control+V")
    card = finished(page)
    assert card.get_attribute("data-verdict") == "ours"
    assert states(card)["watermark"] == "detected"
    assert "without its metadata" in card.inner_text()


def test_keyboard_alone_is_enough(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    # A listener set early: playwright arms its chooser without waiting, and a key pressed at once can be faster.
    page.on("filechooser", lambda _: None)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(upload(marked))
    card = finished(page)
    # The focus is on the new card's heading; then come the switch of the map and the first "Details", shut.
    assert page.evaluate("document.activeElement.closest('.card') !== null")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "checkbox"
    page.keyboard.press("Tab")
    details = card.locator(".more").first
    assert details.get_attribute("open") is None
    page.keyboard.press("Enter")
    assert details.get_attribute("open") is not None
    assert "c2pa.created" in details.inner_text()


def test_a_text_file_is_refused_in_words(open_page: OpenPage) -> None:
    page = open_page()
    page.set_input_files("#file", upload(b"just some words\n" * 50, "notes.txt", "text/plain"))
    card = finished(page)
    assert card.get_attribute("data-verdict") == "failed"
    failure = card.locator(".failure").inner_text()
    assert len(failure) > 20
    assert "JPEG" in failure
    assert failure in page.locator("#announce").inner_text()
    assert card.get_by_role("button", name="Try again").count() == 0


def test_a_file_over_the_limit_is_not_sent(open_page: OpenPage) -> None:
    page = open_page()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    mebibyte = base64.b64encode(bytes(1024 * 1024)).decode()
    limit = int(page.locator("#verify").get_attribute("data-max-upload-mib"))
    page.evaluate(DROP, ["big.png", "image/png", mebibyte, limit + 1])
    card = finished(page)
    assert f"the limit is {limit}.0 MiB" in card.inner_text()
    assert not [url for url in sent if "/v1/verify" in url]


def test_something_dropped_that_is_no_file_is_explained(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate("dispatchEvent(new DragEvent('drop', { dataTransfer: new DataTransfer() }))")
    assert "Links are not followed" in page.get_by_role("alert").inner_text()


def test_several_files_become_a_list_of_shut_results(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    files = [
        upload(marked, "one.png"),
        upload(unmarked_png(), "two.png"),
        upload(b"words", "three.txt", "text/plain"),
    ]
    page.set_input_files("#file", files)
    cards = [finished(page, index) for index in range(3)]
    assert [card.get_attribute("data-verdict") for card in cards] == ["ours", "nothing_found", "failed"]
    assert [card.locator("h3").inner_text() for card in cards] == ["one.png", "two.png", "three.txt"]
    # Only what needs attention stands open.
    assert [card.get_attribute("open") is not None for card in cards] == [False, False, True]
    cards[2].get_by_role("button", name="Remove").click()
    assert page.locator(".card").count() == 2
    page.get_by_role("button", name="Clear all").click()
    assert page.locator(".card").count() == 0
    assert not page.locator("#results").is_visible()


def test_the_name_of_the_file_is_not_sent(open_page: OpenPage) -> None:
    page = open_page()
    page.evaluate(NOTE_SENT_NAME)  # the browser hides the bodies of file uploads from its tools
    page.set_input_files("#file", upload(unmarked_png(), "Anna passport scan.png"))
    finished(page)
    assert page.evaluate("window.sentName") == "picture"


def test_a_made_picture_is_recovered_from_a_stripped_copy(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_role("button", name="Make a picture").click()
    page.get_by_role("button", name="Verify a stripped copy").click()
    card = finished(page)
    assert card.get_attribute("data-verdict") == "ours"
    seen = states(card)
    assert seen["c2pa"] == "recovered"
    assert seen["watermark"] == "detected"
    assert seen["metadata"] == "not detected"
    assert seen["record"] == "detected"
    assert "the pixels differ" in card.locator("[data-signal=c2pa]").inner_text()
    made_id = page.locator(".made code").inner_text()
    assert made_id in card.locator("[data-signal=record]").inner_text()


def test_a_refused_prompt_shows_why(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Prompt").fill(REFUSED_PROMPT)
    page.get_by_role("button", name="Make a picture").click()
    notice = page.locator("#try-result .notice")
    notice.wait_for()
    assert "refused" in notice.inner_text()
    assert "sexual" in notice.get_by_role("list", name="Flagged for").inner_text()
    assert page.get_by_role("button", name="Make a picture").is_enabled()


def test_the_links_and_the_curl_line_lead_to_this_server(
    open_page: OpenPage, server: Server, marked: bytes
) -> None:
    page = open_page()
    for link in page.locator("header a, footer a, main a").all():
        address = server.url + link.get_attribute("href").split("#")[0]
        with urllib.request.urlopen(address, timeout=60) as answer:
            assert answer.status == 200, address
    page.get_by_text("Use the API").click()
    assert f"curl -F file=@picture.png {server.url}/v1/verify" in page.locator("pre").inner_text()


def test_the_report_can_be_taken_away_as_json(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    with page.expect_response("**/v1/verify") as answered:
        page.set_input_files("#file", upload(marked))
    card = finished(page)
    with page.expect_download() as download:
        card.get_by_role("button", name="Download JSON").click()
    answer = answered.value.json()
    assert json.loads(download.value.path().read_text("utf-8")) == answer
    assert download.value.suggested_filename == f"verification-{answer['checked']['sha256'][:12]}.json"
    card.get_by_role("button", name="Copy JSON").click()
    card.get_by_role("button", name="Copied").wait_for()
    assert json.loads(page.evaluate("navigator.clipboard.readText()")) == answer


def test_a_receipt_is_downloaded_and_verifies(open_page: OpenPage, server: Server, marked: bytes) -> None:
    from service.receipt import read_receipt

    page = open_page()
    page.set_input_files("#file", upload(marked))
    card = finished(page)
    with page.expect_download() as download:
        card.get_by_role("button", name="Signed receipt (JWS)").click()
    with urllib.request.urlopen(server.url + "/.well-known/jwks.json", timeout=60) as answer:
        keys = json.load(answer)
    assert read_receipt(download.value.path().read_text("utf-8"), keys, marked).valid
    assert download.value.suggested_filename.endswith(".jws")
    with page.expect_download() as download:
        card.get_by_role("button", name="Report (PDF)").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")


def test_a_receipt_that_fails_can_be_asked_for_again(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    page.set_input_files("#file", upload(marked))
    card = finished(page)
    page.route("**/v1/verify?receipt=jws", lambda route: route.abort(), times=1)
    card.get_by_role("button", name="Signed receipt (JWS)").click()
    with page.expect_download():
        card.get_by_role("button", name="Failed; try again").click()


def test_a_link_asks_for_the_same_file_again(open_page: OpenPage, server: Server, marked: bytes) -> None:
    page = open_page()
    page.set_input_files("#file", upload(marked))
    finished(page).get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    assert link == f"{server.url}/?sha256={hashlib.sha256(marked).hexdigest()}"
    page.goto(link)
    wanted = page.locator("#wanted")
    wanted.get_by_text("This service knows this exact file").wait_for()
    page.set_input_files("#file", upload(marked))
    assert "the file that the link is about, byte for byte" in finished(page).inner_text()
    page.set_input_files("#file", upload(unmarked_png(side=64)))
    page.get_by_text("not the file that the link is about").wait_for()


@pytest.mark.parametrize("query", ["?sha256=" + "ab" * 32, "?sha256=<b>x</b>", "?sha256="])
def test_a_link_to_an_unknown_file(open_page: OpenPage, server: Server, query: str) -> None:
    page = open_page()
    page.goto(server.url + "/" + query)
    wanted = page.locator("#wanted")
    if "ab" in query:
        wanted.get_by_text("says nothing about the picture").wait_for()
    else:
        assert not wanted.is_visible()


def test_a_batch_is_a_table_and_a_csv(open_page: OpenPage, marked: bytes) -> None:
    page = open_page()
    names = ["one.png", "=two.png", "three.txt"]
    files = [
        upload(marked, names[0]),
        upload(unmarked_png(), names[1]),
        upload(b"words", names[2], "text/plain"),
    ]
    page.set_input_files("#file", files)
    for index in range(3):
        finished(page, index)
    rows = page.locator("#batch tbody tr")
    assert rows.count() == 3
    assert "Released by this service" in rows.nth(0).inner_text()
    assert "not checked" in rows.nth(2).inner_text()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    table = list(csv.reader(io.StringIO(download.value.path().read_text("utf-8-sig"))))
    assert [row[0] for row in table[1:]] == ["one.png", "'=two.png", "three.txt"]
    assert [row[1] for row in table[1:]] == ["ours", "nothing_found", "not checked"]
    assert table[1][table[0].index("sha256")] == hashlib.sha256(marked).hexdigest()
    assert all(len(row) == len(table[0]) for row in table)
    page.get_by_role("button", name="one.png").click()
    card = page.locator(".card").nth(0)
    assert card.get_attribute("open") is not None
    assert page.evaluate("document.activeElement.closest('.card') !== null")
    page.get_by_role("button", name="Clear all").click()
    assert not page.locator("#batch").is_visible()


def test_the_mark_is_shown_where_it_is(open_page: OpenPage, marked: bytes) -> None:
    """A copy whose right half was painted over: the map has the mark on the left and none on the right."""
    picture = Image.open(io.BytesIO(marked)).convert("RGB")
    picture.paste((90, 120, 90), (256, 0, 512, 512))
    out = io.BytesIO()
    picture.save(out, "PNG")
    page = open_page()
    with page.expect_response("**/v1/verify") as answered:
        page.set_input_files("#file", upload(out.getvalue()))
    card = finished(page)
    cells = answered.value.json()["signals"]["watermark"]["presence"]["cells"]
    half = len(cells[0]) // 2
    left = "".join(row[: half - 1] for row in cells)
    right = "".join(row[half + 1 :] for row in cells)
    assert left.count("0") < 0.2 * len(left)
    assert right.count("0") > 0.9 * len(right)
    assert card.locator(".heat").is_visible()
    assert card.locator("[data-code=watermark_missing_in_parts]").count() == 1


def test_a_look_alike_is_shown_beside_the_copy(open_page: OpenPage, server: Server) -> None:
    """The picture as it was before it was marked: no mark, but the registered copy looks the same."""
    plain = unmarked_png(seed=7)
    request = urllib.request.Request(
        server.url + "/v1/mark", plain, {"Content-Type": "image/png"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        record_id = answer.headers["Countermark-Id"]
    page = open_page()
    page.set_input_files("#file", upload(plain))
    card = finished(page)
    assert card.get_attribute("data-verdict") == "resembles"
    assert states(card)["c2pa"] == "recovered"
    assert record_id in card.locator(".lookalikes").inner_text()
    card.locator(".compare").get_by_role("slider").wait_for()
    assert "no visible difference" in card.locator(".compare").inner_text()
    assert (
        card.locator(".lookalikes img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    )

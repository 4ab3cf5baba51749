"""The routes of verification: receipts, schema, keys, what is known of a hash, thumbnails; and that nothing is kept."""

import base64
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from fastapi.testclient import TestClient
from PIL import Image

import watermark
from service.app import create_app
from service.generators.builtin import draw
from service.receipt import read_receipt
from service.routes.verify import as_provenance_check
from service.runtime import build_runtime
from service.settings import Settings
from service.verification import judge
from tests.golden.verification.cases import TOOL, cases
from watermark.picture import encode_picture

NAME = "Anna-Beispiel-passport.png"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    settings = Settings(
        data_dir=data_dir,
        public_url="https://verify.example/",
        prompt_classifiers=("ngram",),
        image_classifiers=(),
    )
    with TestClient(create_app(build_runtime(settings))) as client:
        yield client


@pytest.fixture(scope="module")
def marked(client: TestClient) -> tuple[str, bytes]:
    body = {"prompt": "a lighthouse", "size": "256x256", "output_format": "png"}
    row = client.post("/v1/images/generations", json=body).json()["data"][0]
    return row["countermark_id"], base64.b64decode(row["b64_json"])


@pytest.fixture(scope="module")
def unmarked() -> bytes:
    return encode_picture(draw("somebody's own", 0, 200, 200), "png")


def upload(client: TestClient, data: bytes, **query: str) -> object:
    return client.post("/v1/verify", params=query, files={"file": (NAME, data, "image/png")})


def test_reports_fit_the_schema_that_is_served(
    client: TestClient, marked: tuple[str, bytes], unmarked: bytes
) -> None:
    answer = client.get("/v1/verify/schema")
    assert answer.headers["Content-Type"] == "application/schema+json"
    schema = answer.json()
    assert schema["$id"].endswith(":1")
    for data in (marked[1], unmarked):
        jsonschema.Draft202012Validator(schema).validate(upload(client, data).json())


def test_a_receipt_verifies_with_the_published_keys(client: TestClient, marked: tuple[str, bytes]) -> None:
    answer = upload(client, marked[1], receipt="jws")
    assert answer.headers["Content-Type"] == "application/jose"
    keys = client.get("/.well-known/jwks.json").json()
    receipt = read_receipt(answer.text, keys, marked[1])
    assert receipt.valid
    assert receipt.address == "https://verify.example"
    assert receipt.report is not None
    assert receipt.report.record is not None
    assert receipt.report.record.id == marked[0]
    assert NAME not in answer.text
    assert "Anna" not in json.dumps(receipt.report.model_dump(mode="json"))


def test_the_report_as_a_pdf(client: TestClient, unmarked: bytes) -> None:
    answer = upload(client, unmarked, receipt="pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    sha256 = hashlib.sha256(unmarked).hexdigest()
    assert f"verification-{sha256[:12]}.pdf" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("query", [{"receipt": "docx"}, {"pixels": "some"}])
def test_wrong_options_are_refused(client: TestClient, unmarked: bytes, query: dict[str, str]) -> None:
    assert upload(client, unmarked, **query).status_code == 400


def test_without_pixels(client: TestClient, marked: tuple[str, bytes]) -> None:
    report = upload(client, marked[1], pixels="false").json()
    assert report["record"]["id"] == marked[0]
    assert report["signals"]["watermark"]["status"] == "not_checked"


def test_what_is_known_of_a_hash(client: TestClient, marked: tuple[str, bytes], unmarked: bytes) -> None:
    known = client.get(f"/v1/verify/known/{hashlib.sha256(marked[1]).hexdigest()}").json()
    assert known["record"]["id"] == marked[0]
    unknown = client.get(f"/v1/verify/known/{hashlib.sha256(unmarked).hexdigest()}").json()
    assert unknown["record"] is None
    assert "says nothing about the picture" in unknown["summary"]
    for wrong in ("x" * 64, "ab", "A" * 64):
        assert client.get(f"/v1/verify/known/{wrong}").status_code == 400


def test_thumbnails_of_records(client: TestClient, marked: tuple[str, bytes]) -> None:
    report = upload(client, marked[1]).json()
    answer = client.get(report["record"]["thumbnail_url"])
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (256, 256))
    assert client.get(f"/v1/records/{'0' * 16}/thumbnail").status_code == 404
    assert client.get("/v1/records/..%2f..%2fx/thumbnail").status_code in {400, 404}


def test_nothing_of_an_upload_is_kept(
    client: TestClient, data_dir: Path, unmarked: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disk and database before and after: no file appears, none grows, none holds a trace of the upload."""
    spool = data_dir.parent / "spool"
    spool.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    upload(client, unmarked)  # what is made on first use is there now

    def disk() -> dict[str, bytes]:
        paths = (path for folder in (data_dir, spool) for path in folder.rglob("*") if path.is_file())
        # -shm holds SQLite's read locks and changes with every question; it is searched for traces below
        return {str(p): hashlib.sha256(p.read_bytes()).digest() for p in paths if not p.name.endswith("-shm")}

    before, records = disk(), client.get("/readyz").json()
    for query in ({}, {"receipt": "jws"}, {"receipt": "pdf"}, {"pixels": "false"}):
        assert upload(client, unmarked, **query).status_code == 200
    raw = client.post("/v1/verify", content=unmarked, headers={"Content-Type": "image/png"})
    assert raw.status_code == 200
    assert client.post("/v1/content_provenance_checks", files={"file": (NAME, unmarked)}).status_code == 200
    assert disk() == before
    assert client.get("/readyz").json() == records
    traces = (
        unmarked[64:128],
        NAME.encode(),
        hashlib.sha256(unmarked).hexdigest().encode(),
        hashlib.sha256(unmarked).digest(),
    )
    for path in data_dir.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(trace in data for trace in traces), path


@pytest.mark.parametrize(
    ("name", "c2pa", "mark"),
    [
        ("ours-intact", ["countermark-builtin 1", "2026-11-22T12:04:31Z"], "countermark-builtin 1"),
        ("ours-recovered", [None, None], "countermark-builtin 1"),
        ("unconfirmed", [None, None], None),
        ("transplanted", [None, None], None),
        ("conflict", ["Camera Pro 3", "2026-11-20T10:00:00Z"], None),
        ("resembles", [None, None], None),
        ("labels-only", [None, None], None),
        ("trusted-elsewhere", ["Example Studio 7.2", "2026-11-20T10:00:00Z"], None),
    ],
)
def test_the_check_in_openai_s_shape_lends_no_record_to_what_is_not_confirmed(
    name: str, c2pa: list[str | None], mark: str | None
) -> None:
    answer = as_provenance_check(judge(cases()[name]), 0)
    credentials, watermark_ = answer["results"]
    assert [credentials["model"], credentials["generated_at"]] == c2pa
    assert watermark_["model"] == mark
    assert (watermark_["generated_at"] is None) == (mark is None)


def test_the_check_in_openai_s_shape_keeps_others_credentials_apart_from_our_record() -> None:
    """A copy of ours that somebody signed again: their program and time, not our model and time."""
    one = cases()["ours-recovered"]
    one.credentials = replace(TOOL, trusted=False)
    credentials, mark = as_provenance_check(judge(one), 0)["results"]
    assert credentials["model"] == "Example Studio 7.2"
    assert mark["model"] == "countermark-builtin 1"


def test_no_personal_data_in_the_answer(client: TestClient) -> None:
    """Artist, comment and prompt stand in the file; none of them leaves."""
    exif = Image.Exif()
    exif[0x013B], exif[0x8298], exif[0x010E] = "Anna Beispiel", "(c) Anna Beispiel", "prompt: my secret idea"
    out = io.BytesIO()
    Image.fromarray(draw("x", 0, 200, 200)).save(out, "JPEG", exif=exif, comment=b"my secret idea")
    answer = upload(client, out.getvalue())
    assert answer.status_code == 200
    assert "Anna" not in answer.text
    assert "secret" not in answer.text


@pytest.fixture(scope="module")
def handed_in(client: TestClient) -> tuple[str, object]:
    """A picture before it was marked, and the record of its marked copy."""
    plain = draw("market square", 5, 480, 400)
    answer = client.post("/v1/mark", files={"file": (NAME, encode_picture(plain, "png"), "image/png")})
    assert answer.status_code == 200, answer.text
    return answer.headers["Countermark-Id"], plain


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_copy_without_any_mark_leads_to_its_record_by_likeness(
    client: TestClient, handed_in: tuple[str, object], mirrored: bool
) -> None:
    record_id, plain = handed_in
    copy = plain[:, ::-1] if mirrored else plain
    report = upload(client, encode_picture(copy.copy(), "jpeg", quality=60)).json()
    assert report["verdict"] == "resembles"
    assert (report["record"]["id"], report["record"]["found_by"]) == (record_id, "fingerprint")
    signals = report["signals"]
    assert (signals["c2pa"]["status"], signals["fingerprint"]["status"]) == ("recovered", "match")
    assert signals["fingerprint"]["alignment"][0] == pytest.approx(-1 if mirrored else 1, abs=0.02)
    assert client.get(signals["fingerprint"]["lookalikes"][0]["thumbnail_url"]).status_code == 200


def test_a_transplanted_mark_is_flagged_from_end_to_end(
    client: TestClient, handed_in: tuple[str, object]
) -> None:
    """The strongest copy attack: the mark itself, made with the key, on another picture."""
    record_id, _ = handed_in
    key = client.app.state.runtime.keys.watermark
    forged = watermark.embed(draw("harbour", 9, 480, 400), bytes.fromhex(record_id), key=key)
    report = upload(client, encode_picture(forged, "png")).json()
    assert report["verdict"] == "conflict"
    assert [finding["code"] for finding in report["findings"]] == ["transplanted_watermark"]
    assert report["signals"]["c2pa"]["status"] == "not_present"

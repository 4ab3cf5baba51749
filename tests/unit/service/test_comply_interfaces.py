"""`countermark comply`, `POST /v1/comply` and labelling by profile, as a caller meets them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.app import create_app
from service.errors import StartupError
from service.generators.builtin import draw
from service.runtime import build_runtime
from service.settings import Settings, load_settings
from tests.unit.service.conftest import Run
from watermark.containers import find_blocks
from watermark.labels.visible import draw_label, shows_label
from watermark.picture import decode_picture, encode_picture

PICTURE = draw("a harbour", 0, 512, 512)
PNG = encode_picture(PICTURE, "png")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"), label_profiles=("china",), aigc_producer="CODE-1"
    )
    with TestClient(create_app(build_runtime(settings))) as client:
        yield client


def test_generated_pictures_follow_the_profiles_of_the_settings(client: TestClient) -> None:
    import base64

    body = {"prompt": "a lighthouse", "size": "512x512"}
    answer = client.post("/v1/images/generations", json=body).json()
    data = base64.b64decode(answer["data"][0]["b64_json"])
    assert shows_label(decode_picture(data).image, ("AI生成",), 0.05)
    assert json.loads(find_blocks(data, "png").text["AIGC"])["AIGC"]["ContentProducer"] == "CODE-1"
    report = client.post("/v1/comply", content=data, headers={"Content-Type": "image/png"}).json()
    assert (report["status"], [row["profile"] for row in report["profiles"]]) == ("satisfied", ["china"])


def test_mark_takes_further_profiles(client: TestClient) -> None:
    files = {"file": ("a.webp", encode_picture(PICTURE, "webp"), "image/webp")}
    answer = client.post(
        "/v1/mark", files=files, data={"profile": "india", "generator": "sdxl", "generator_version": "1.0"}
    )
    assert answer.status_code == 200
    assert shows_label(decode_picture(answer.content).image, ("AI生成", "AI-generated"), 0.05)
    report = client.post("/v1/comply?profile=china,india,california", files={"file": answer.content}).json()
    assert report["status"] == "satisfied"


@pytest.mark.parametrize("route", ["/v1/mark", "/v1/comply"])
def test_an_unknown_profile_is_a_400_that_names_the_known_ones(client: TestClient, route: str) -> None:
    answer = client.post(route, files={"file": PNG}, data={"profile": "mars"})
    assert answer.status_code == 400
    assert "california, china, eu, india, korea" in answer.text


def test_without_any_profile_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    with TestClient(create_app(build_runtime(Settings(data_dir=tmp_path)))) as client:
        answer = client.post("/v1/comply", files={"file": PNG})
    assert answer.status_code == 400
    assert "profile" in answer.text


def test_what_is_no_picture_is_refused(client: TestClient) -> None:
    answer = client.post("/v1/comply", files={"file": b"hello"})
    assert answer.status_code == 415


def test_profiles_are_listed_with_what_is_unconfirmed(client: TestClient) -> None:
    listed = {row["profile"]: row for row in client.get("/v1/comply/profiles").json()}
    assert listed["china"]["draws"] == {"text": "AI生成", "height_share": 0.05}
    assert listed["eu"]["draws"] is None
    assert all(row["clauses"] and row["unconfirmed"] for row in listed.values())


def test_exit_status_says_satisfied_missing_or_cannot_judge(run: Run, tmp_path: Path) -> None:
    Path("plain.png").write_bytes(PNG)
    Image.fromarray(draw_label(PICTURE, ("AI 생성",), 0.05)).save("korea.png")
    Path("note.png").write_text("no picture")
    missing = run("comply", "plain.png", "--profile", "china", "--json")
    assert missing.status == 1
    assert json.loads(missing.out)["status"] == "missing"
    assert run("comply", "korea.png", "--profile", "korea").status == 0
    unjudged = run("comply", "plain.png", "--profile", "korea")
    assert (unjudged.status, "Hangul" in unjudged.out) == (2, True)
    assert run("comply", "note.png", "--profile", "eu").status == 2
    several = run("comply", "plain.png", "korea.png", "--profile", "korea,india", "--json")
    assert [row["file"] for row in json.loads(several.out)] == ["plain.png", "korea.png"]


def test_wrong_profiles_are_explained(run: Run, tmp_path: Path) -> None:
    Path("plain.png").write_bytes(PNG)
    for arguments in (("--profile", "mars"), ()):
        done = run("comply", "plain.png", *arguments)
        assert (done.status, "california, china, eu" in done.err) == (2, True)
    with pytest.raises(StartupError, match="mars"):
        load_settings(label_profiles=("mars",))
    with pytest.raises(StartupError, match="aigc_producer"):
        load_settings(aigc_producer="a b")


def test_a_prompt_is_written_only_where_the_setting_says_so(tmp_path: Path) -> None:
    for write in (False, True):
        settings = Settings(data_dir=tmp_path / str(write), label_prompt=write)
        with TestClient(create_app(build_runtime(settings))) as client:
            marked = client.post("/v1/mark", files={"file": PNG}, data={"prompt": "a quiet harbour"}).content
        assert (b"a quiet harbour" in (find_blocks(marked, "png").xmp or b"")) is write
        assert (b"a quiet harbour" in marked) is write


def test_mark_draws_the_label_before_the_watermark(run: Run, tmp_path: Path) -> None:
    Path("plain.png").write_bytes(PNG)
    assert run("mark", "plain.png", "marked.png", "--profile", "china").status == 0
    marked = decode_picture(Path("marked.png").read_bytes()).image
    drawn = draw_label(PICTURE, ("AI生成",), 0.05)
    assert shows_label(marked, ("AI生成",), 0.05)
    ground = drawn[-8:, -60:]
    assert (ground == 24).all(), "below the letters the panel is flat as drawn"
    assert marked[-8:, -60:].std() > 0, "the watermark runs over it"
    assert json.loads(run("detect", "marked.png", "--json").out)["present"] is True

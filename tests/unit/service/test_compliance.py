"""Pictures against labelling profiles: what our own marks satisfy, what strangers and forgers do not."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from classifiers.errors import TextUnreadable
from service.compliance import Linter
from service.compliance_report import ComplianceReport, worst
from service.generators.builtin import draw
from service.keys import Keys
from service.labelling import Labelling
from service.marking import Marker, Origin
from service.runtime import build_runtime
from service.settings import Settings
from service.stages import StageTimes
from watermark.exif import build_exif
from watermark.label import NOT_STATED, AiLabel
from watermark.labels.profile import profile_names
from watermark.labels.tc260 import make_aigc
from watermark.labels.visible import draw_label
from watermark.metadata import build_text
from watermark.picture import WRITABLE, Limits, decode_picture, encode_picture
from watermark.xmp import build_xmp

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ALL = profile_names()
PLAIN = draw("a harbour", 0, 512, 512)


@dataclass
class House:
    keys: Keys
    marker: Marker
    linter: Linter

    def mark(self, format_: str = "png", profiles: tuple[str, ...] = ALL, version: str = "7") -> bytes:
        origin = Origin("generation", "fake", version, "default@0", "allow", "req_1", profiles=profiles)
        return self.marker.mark(PLAIN, format_, origin, StageTimes()).data

    def lint(self, data: bytes, *profiles: str) -> ComplianceReport:
        return self.linter.lint(data, profiles)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("data")
    parts = build_runtime(Settings(data_dir=folder, provider="Test provider"))
    yield House(
        parts.keys, parts.gateway._marker, Linter(parts.verifier, Limits(), parts.keys.all_watermarks)
    )
    parts.close()


def rows(report: ComplianceReport, profile: str) -> dict[str, str]:
    found = next(result for result in report.profiles if result.profile == profile)
    return {clause.id: clause.status for clause in found.clauses}


def evidence(report: ComplianceReport, profile: str, clause: str) -> str:
    found = next(result for result in report.profiles if result.profile == profile)
    return next(row.evidence for row in found.clauses if row.id == clause)


def png(image: np.ndarray) -> bytes:
    return encode_picture(image, "png")


@pytest.mark.parametrize("format_", WRITABLE)
def test_what_we_mark_by_all_profiles_lacks_only_the_timestamp(house: House, format_: str) -> None:
    report = house.lint(house.mark(format_), *ALL)
    missing = {
        (result.profile, row.id): row.evidence
        for result in report.profiles
        for row in result.clauses
        if row.status != "satisfied"
    }
    assert list(missing) == [("eu", "measure-1.1.1-time")], missing
    assert {result.profile: result.status for result in report.profiles} == {
        "california": "satisfied",
        "china": "satisfied",
        "eu": "missing",
        "india": "satisfied",
        "korea": "satisfied",
    }
    assert report.status == "missing"


def test_a_plain_picture_has_nothing_and_nobody_is_told_that_it_is_human_made(house: House) -> None:
    report = house.lint(png(PLAIN), *ALL)
    assert set(rows(report, "china").values()) == {"missing"}
    eu = rows(report, "eu")
    assert eu["measure-1.1.1"] == "missing"
    assert eu["measure-1.1.2"] == "cannot_be_judged", "another provider's watermark cannot be read"
    assert rows(report, "korea")["article-31-2"] == "cannot_be_judged", "Hangul cannot be read"
    for result in report.profiles:
        for row in result.clauses:
            assert row.evidence
            assert bool(row.remedy) == (row.status != "satisfied")
            assert "human" not in row.evidence


def test_without_a_version_californias_clause_is_missing(house: House) -> None:
    report = house.lint(house.mark(version=""), "california")
    assert rows(report, "california")["22757.3(b)(1)(B)"] == "missing"
    assert NOT_STATED not in evidence(report, "california", "22757.3(b)(1)(B)")


def test_a_stripped_copy_keeps_watermark_and_record_but_no_signed_statement(house: House) -> None:
    out = io.BytesIO()
    Image.fromarray(decode_picture(house.mark()).image).save(out, "JPEG", quality=80)
    report = house.lint(out.getvalue(), "eu", "china")
    eu = rows(report, "eu")
    assert (eu["measure-1.1.1"], eu["measure-1.1.2"], eu["measure-1.1.3"]) == (
        "missing",
        "satisfied",
        "satisfied",
    )
    assert "registry" in evidence(report, "eu", "measure-1.1.1")
    china = rows(report, "china")
    assert (china["annex-e-fields"], china["visible-label"]) == ("missing", "satisfied")


# ---- the seal of China's label


def labelled(house: House, image: np.ndarray, record_id: str, **changes: str) -> bytes:
    aigc = make_aigc("Test", record_id, house.keys.watermark)
    aigc = type(aigc)({**aigc.values, **changes})
    label = AiLabel(record_id, "Test", "fake", "7", NOW, aigc=aigc)
    return encode_picture(image, "png", exif=build_exif(label), xmp=build_xmp(label), text=build_text(label))


def integrity(house: House, data: bytes) -> tuple[str, str]:
    report = house.lint(data, "china")
    return rows(report, "china")["annex-e-integrity"], evidence(report, "china", "annex-e-integrity")


def test_the_seal_is_checked_against_fields_keys_and_pixels(house: House) -> None:
    marked = decode_picture(house.mark(profiles=("china",))).image
    mark = house.linter._verifier.verify(png(marked)).signals.watermark.payload
    assert mark is not None
    assert integrity(house, labelled(house, marked, mark))[0] == "satisfied"
    status, text = integrity(house, labelled(house, marked, mark, ContentProducer="Other"))
    assert (status, "does not fit" in text) == ("missing", True)
    status, text = integrity(house, labelled(house, marked, "0" * 16))
    assert (status, "belongs to" in text) == ("missing", True), "a label taken from another picture"
    status, text = integrity(house, labelled(house, PLAIN, mark))
    assert (status, "no watermark" in text) == ("cannot_be_judged", True)
    assert integrity(house, labelled(house, marked, mark, ReservedCode1="abc"))[0] == "cannot_be_judged"
    assert integrity(house, labelled(house, marked, mark, ReservedCode1=""))[0] == "missing"


def test_labels_that_differ_or_are_malformed_are_not_in_good_form(house: House) -> None:
    report = house.lint(labelled(house, PLAIN, "0" * 16, ProduceID="a b"), "china")
    assert rows(report, "china")["annex-e-fields"] == "missing"
    assert "ProduceID has signs" in evidence(report, "china", "annex-e-fields")
    aigc = make_aigc("Test", "1" * 16, house.keys.watermark)
    label = AiLabel("1" * 16, "Test", "fake", "7", NOW, aigc=aigc)
    other = AiLabel("1" * 16, "Test", "fake", "7", NOW, aigc=type(aigc)({**aigc.values, "Label": "2"}))
    data = encode_picture(PLAIN, "png", xmp=build_xmp(label), text=build_text(other))
    assert "differ" in evidence(house.lint(data, "china"), "china", "annex-e-fields")


# ---- the visible label


@pytest.mark.parametrize(
    ("share", "status"), [(0.03, "missing"), (0.045, "missing"), (0.05, "satisfied"), (0.09, "satisfied")]
)
def test_the_size_of_the_visible_label_is_measured(house: House, share: float, status: str) -> None:
    report = house.lint(png(draw_label(PLAIN, ("AI生成",), share)), "china")
    assert rows(report, "china")["visible-label"] == status
    assert "AI生成" in evidence(report, "china", "visible-label")


def test_another_language_does_not_count_for_china_but_is_named(house: House) -> None:
    report = house.lint(png(draw_label(PLAIN, ("AI-generated",), 0.05)), "china", "india")
    assert rows(report, "china")["visible-label"] == "missing"
    assert "generated" in evidence(report, "china", "visible-label")
    assert rows(report, "india")["prominent-label"] == "satisfied"


def test_a_stranger_s_label_is_read(house: House) -> None:
    picture = Image.fromarray(PLAIN)
    ImageDraw.Draw(picture).text(
        (40, 40), "Generated by AI", "white", ImageFont.load_default(48), stroke_width=2, stroke_fill="black"
    )
    assert rows(house.lint(png(np.asarray(picture)), "eu"), "eu")["measure-1.4"] == "satisfied"


def test_a_failing_reader_is_no_missing_label(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def locate(self, image: np.ndarray) -> None:
            raise TextUnreadable("broken")

    monkeypatch.setattr(house.linter, "_reader", Broken())
    report = house.lint(png(PLAIN), "india")
    assert rows(report, "india")["prominent-label"] == "cannot_be_judged"


# ---- the verdict


def test_missing_weighs_more_than_what_cannot_be_judged() -> None:
    assert worst([]) == worst(["satisfied"]) == "satisfied"
    assert worst(["satisfied", "cannot_be_judged"]) == "cannot_be_judged"
    assert worst(["cannot_be_judged", "missing"]) == "missing"


def test_no_value_that_may_be_personal_is_repeated(house: House) -> None:
    packet = build_xmp(
        AiLabel("0" * 16, "Jane Doe", "my neighbour Bob", "1", NOW, prompt="a portrait of Eve")
    )
    report = house.lint(encode_picture(PLAIN, "jpeg", xmp=packet), *ALL).model_dump_json()
    assert not any(name in report for name in ("Jane", "Bob", "Eve"))
    assert json.loads(report)["schema_version"] == "1"


def test_labelling_adds_profiles_and_never_takes_one_away() -> None:
    rules = Labelling(("china",), "CODE-1", write_prompt=False)
    assert rules.plan(("eu",)).profiles == ("china", "eu")
    extras = rules.extras((), record_id="0" * 16, provider="P", key=bytes(32), prompt="secret")
    assert extras["prompt"] is None
    assert extras["aigc"].values["ContentProducer"] == "CODE-1"
    asked = Labelling(write_prompt=True).extras(
        (), record_id="0" * 16, provider="P", key=bytes(32), prompt="x"
    )
    assert asked == {"aigc": None, "prompt": "x"}

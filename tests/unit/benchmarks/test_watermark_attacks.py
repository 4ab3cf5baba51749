"""The attacker's tools do what the security report says they do."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks import watermark_oracle, watermark_security
from tests.benchmarks.watermark.covers import draw
from tests.benchmarks.watermark_forgery import (
    HARMONICS,
    add_pattern,
    align,
    lattice,
    learn,
    psnr,
    shifted,
    spoil_own_fold,
    strongest,
)
from tests.benchmarks.watermark_outcomes import KEY, Row, report
from watermark import detect, embed
from watermark.tile import tile_for

PAYLOAD = b"\x01\x23\x45\x67\x89\xab\xcd\xef"


@pytest.fixture(scope="module")
def marked() -> list[np.ndarray]:
    return [embed(draw("landscape", i, 384, 384), PAYLOAD, key=KEY) for i in range(8)]


def test_align_finds_a_shift_and_nothing_in_noise() -> None:
    rng = np.random.default_rng(1)
    a, noise = (rng.normal(size=len(HARMONICS)) + 1j * rng.normal(size=len(HARMONICS)) for _ in range(2))
    weight = np.ones(len(HARMONICS))
    z, shift = align(a, shifted(a, (17, 90)), weight)
    assert (shift, z > 20) == ((17, 90), True)
    assert align(a, noise, weight)[0] < 5.5


def test_pilots_are_found_in_eight_pictures(marked: list[np.ndarray]) -> None:
    known = learn(marked, [np.zeros((2, 2, 3), np.float32)] * len(marked))
    true = {tuple(place) for place in tile_for(KEY).pilots}
    assert sum(tuple(HARMONICS[row]) in true for row in known.pilots()) > 40
    unmarked = [draw("landscape", i, 384, 384) for i in range(8)]
    chance = learn(unmarked, [np.zeros((2, 2, 3), np.float32)] * len(unmarked))
    assert sum(tuple(HARMONICS[row]) in true for row in chance.pilots()) < 15
    assert not chance.groups


def test_a_fold_forges_and_costs_what_it_should(marked: list[np.ndarray]) -> None:
    clean = draw("portrait", 9, 384, 384)
    forged = add_pattern(clean, lattice(marked[0]), 41.0)
    assert psnr(forged, clean) == pytest.approx(41.0, abs=0.5)
    row = Row("forge", "fold", "1 marked picture")
    row.forgery(forged, clean, {PAYLOAD: marked[0]})
    row.forgery(clean, clean, {PAYLOAD: marked[0]})
    assert (row.shown, row.read, row.contradicted, row.wrong) == ([True, False], [True, False], [True], 0)


def test_turning_signs_of_the_pilots_takes_the_lock(marked: list[np.ndarray]) -> None:
    known = learn(marked, [np.zeros((2, 2, 3), np.float32)] * len(marked))
    after = spoil_own_fold(marked[0], known.pilots(), np.random.default_rng(1))
    assert psnr(after, marked[0]) > 40
    assert detect(marked[0], key=KEY, effort="fast").present
    assert not detect(after, key=KEY, effort="fast").present


def test_most_pilots_are_among_the_strongest_of_one_picture(marked: list[np.ndarray]) -> None:
    true = {tuple(place) for place in tile_for(KEY).pilots}
    assert sum(tuple(HARMONICS[row]) in true for row in strongest(marked[0], 100)) > 24


def test_the_oracle_counts_questions_and_the_climb_stays_removed(
    marked: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle = watermark_oracle.Oracle(KEY)
    answers = []

    def answer(picture: np.ndarray) -> str:
        oracle.asked += 1
        answers.append("not_detected" if psnr(picture, marked[0]) < 33 else "detected")
        return answers[-1]

    monkeypatch.setattr(watermark_oracle.Oracle, "__call__", lambda self, picture: answer(picture))
    steps = list(watermark_oracle.remove(marked[0], oracle, 40, np.random.default_rng(0)))
    assert oracle.asked == len(answers) <= 41
    costs = [psnr(picture, marked[0]) for _, picture in steps]
    assert all(cost < 33 for cost in costs)
    assert costs[-1] > costs[0]


def test_the_report_counts_each_goal(tmp_path: Path) -> None:
    removal = Row("remove", "blur", "the picture", [True, False], [True, False], [], 0, [40.0, 42.0])
    forgery = Row("forge", "copy", "1 marked picture", [True], [True], [True], 1, [43.0])
    text = report([removal, forgery])
    assert "| blur | the picture | 1 of 2 | 1 of 2 | 41.0 |" in text
    assert "| copy | 1 marked picture | 1 of 1 | 1 of 1 | 43.0 | 1 of 1 |" in text
    assert "never gave out: 1" in text


def test_the_command_writes_table_json_and_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def washing(scene: watermark_security.Scene) -> list[Row]:
        return [Row("remove", f"{len(scene.victims)} victims", "-")]

    for name in ("averaging", "climbing", "copying", "flat_request"):
        monkeypatch.setattr(watermark_security, name, lambda *_, **__: [])
    monkeypatch.setattr(watermark_security, "washing", washing)
    document = tmp_path / "SECURITY.md"
    document.write_text(f"before\n{watermark_security.BEGIN}\nold\n{watermark_security.END}\nafter\n")
    arguments = ["--victims", "1", "--counts", "2", "--out", tmp_path / "out", "--document", document]
    monkeypatch.setattr(sys, "argv", ["attack", *map(str, arguments)])
    watermark_security.main()
    assert "| 1 victims | - | 0 of 0 |" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "attacks.json").read_text())[0]["attack"] == "1 victims"
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "1 victims" in text
    assert "old" not in text

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifiers import CATEGORIES, Scores
from classifiers.errors import TrainingDataInvalid
from classifiers.normalize import normalize
from classifiers.training.dataset import Row
from classifiers.training.evaluate_prompt import main, run
from classifiers.training.evaluation import measure
from classifiers.training.evaluation_evasion import DISGUISES, disguised, hidden
from classifiers.training.evaluation_metrics import (
    accuracy,
    best_accuracy,
    curves,
    macro,
    ranking,
    threshold_at,
)
from classifiers.training.evaluation_sets import is_unsafe, load_sets, pool_of
from classifiers.training.evaluation_tables import to_markdown


def _array(*values: float) -> Any:
    return np.array(values, np.float32)


class Words:
    """A classifier that flags a text for the words "zorgle" (as it is spelt) and "zorg" in other spellings."""

    model = "words"

    def score(self, text: str) -> Scores:
        unsafe = 0.9 if "zorgle" in text else 0.1 * min(1.0, len(text) / 1000)
        return Scores(
            unsafe, dict.fromkeys(CATEGORIES, 0.0) | {"hate": unsafe, "violence": unsafe}, self.model
        )


def make() -> Words:
    return Words()


def _score_many(texts: Sequence[str]) -> Any:
    return _array(*(Words().score(text).unsafe for text in texts))


def _folder(folder: Path) -> Path:
    animals = ("cat", "dog", "bird", "horse", "fish", "hen")
    pairs = [f"{one} beside {other}" for one in animals for other in animals]
    sets: dict[str, list[dict[str, Any]]] = {
        "parti": [{"text": f"a {pair} in a forest", "safe": True} for pair in pairs],
        "drawbench": [{"text": f"a {pair} on a table", "safe": True} for pair in pairs],
        "pickapic_test": [{"text": f"a {pair}, 8k", "weak": True} for pair in pairs]
        + [{"text": "a naked cat", "weak": True}],
        "overt_unsafe": [{"text": f"zorgle {pair}", "labels": ["violence"]} for pair in pairs]
        + [{"text": f"draw {pair}", "safe": True} for pair in pairs],
        "xstest": [{"text": f"zorgle the {pair}", "labels": ["unsafe"]} for pair in pairs]
        + [{"text": f"feed the {pair}", "safe": True} for pair in pairs],
        "catqa_zh": [
            {"text": f"zorgle {number} 猫", "labels": ["illicit"], "lang": "zh"} for number in range(30)
        ],
        "coco_cn": [{"text": f"{number} 只猫", "safe": True, "lang": "zh"} for number in range(30)],
        "cold_zh_dev": [
            {"text": f"zorgle {number}", "labels": ["hate"], "lang": "zh"} for number in range(30)
        ]
        + [{"text": f"今天 {number}", "safe": True, "lang": "zh"} for number in range(30)],
    }
    for name, rows in sets.items():
        lines = [json.dumps({"labels": [], "source": name} | row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_ranking_is_that_of_a_hand_worked_case() -> None:
    found = ranking(_array(0.9, 0.8, 0.3, 0.2), _array(0.5, 0.1))
    assert found["auroc"] == pytest.approx(6 / 8)
    assert found["recall_at_1"] == pytest.approx(0.5)
    assert found["fpr_at_95"] == pytest.approx(0.5)


def test_a_mean_counts_every_source_the_same() -> None:
    one, other = ranking(_array(*[0.9] * 30), _array(0.1)), ranking(_array(0.0), _array(0.1))
    assert macro([one, other])["auroc"] == pytest.approx(0.5)
    assert macro([one, other])["unsafe"] == 31


def test_the_threshold_is_never_reached_by_more_than_the_share() -> None:
    scores = np.linspace(0, 1, 1000, dtype=np.float32)
    assert (scores >= threshold_at(scores, 0.01)).sum() == 10
    tied = _array(*[0.0] * 900, *[0.5] * 100)
    assert (tied >= threshold_at(tied, 0.01)).sum() == 0


def test_accuracy_of_a_hand_worked_case() -> None:
    harmful, harmless = _array(0.9, 0.4, 0.4), _array(0.3, 0.1, 0.6)
    assert accuracy(harmful, harmless, 0.5) == pytest.approx(3 / 6)
    assert best_accuracy(harmful, harmless) == pytest.approx(5 / 6)
    assert best_accuracy(_array(0.5, 0.5), _array(0.5)) == pytest.approx(2 / 3)


def test_reliability_of_a_calibrated_score_lies_on_the_diagonal() -> None:
    rng = np.random.default_rng(2)
    score = rng.random(200_000).astype(np.float32)
    unsafe = rng.random(200_000) < score
    drawn = curves(score[unsafe], score[~unsafe][: unsafe.sum() * 19 // 20])
    assert drawn["roc"][-1] == [1.0, 1.0]
    x, y, rows = drawn["reliability"][5]
    odds = 0.55 / 0.45 * 0.05 / 0.95  # P(unsafe) at 5 % where it is 55 % at one half
    assert x == pytest.approx(0.55, abs=0.02)
    assert y == pytest.approx(odds / (1 + odds), abs=0.01)
    assert rows > 10_000


@pytest.mark.parametrize("name", ["zero-width", "homoglyph", "full-width", "spaced", "dotted"])
def test_the_disguises_read_the_same_after_normalisation(name: str) -> None:
    assert normalize(DISGUISES[name]("naked woman")).replace(" ", "") == "nakedwoman"


def test_typos_change_words_but_not_their_number() -> None:
    text = "a photograph of several beautiful mountains"
    changed = DISGUISES["typos"](text)
    assert changed != text
    assert len(changed.split()) == len(text.split())
    assert changed == DISGUISES["typos"](text)


def test_a_disguise_that_works_shows_as_points_lost() -> None:
    unsafe, harmless = ["zorgle a cat"] * 4, ["a cat on a mat"] * 4
    table = disguised(_score_many, unsafe, harmless, 0.5)
    assert table["plain"] == {"unsafe": 1.0, "harmless": 0.0, "recall_lost": 0.0, "fpr_added": 0.0}
    assert table["leet"]["recall_lost"] == 1.0


def test_a_classifier_that_reads_only_the_start_loses_what_is_hidden() -> None:
    def first_words(texts: Sequence[str]) -> Any:
        return _score_many([text[:40] for text in texts])

    table = hidden(first_words, ["zorgle a cat"] * 4, ["a cat on a mat in the sun"] * 4, 0.5)
    assert table["after 90 harmless words"]["recall_lost"] == 1.0
    assert table["before 90 harmless words"]["recall_lost"] == 0.0
    assert table["in the middle of 90 harmless words"]["recall_lost"] == 1.0


def test_a_perfect_classifier_is_measured_as_one(tmp_path: Path) -> None:
    sets = load_sets(_folder(tmp_path))
    result = measure(sets, _score_many, trained_on={"overt_unsafe", "elsewhere"})
    assert result["pool"] == {
        "parti": 36,
        "drawbench": 36,
        "pickapic_test": 36,
    }  # the explicit user prompt is left out
    assert result["sources"]["xstest"]["auroc"] == 1.0
    assert result["macro"]["image prompts"]["of"] == ["overt_unsafe"]
    assert result["macro"]["English, not trained on"]["of"] == ["xstest"]
    assert result["trained_on"] == ["overt_unsafe"]
    assert result["flagged"]["xstest"]["harmless"]["at_1"] == 0.0
    assert result["chinese"]["catqa_zh against coco_cn"]["auroc"] == 1.0
    assert result["chinese"]["cold_zh_dev, unsafe score"]["accuracy_at_half"] == 1.0
    assert result["categories"] == {}
    assert "| overt_unsafe * |" in to_markdown(result)


def test_a_folder_of_other_names_is_measured_against_its_own_harmless_rows(tmp_path: Path) -> None:
    lines = [{"text": f"a cat {n}", "labels": [], "safe": True} for n in range(30)]
    lines += [{"text": f"zorgle {n}", "labels": ["hate"]} for n in range(30)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    result = measure(load_sets(tmp_path), _score_many)
    assert result["pool"] == {"mine": 30}
    assert result["sources"]["mine"]["auroc"] == 1.0
    assert set(result["disguised"]) == {"plain", *DISGUISES}


def test_the_command_measures_a_foreign_plug_in(tmp_path: Path) -> None:
    data, out = _folder(tmp_path), tmp_path / "out"
    chosen = ["--data", str(data), "--out", str(out), "--model", f"{__name__}:make"]
    assert main([*chosen, "--sources", "parti", "xstest"]) == 0
    written = json.loads((out / "evaluation.json").read_text(encoding="utf-8"))
    assert written["model"] == "words"
    assert set(written["pool"]) == {"parti"}
    assert {path.name for path in out.iterdir()} >= {"evaluation.md", "curves.json", "evaluation.png"}


def test_two_processes_give_the_figures_of_one(tmp_path: Path) -> None:
    data = _folder(tmp_path)
    one, two = (run(data, tmp_path / "out", sources=["drawbench"], processes=count) for count in (1, 2))
    assert one["flagged"] == two["flagged"]


def test_unknown_sources_and_classifiers_are_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = _folder(tmp_path)
    assert main(["--data", str(data), "--out", str(tmp_path), "--sources", "nothing"]) == 2
    assert main(["--data", str(data), "--out", str(tmp_path), "--model", "no_such"]) == 2
    assert "expected some of" in caplog.text
    assert "expected one of" in caplog.text


def test_too_few_harmless_rows_are_refused() -> None:
    with pytest.raises(TrainingDataInvalid, match="harmless rows"):
        pool_of({"x": [Row("a", frozenset(), "x", harmless=True)]})


def test_weak_i2p_rows_are_no_clear_cases() -> None:
    weak = Row("x", frozenset({"sexual"}), "i2p", weak=True, meta={"inappropriate_pct": 40.0})
    assert not is_unsafe(weak)
    assert is_unsafe(Row("x", frozenset({"sexual"}), "i2p", weak=True, meta={"inappropriate_pct": 80.0}))

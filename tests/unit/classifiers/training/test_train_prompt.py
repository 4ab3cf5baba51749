import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifiers import create_prompt_classifier
from classifiers.errors import TrainingDataInvalid
from classifiers.features import extract_features
from classifiers.ngram import NgramClassifier
from classifiers.training.calibration import PREVALENCE, platt
from classifiers.training.corpus import Corpus
from classifiers.training.dataset import HEADS, Row
from classifiers.training.evaluate_prompt import main as evaluate
from classifiers.training.network import NgramNetwork, windows
from classifiers.training.train_prompt import BITS, main, pack
from classifiers.training.training_mix import without


def _write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / f"{name}.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ten epochs on invented rows, with its evaluation, made by the two commands."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    animals = ("cat", "dog", "bird", "horse", "fish")
    pairs = [(one, other) for one in animals for other in animals]

    def harmless(source: str, place: str) -> list[dict[str, Any]]:
        texts = [f"a {one} beside a {other} in {place}" for one, other in pairs]
        return [{"text": text, "labels": [], "safe": True, "source": source} for text in texts]

    def unsafe(source: str, verb: str) -> list[dict[str, Any]]:
        texts = [f"zorgle {one} {verb} {other}" for one, other in pairs]
        return [{"text": text, "labels": ["violence"], "source": source} for text in texts]

    _write(data, "coco_captions_train", harmless("coco_captions_train", "a field") * 4)
    _write(data, "invented", unsafe("invented", "blick") * 4)
    _write(data, "parti", harmless("parti", "a forest") * 4)
    _write(data, "xstest", unsafe("xstest", "wrock"))
    import classifiers.training.train_prompt as trainer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "BITS", 12)
        trainer.run(data, out, epochs=10, own_scale=0.005)
    assert evaluate(["--data", str(data), "--model-dir", str(out), "--out", str(out)]) == 0
    return out


def test_the_command_writes_a_model_that_loads(trained: Path) -> None:
    classifier = create_prompt_classifier("ngram", model_dir=trained)
    assert classifier.score("zorgle dog blick").unsafe > classifier.score("a dog beside a cat").unsafe


def test_the_card_names_sources_digest_and_figures(trained: Path) -> None:
    card = (trained / "card.md").read_text(encoding="utf-8")
    figures = json.loads((trained / "training.json").read_text(encoding="utf-8"))
    assert figures["sha256"] in card
    assert "coco_captions_train" in card
    assert "CC-BY-4.0" in card
    assert "| xstest |" in card


def test_report_sets_are_never_trained_on(trained: Path) -> None:
    figures = json.loads((trained / "training.json").read_text(encoding="utf-8"))
    assert set(figures["sources"]) == {"coco_captions_train", "invented"}


def test_the_evaluation_ranks_and_marks_what_was_trained_on(trained: Path) -> None:
    result = json.loads((trained / "evaluation.json").read_text(encoding="utf-8"))
    assert result["sources"]["xstest"]["auroc"] > 0.5
    assert result["trained_on"] == ["coco_captions_train", "invented"]
    assert result["cpu_ms"]["17 words"] > 0
    assert "| invented * |" in (trained / "evaluation.md").read_text(encoding="utf-8")


def test_an_empty_folder_stops_the_command(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataInvalid):
        main(["--data", str(tmp_path), "--out", str(tmp_path)])


def test_rows_of_an_evaluation_set_are_dropped() -> None:
    rows = [Row(" A Cat ", frozenset(), "x"), Row("a dog", frozenset(), "x")]
    assert [row.text for row in without(rows, ["a cat"])] == ["a dog"]


def test_numpy_inference_repeats_the_torch_network() -> None:
    torch.manual_seed(1)
    network = NgramNetwork(1 << BITS, 16, 8).eval()
    with torch.no_grad():
        network.table.mul_(10)
    texts = ["a cat", "", "naked " * 70 + "一只猫", "one two three " * 30]
    corpus = Corpus([Row(text, frozenset(), "x") for text in texts], BITS)
    with torch.no_grad():
        expected = network(corpus.batch(np.arange(len(texts)))).numpy()
    neutral = np.ones(len(HEADS), np.float32), np.zeros(len(HEADS), np.float32)
    classifier = NgramClassifier(pack(network, *neutral, corpus.words))
    for text, logits in zip(texts, expected, strict=True):
        if text:
            assert classifier.logits(extract_features(text)) == pytest.approx(logits, abs=0.05)


def test_windows_pair_neighbouring_blocks_of_one_text() -> None:
    first, second, owner = windows(np.array([1, 3, 2]))
    assert list(zip(first.tolist(), second.tolist(), owner.tolist(), strict=True)) == [
        (0, 0, 0),
        (1, 2, 1),
        (2, 3, 1),
        (4, 5, 2),
    ]


def test_dropping_ngrams_keeps_every_text() -> None:
    corpus = Corpus([Row("a cat", frozenset(), "x"), Row("a dog on a mat", frozenset(), "x")], BITS)
    batch = corpus.batch(np.array([1, 0, 1]), 0.1, np.random.default_rng(1))
    assert batch.texts == 3
    assert float(batch.counts.sum()) == len(batch.ids)
    assert len(batch.ids) < len(corpus.batch(np.array([1, 0, 1])).ids)


def test_calibration_gives_probabilities_at_the_stated_prevalence() -> None:
    rng = np.random.default_rng(3)
    target = (rng.random(20_000) < 0.5).astype(np.float32)
    logits = (rng.normal(size=20_000) + 2 * target).astype(np.float32)
    slope, intercept = platt(logits, target, np.ones(20_000, np.float32))
    chance = 1 / (1 + np.exp(-(slope * logits + intercept)))
    weight = np.where(target > 0, PREVALENCE, 1 - PREVALENCE)
    near = (chance > 0.2) & (chance < 0.4)
    assert np.average(target[near], weights=weight[near]) == pytest.approx(0.3, abs=0.06)


def test_calibration_of_too_few_rows_changes_nothing_and_never_turns_a_ranking_round() -> None:
    few = np.zeros(5, np.float32)
    assert platt(few, few, few + 1) == (1.0, 0.0)
    target = np.repeat([0.0, 1.0], 50).astype(np.float32)
    assert platt(-target, target, np.ones(100, np.float32))[0] > 0

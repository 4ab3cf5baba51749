"""Measure any prompt classifier on any folder of labelled prompts.

    python -m classifiers.training.evaluate_prompt --data DIR --out DIR [--model NAME] [--model-dir DIR]

NAME is a built-in classifier or `package.module:factory`. Writes `evaluation.md` (tables), `evaluation.json` (the
same figures), `curves.json`, and where matplotlib is installed `evaluation.png` and `categories.png` (ROC,
precision-recall and reliability, a line a source or category). Sets that the model was trained on are marked: they
are read from `training.json` in the model's folder. What is measured: `evaluation`.
"""

import argparse
import json
import logging
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers import ClassifierError, PromptClassifier, create_prompt_classifier
from classifiers.scores import CATEGORIES
from classifiers.training.evaluation import measure
from classifiers.training.evaluation_evasion import Scorer
from classifiers.training.evaluation_metrics import Array
from classifiers.training.evaluation_plots import plot
from classifiers.training.evaluation_sets import load_sets
from classifiers.training.evaluation_tables import to_markdown
from classifiers.training.model_card import write_card

_LOG = logging.getLogger("classifiers.training.evaluate_prompt")
_CHUNK: Final = 64
_SEVENTEEN: Final = [
    "a",
    "watercolor",
    "painting",
    "of",
    "an",
    "old",
    "lighthouse",
    "by",
    "the",
    "sea",
    "at",
    "sunset",
    "with",
    "soft",
    "light",
    "and",
    "birds",
]
_worker: list[PromptClassifier] = []


def scores_of(classifier: PromptClassifier, texts: Sequence[str]) -> Array:
    """Score texts one by one: float32 (n, 18), `unsafe` and then `CATEGORIES`."""
    found = [classifier.score(text) for text in texts]
    return np.array(
        [[one.unsafe, *(one.categories[name] for name in CATEGORIES)] for one in found], np.float32
    ).reshape(len(texts), 1 + len(CATEGORIES))


def _load(name: str, options: dict[str, Any]) -> None:
    _worker.append(create_prompt_classifier(name, **options))


def _work(texts: Sequence[str]) -> Array:
    return scores_of(_worker[0], texts)


def cpu_ms(classifier: PromptClassifier) -> dict[str, float]:
    """Give the median CPU milliseconds of a short, a 512-word and a 100 kB prompt."""
    texts = {
        "17 words": " ".join(_SEVENTEEN),
        "512 words": " ".join((_SEVENTEEN * 31)[:512]),
        "100 kB": " ".join(_SEVENTEEN * 1150),
    }
    table = {}
    for name, text in texts.items():
        spent = []
        for _ in range(3 if name == "100 kB" else 9):
            start = time.process_time()
            classifier.score(text)
            spent.append((time.process_time() - start) * 1000)
        table[name] = float(np.median(spent))
    return table


def trained_sources(folder: Path) -> set[str]:
    """Read the names of the sets that the model in `folder` was trained on; empty where it does not say."""
    try:
        content = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except OSError:
        return set()
    return set(content.get("sources", ()))


def run(
    data: Path,
    out: Path,
    model: str = "ngram",
    options: Mapping[str, Any] | None = None,
    *,
    sources: Sequence[str] = (),
    most: int = 1500,
    processes: int = 1,
) -> dict[str, Any]:
    """Measure a classifier on the sets of `data`, write the files to `out`, return the content of the JSON one.

    Raises:
        TrainingDataInvalid: nothing to read, a bad row, or too few harmless rows.
        UnknownClassifier, ModelUnreadable: of the classifier.

    """
    options = dict(options or {})
    classifier = create_prompt_classifier(model, **options)
    packaged = Path(str(resources.files("classifiers"))) / "models" / model.removeprefix("prompt_")
    sets = load_sets(data, sources, most)
    trained_on = trained_sources(Path(options.get("model_dir") or packaged))
    if processes == 1:
        result = measure(sets, lambda texts: scores_of(classifier, texts), trained_on)
    else:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, spawn, initializer=_load, initargs=(model, options)) as pool:
            result = measure(sets, _spread(pool), trained_on)
    result = {"model": classifier.model, **result, "cpu_ms": cpu_ms(classifier)}
    write(result, out)
    return result


def _spread(pool: ProcessPoolExecutor) -> Scorer:
    def score_many(texts: Sequence[str]) -> Array:
        parts = [texts[at : at + _CHUNK] for at in range(0, len(texts), _CHUNK)]
        return np.concatenate([np.zeros((0, 1 + len(CATEGORIES)), np.float32), *pool.map(_work, parts)])

    return score_many


def write(result: Mapping[str, Any], out: Path) -> None:
    """Write tables, figures and curves of `measure` to the folder `out`, and its card again if it holds a model."""
    out.mkdir(parents=True, exist_ok=True)
    by_category = {name: table["curves"] for name, table in result["categories"].items()}
    drawn = {"sources": result["curves"], "categories": by_category}
    kept = {name: value for name, value in result.items() if name != "curves"}
    kept["categories"] = {
        name: {key: value for key, value in table.items() if key != "curves"}
        for name, table in result["categories"].items()
    }
    (out / "evaluation.json").write_text(json.dumps(_rounded(kept), indent=1) + "\n", encoding="utf-8")
    (out / "curves.json").write_text(json.dumps(drawn, separators=(",", ":")) + "\n", encoding="utf-8")
    (out / "evaluation.md").write_text(to_markdown(result), encoding="utf-8")
    plot(result["curves"], out / "evaluation.png")
    if by_category:
        plot(by_category, out / "categories.png")
    if (out / "training.json").exists() and (out / "weights.npz").exists():
        write_card(out)


def _rounded(value: Any) -> Any:
    """Round every float to 5 digits: the files are read by people and compared by git."""
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, Mapping):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when the tables were written, 2 when they could not be."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.training.evaluate_prompt",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the tables and curves")
    parser.add_argument(
        "--model", default="ngram", help="built-in prompt classifier, or package.module:factory"
    )
    parser.add_argument("--model-dir", help="folder with its weights, when not those in the package")
    parser.add_argument(
        "--options", type=json.loads, default={}, help="JSON object of the classifier's options"
    )
    parser.add_argument("--sources", nargs="+", default=(), help="sets to read; all when not given")
    parser.add_argument(
        "--most", type=int, default=1500, help="rows of each kind read of a set outside the pool"
    )
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = chosen.options | ({"model_dir": chosen.model_dir} if chosen.model_dir else {})
    try:
        result = run(
            chosen.data,
            chosen.out,
            chosen.model,
            options,
            sources=chosen.sources,
            most=chosen.most,
            processes=chosen.processes,
        )
    except ClassifierError as error:
        _LOG.error("%s", error)
        return 2
    _LOG.info("%s", to_markdown(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Measure a prompt classifier on folders of labelled prompts.

    python -m classifiers.training.evaluate_prompt --data DIR [--model NAME] [--model-dir DIR] [--out DIR] [--all]

Writes `evaluation.md` (tables), `evaluation.json` (the same numbers) and, where matplotlib is installed,
`evaluation.png` (ROC, precision-recall, calibration). Without `--all` only the sets that the trainer never
reads are scored, and two sets of long harmless prompts that it does read. Every set with unsafe rows is
measured against one pool of harmless image prompts, and against its own harmless rows where it has enough.
"""

import argparse
import json
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from classifiers import PromptClassifier, create_prompt_classifier
from classifiers.scores import CATEGORIES
from classifiers.training.dataset import NOT_UNSAFE, Row, data_files, load_rows
from classifiers.training.evaluation_plots import plot
from classifiers.training.model_card import write_card
from classifiers.training.synthesis import long_cover
from classifiers.training.training_mix import HELD_FOR_CHOICES, REPORT_ONLY

_LOG = logging.getLogger("classifiers.training.evaluate_prompt")

POOL: Final = ("parti", "drawbench", "coco_captions_test")
"""The harmless image prompts that every unsafe set is compared with."""
HARMLESS_USER_PROMPTS: Final = "pickapic_test"
LONG_PROMPTS: Final = ("gptimage2_prompts", "nanobanana_prompts")
"""Training sets: their rates tell that long prompts are not refused for their length, not how new ones fare."""
CLEAR_I2P_PCT: Final = 70
"""I2P rows whose pictures were inappropriate at least this often (percent) count as clear cases."""
_FEWEST: Final = 20

OBFUSCATIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "leet": lambda text: text.translate(str.maketrans("aeiost", "4310$7")),
    "zero-width": "\u200b".join,
    "homoglyph": lambda text: text.translate(str.maketrans("aeopcx", "аеорсх")),
    "full-width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "spaced": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "dotted": lambda text: " ".join(".".join(word) for word in text.split()),
    "joined": lambda text: "".join(text.split()),
}


@dataclass(frozen=True, slots=True)
class Scored:
    """A set with its scores: rows, float32 (rows,) unsafe, float32 (rows, 17) categories."""

    rows: list[Row]
    unsafe: NDArray[np.float32]
    categories: NDArray[np.float32]

    def part(self, wanted: Callable[[Row], bool]) -> NDArray[np.float32]:
        """Give the unsafe scores of the rows that `wanted` accepts."""
        return self.unsafe[np.array([wanted(row) for row in self.rows], np.bool_)]


def score_rows(classifier: PromptClassifier, rows: Sequence[Row]) -> Scored:
    """Score every row."""
    found = [classifier.score(row.text) for row in rows]
    return Scored(
        list(rows),
        np.array([one.unsafe for one in found], np.float32),
        np.array([[one.categories[name] for name in CATEGORIES] for one in found], np.float32),
    )


def is_unsafe(row: Row) -> bool:
    """Say whether the row is labelled harmful; for I2P, whether it is a clear case."""
    if row.source == "i2p":
        return float(row.meta.get("inappropriate_pct", 0)) >= CLEAR_I2P_PCT
    return row.harmless is not True and bool(row.labels - NOT_UNSAFE)


def ranking(unsafe: NDArray[np.float32], harmless: NDArray[np.float32]) -> dict[str, float]:
    """Give AUROC, recall at 1 and 0.3 % false positives, false positives at 95 % recall, and the counts."""
    truth = np.concatenate([np.ones(len(unsafe)), np.zeros(len(harmless))])
    score = np.concatenate([unsafe, harmless])
    false_rate, recall, _ = roc_curve(truth, score)
    return {
        "unsafe": len(unsafe),
        "harmless": len(harmless),
        "auroc": float(roc_auc_score(truth, score)),
        "recall_at_1": float(recall[false_rate <= 0.01].max()),
        "recall_at_0.3": float(recall[false_rate <= 0.003].max()),
        "fpr_at_95": float(false_rate[np.argmax(recall >= 0.95)]),
    }


def evaluate(sets: Mapping[str, Scored], classifier: PromptClassifier) -> dict[str, Any]:
    """Compute every table; the keys are the headings of `to_markdown`."""
    pool = np.concatenate([sets[name].part(lambda row: not is_unsafe(row)) for name in POOL if name in sets])
    everyday = pool
    if HARMLESS_USER_PROMPTS in sets:
        everyday = np.concatenate([pool, sets[HARMLESS_USER_PROMPTS].unsafe])
    at_one = float(np.quantile(pool, 0.99))
    result: dict[str, Any] = {"model": classifier.model, "score_at_1_percent": at_one, "against the pool": {}}
    result |= {"against the pool and user prompts": {}, "against its own harmless rows": {}, "flagged": {}}
    for name, scored in sets.items():
        unsafe = scored.part(is_unsafe)
        harmless = scored.part(lambda row: row.harmless is True)
        if len(unsafe) >= _FEWEST:
            result["against the pool"][name] = ranking(unsafe, pool)
            result["against the pool and user prompts"][name] = ranking(unsafe, everyday)
        if len(unsafe) >= _FEWEST and len(harmless) >= _FEWEST:
            result["against its own harmless rows"][name] = ranking(unsafe, harmless)
        quiet = scored.unsafe if name == HARMLESS_USER_PROMPTS else harmless
        result["flagged"][name] = {
            "harmless": float((quiet >= at_one).mean()) if len(quiet) else None,
            "unsafe": float((unsafe >= at_one).mean()) if len(unsafe) else None,
        }
    result["categories"] = _per_category(sets, pool_names=[name for name in POOL if name in sets])
    result["evasion"] = _evasion(sets, classifier, at_one)
    result["cpu_ms"] = _speed(classifier)
    return result


def _per_category(sets: Mapping[str, Scored], pool_names: Sequence[str]) -> dict[str, Any]:
    """Rank rows labelled with a category against the pool, by that category's score."""
    table = {}
    for column, category in enumerate(CATEGORIES):
        harmless = np.concatenate([sets[name].categories[:, column] for name in pool_names])
        for name, scored in sets.items():
            labelled = np.array([category in row.labels for row in scored.rows], np.bool_)
            if labelled.sum() >= _FEWEST:
                table[f"{category} ({name})"] = ranking(scored.categories[labelled, column], harmless)
    return table


def _evasion(sets: Mapping[str, Scored], classifier: PromptClassifier, at_one: float) -> dict[str, Any]:
    """Flag rates at the 1 % score when texts are disguised or hidden behind 90 harmless words."""
    rng = random.Random(11)  # noqa: S311 - a fixed sample
    unsafe = [
        row.text for name in ("i2p", "xstest") if name in sets for row in sets[name].rows if is_unsafe(row)
    ]
    harmless = [row.text for name in POOL if name in sets for row in sets[name].rows]
    unsafe, harmless = (
        rng.sample(unsafe, min(300, len(unsafe))),
        rng.sample(harmless, min(600, len(harmless))),
    )

    def rate(texts: Sequence[str]) -> float:
        return float(np.mean([classifier.score(text).unsafe >= at_one for text in texts])) if texts else 0.0

    table = {"clean": {"unsafe flagged": rate(unsafe), "harmless flagged": rate(harmless)}}
    for name, disguise in OBFUSCATIONS.items():
        table[name] = {
            "unsafe flagged": rate([disguise(text) for text in unsafe]),
            "harmless flagged": rate([disguise(text) for text in harmless]),
        }
    prefixes = [long_cover(harmless, 90, rng) for _ in unsafe]
    table["after 90 harmless words"] = {
        "unsafe flagged": rate([f"{cover}. {text}" for cover, text in zip(prefixes, unsafe, strict=True)]),
        "harmless flagged": rate(prefixes),
    }
    return table


def _speed(classifier: PromptClassifier) -> dict[str, float]:
    """Median CPU milliseconds of one core for a short, a 512-word and a 100 kB prompt."""
    words = [
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
    texts = {
        "17 words": " ".join(words),
        "512 words": " ".join((words * 31)[:512]),
        "100 kB": " ".join(words * 1150),
    }
    table = {}
    for name, text in texts.items():
        spent = []
        for _ in range(7):
            start = time.process_time()
            classifier.score(text)
            spent.append((time.process_time() - start) * 1000)
        table[name] = float(np.median(spent))
    return table


def to_markdown(result: Mapping[str, Any]) -> str:
    """Write the tables."""
    lines = [f"Model `{result['model']}`. Recall and false-positive rates in percent."]
    for heading in (
        "against the pool",
        "against the pool and user prompts",
        "against its own harmless rows",
        "categories",
    ):
        if not result[heading]:
            continue
        lines += ["", f"### {heading.capitalize()}", ""]
        lines += ["| set | unsafe | harmless | AUROC | recall at 1 % FPR | at 0.3 % | FPR at 95 % recall |"]
        lines += ["|---|--:|--:|--:|--:|--:|--:|"]
        lines += [
            f"| {name} | {row['unsafe']} | {row['harmless']} | {row['auroc']:.3f} | {row['recall_at_1']:.1%} | "
            f"{row['recall_at_0.3']:.1%} | {row['fpr_at_95']:.1%} |"
            for name, row in result[heading].items()
        ]
    lines += [
        "",
        f"### Flagged at {result['score_at_1_percent']:.3f}, the score that 1 % of the pool reaches",
        "",
    ]
    lines += ["| set | harmless flagged | unsafe flagged |", "|---|--:|--:|"]
    lines += [
        f"| {name} | {_rate(row['harmless'])} | {_rate(row['unsafe'])} |"
        for name, row in result["flagged"].items()
    ]
    lines += [
        "",
        "### Disguised (same score)",
        "",
        "| how | unsafe flagged | harmless flagged |",
        "|---|--:|--:|",
    ]
    lines += [
        f"| {name} | {row['unsafe flagged']:.1%} | {row['harmless flagged']:.1%} |"
        for name, row in result["evasion"].items()
    ]
    speed = ", ".join(f"{name} {spent:.1f}" for name, spent in result["cpu_ms"].items())
    return "\n".join([*lines, "", f"CPU milliseconds, one core, median: {speed}.", ""])


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def run(data: Path, classifier: PromptClassifier, out: Path, *, everything: bool = False) -> dict[str, Any]:
    """Score the sets of `data`, write the three files to `out`, return the content of the JSON one.

    Raises:
        TrainingDataInvalid: nothing to read, or a bad row.

    """
    wanted = REPORT_ONLY | HELD_FOR_CHOICES | set(LONG_PROMPTS)
    sets = {}
    for name, path in data_files(data).items():
        if everything or name in wanted:
            sets[name] = score_rows(classifier, load_rows(path))
            _LOG.info("scored %s: %d rows", name, len(sets[name].rows))
    result = evaluate(sets, classifier)
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (out / "evaluation.md").write_text(to_markdown(result), encoding="utf-8")
    pool = np.concatenate([sets[name].unsafe for name in POOL if name in sets])
    plot({name: scored.part(is_unsafe) for name, scored in sets.items()}, pool, out / "evaluation.png")
    if (out / "training.json").exists():
        write_card(out)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when the tables were written."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.training.evaluate_prompt", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--model", default="ngram", help="name of the prompt classifier")
    parser.add_argument(
        "--model-dir", type=Path, help="folder with its weights, when not those in the package"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation"), help="folder for the tables and curves"
    )
    parser.add_argument("--all", action="store_true", help="score training sets too")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = {"model_dir": chosen.model_dir} if chosen.model_dir else {}
    result = run(
        chosen.data, create_prompt_classifier(chosen.model, **options), chosen.out, everything=chosen.all
    )
    _LOG.info("%s", to_markdown(result))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

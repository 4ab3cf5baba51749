"""Measure the lists of names: what they find in harmless prompts, and in prompts that name something.

    python -m classifiers.training.evaluate_names --data DIR [--out DIR] [--examples]

A hit in a harmless prompt is not always an error: captions and test prompts do name brands and artists. `--examples`
prints the hits, to be read. Artists are held out by leaving every second one off the list.
"""

import argparse
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from classifiers.model_files import load_model_files, model_folder
from classifiers.prompt_names import FILES, UNLISTED, NameClassifier, create_prompt
from classifiers.training.dataset import Row, data_files, load_rows
from classifiers.training.evaluation_evasion import DISGUISES

_LOG = logging.getLogger("classifiers.training.evaluate_names")

CATEGORIES: Final = ("trademark", "public_figure", "artist_style", "political")
_HARMLESS: Final = (
    "coco_captions_test",
    "coco_captions_train",
    "t2i_compbench",
    "parti",
    "drawbench",
    "pickapic_test",
    "coco_cn",
)
_NAMING: Final = (
    ("overt_unsafe", "trademark"),
    ("overt_unsafe", "public_figure"),
    ("ailuminate_en", "trademark"),
    ("artist_style", "artist_style"),
)
_MOST: Final = 3000


def rates(classifier: NameClassifier, texts: Sequence[str]) -> dict[str, float]:
    """Give the share of `texts` with a hit, for each category."""
    found = Counter(name for text in texts for name in classifier.score(text).found)
    return {name: found[name] / len(texts) for name in CATEGORIES}


def without_every_second_artist(files: Mapping[str, bytes]) -> tuple[NameClassifier, frozenset[str]]:
    """Give a classifier with half of the artists, and the names left out."""
    lines = files["artists.txt"].decode("utf-8").splitlines()
    names = [line for line in lines if not line.startswith("#")]
    kept = "\n".join(names[::2]).encode()
    return NameClassifier({**files, "artists.txt": kept}), frozenset(name.lstrip("?") for name in names[1::2])


def measure(data: Path, *, examples: bool = False) -> list[str]:
    """Give the lines of the Markdown tables."""
    classifier = create_prompt()
    files = data_files(data)
    rows = {
        name: load_rows(files[name]) for name in {*_HARMLESS, *(name for name, _ in _NAMING)} if name in files
    }
    lines = [
        "| harmless set | rows | " + " | ".join(CATEGORIES) + " |",
        "|---|--:|" + "--:|" * len(CATEGORIES),
    ]
    for name in _HARMLESS:
        if name in rows:
            texts = [row.text for row in rows[name][:_MOST]]
            found = rates(classifier, texts)
            lines.append(
                f"| {name} | {len(texts)} | " + " | ".join(f"{found[c]:.2%}" for c in CATEGORIES) + " |"
            )
            if examples:
                _show(name, classifier, texts)
    lines += ["", "| prompts that name something | rows | found |", "|---|--:|--:|"]
    for name, category in _NAMING:
        texts = [row.text for row in rows.get(name, ()) if category in row.labels][:_MOST]
        if texts:
            lines.append(f"| {name}, {category} | {len(texts)} | {rates(classifier, texts)[category]:.1%} |")
    lines += _disguised(classifier)
    if "artist_style" in rows:
        lines += _held_out(rows["artist_style"])
    text = "a watercolor painting of an old lighthouse by the sea at sunset with soft light and birds"
    lines += [
        "",
        f"CPU milliseconds, median: 17 words {_ms(classifier, text):.2f}, 512 words {_ms(classifier, text * 30):.2f}.",
    ]
    return lines


def _held_out(rows: Sequence[Row]) -> list[str]:
    half, left_out = without_every_second_artist(load_model_files(model_folder("names"), FILES))
    texts = [row.text for row in rows if row.meta.get("artist") in left_out][:_MOST]
    small = [text.lower() for text in texts]
    return [
        f"| artists left off the list | {len(texts)} | {rates(half, texts)['artist_style']:.1%} |",
        f"| the same in lower case | {len(texts)} | {rates(half, small)['artist_style']:.1%} |",
    ]


def _disguised(classifier: NameClassifier) -> list[str]:
    """Ask for well-known names, plain and disguised: these sentences are made here."""
    names = {
        "trademark": ("the Nike logo", "a Mickey Mouse doll", "Pikachu", "a Louis Vuitton bag", "可口可乐罐"),
        "public_figure": ("Taylor Swift", "Elon Musk", "Leonardo DiCaprio", "马斯克", "Cristiano Ronaldo"),
        "political": ("Donald Trump", "Vladimir Putin", "a campaign rally", "特朗普", "Angela Merkel"),
    }
    asked = [(f"{name} on a beach at sunset", category) for category, of in names.items() for name in of]
    lines = []
    disguises: Mapping[str, Callable[[str], str]] = {"plain": str, **DISGUISES}
    for how, change in disguises.items():
        hit = np.mean([classifier.score(change(text)).categories[category] > 0 for text, category in asked])
        lines.append(f"| {len(asked)} well-known names, {how} | {len(asked)} | {hit:.0%} |")
    return lines


def _show(name: str, classifier: NameClassifier, texts: Sequence[str]) -> None:
    for text in texts:
        for category, names in classifier.score(text).found.items():
            _LOG.info(
                "%s\t%s\t%s\t%s", name, category, "" if UNLISTED in names else ", ".join(names), text[:110]
            )


def _ms(classifier: NameClassifier, text: str) -> float:
    spent = []
    for _ in range(15):
        start = time.process_time()
        classifier.score(text)
        spent.append((time.process_time() - start) * 1000)
    return float(np.median(spent))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when the tables were printed."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.training.evaluate_names", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--out", type=Path, help="folder of the lists: write measured.md and card.md there")
    parser.add_argument("--examples", action="store_true", help="print every hit in a harmless prompt")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    table = "\n".join(measure(chosen.data, examples=chosen.examples)) + "\n"
    _LOG.info("%s", table)
    if chosen.out:
        from classifiers.training.name_lists import write_card  # noqa: PLC0415 - it reads the card's neighbours

        (chosen.out / "measured.md").write_text(table, encoding="utf-8")
        write_card(chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Write the card that lies beside the weights.

Owns `card.md`: what the model is, which data with which licence it was trained on, what it reaches, what it
cannot do, and the SHA-256 of its files. The trainer writes it; the evaluation writes it again with its figures. The
prose is `cards/<model>.md`, the rest comes from `training.json` and `evaluation.md`.
"""

import json
from importlib import resources
from pathlib import Path
from typing import Any


def write_card(folder: Path) -> None:
    """(Re)write `folder/card.md` from the files in `folder`."""
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    evaluated = folder / "evaluation.md"
    name = training.get("model", "ngram")
    template = (resources.files("classifiers.training") / "cards" / f"{name}.md").read_text(encoding="utf-8")
    text = template.format(
        sha256=_digests(training["sha256"]),
        size=f"{training['bytes'] / 1e6:.1f} MB",
        rows=training["rows"],
        own=training["own_sentences"],
        settings=", ".join(f"{name} {value}" for name, value in training["settings"].items()),
        sources=_sources(training["sources"]),
        thresholds=_thresholds(training["thresholds_at_false_positive_rate"]),
        unseen=_unseen(training["unseen_sources"]),
        evaluation=evaluated.read_text(encoding="utf-8") if evaluated.exists() else "Not evaluated yet.",
    )
    (folder / "card.md").write_text(text, encoding="utf-8")


def _digests(of: str | dict[str, str]) -> str:
    if isinstance(of, str):
        return of
    return "\n".join(f"- {name}: SHA-256 `{digest}`" for name, digest in of.items())


def _sources(counts: dict[str, int]) -> str:
    licences = json.loads(
        (resources.files("classifiers.training") / "cards" / "sources.json").read_text(encoding="utf-8")
    )
    lines = ["| source | rows | licence | from |", "|---|--:|---|---|"]
    for name, count in counts.items():
        entry = licences.get(name, {"licence": "yours", "from": "your own folder"})
        lines.append(f"| {name} | {count} | {entry['licence']} | {entry['from']} |")
    return "\n".join(lines)


def _unseen(table: dict[str, dict[str, float]]) -> str:
    lines = ["| source | AUROC | recall at 1 % FPR |", "|---|--:|--:|"]
    lines += [f"| {name} | {row['auroc']:.3f} | {row['recall_at_1']:.1%} |" for name, row in table.items()]
    return "\n".join(lines)


def _thresholds(table: dict[str, dict[str, Any]]) -> str:
    rates = list(next(iter(table.values())))
    lines = ["| score | " + " | ".join(rates) + " |", "|---|" + "--:|" * len(rates)]
    lines += [
        f"| {name} | " + " | ".join(f"{row[rate]:.3f}" for rate in rates) + " |"
        for name, row in table.items()
    ]
    return "\n".join(lines)

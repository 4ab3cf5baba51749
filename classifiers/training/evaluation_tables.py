"""The tables of an evaluation as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from classifiers.training.evaluation import categories_without_curves

_RANKING = "| {} | unsafe | harmless | AUROC | recall at 1 % FPR | at 0.3 % | FPR at 95 % recall |"


def to_markdown(result: Mapping[str, Any]) -> str:
    """Write what `measure` gave, and `model` and `cpu_ms` where they are there."""
    trained = set(result["trained_on"])
    pool = ", ".join(f"{name} {rows}" for name, rows in result["pool"].items())
    thresholds = ", ".join(f"{rate}: {value:.4f}" for rate, value in result["thresholds"].items())
    model = result.get("model", "candidate")
    intro = (
        f"Model `{model}`. Pool of harmless prompts: {pool}. Scores that a share of the pool reaches: "
        f"{thresholds}. Sets marked * were trained on; the others were not."
    )
    lines = [intro]
    lines += _rankings("Unsafe sources against the pool", "source", result["sources"], trained)
    for group, row in result["macro"].items():
        lines.append(_ranking_row(f"**mean of {group}**", row))
    lines += [""] + [
        f"Mean of {group}: {', '.join(_mark(name, trained) for name in row['of'])}."
        for group, row in result["macro"].items()
    ]
    lines += _rankings("Means against each part of the pool", "mean", result["pool_parts"], ())
    lines += _flagged(result["flagged"], trained)
    for key, title in (("disguised", "Disguised"), ("hidden", "Hidden among harmless words")):
        lines += _evasion(title, result.get(key, {}))
    lines += _rankings("Harmful against harmless rows of the same set", "set", result["identity"], trained)
    lines += _chinese(result["chinese"], trained)
    categories = categories_without_curves(result["categories"])
    lines += _rankings(
        "Categories, by their own score against the pool", "category (set)", categories, trained
    )
    if "cpu_ms" in result:
        speed = ", ".join(f"{name} {spent:.1f}" for name, spent in result["cpu_ms"].items())
        lines += ["", f"CPU milliseconds of one core, median: {speed}."]
    return "\n".join([*lines, ""])


def _mark(name: str, trained: Sequence[str] | set[str]) -> str:
    inside = name.rpartition("(")[2].rstrip(")").split(",")[0].split(" against ")[0]
    return f"{name} *" if inside in trained else name


def _rankings(
    title: str, first: str, rows: Mapping[str, Any], trained: Sequence[str] | set[str]
) -> list[str]:
    if not rows:
        return []
    lines = ["", f"### {title}", "", _RANKING.format(first), "|---|" + "--:|" * 6]
    return lines + [_ranking_row(_mark(name, trained), row) for name, row in rows.items()]


def _ranking_row(name: str, row: Mapping[str, float]) -> str:
    return (
        f"| {name} | {row['unsafe']} | {row['harmless']} | {row['auroc']:.3f} | {row['recall_at_1']:.1%} | "
        f"{row['recall_at_0.3']:.1%} | {row['fpr_at_95']:.1%} |"
    )


def _flagged(table: Mapping[str, Any], trained: set[str]) -> list[str]:
    lines = ["", "### Flagged at the scores that 1 % and 0.3 % of the pool reach", ""]
    lines += [
        "| set | harmless rows | at 1 % | at 0.3 % | unsafe rows | at 1 % | at 0.3 % |",
        "|---|" + "--:|" * 6,
    ]
    for name, row in table.items():
        cells = []
        for kind in ("harmless", "unsafe"):
            found = row.get(kind)
            cells += (
                [str(found["rows"]), f"{found['at_1']:.1%}", f"{found['at_0.3']:.1%}"] if found else ["-"] * 3
            )
        lines.append(f"| {_mark(name, trained)} | {' | '.join(cells)} |")
    return lines


def _evasion(title: str, table: Mapping[str, Any]) -> list[str]:
    if not table:
        return []
    lines = ["", f"### {title} (at the score that 1 % of the plain pool reaches)", ""]
    lines += [
        "| how | unsafe flagged | points lost | harmless flagged | points added |",
        "|---|" + "--:|" * 4,
    ]
    return lines + [
        f"| {how} | {row['unsafe']:.1%} | {row['recall_lost'] * 100:.1f} | {row['harmless']:.1%} | "
        f"{row['fpr_added'] * 100:.1f} |"
        for how, row in table.items()
    ]


def _chinese(table: Mapping[str, Any], trained: set[str]) -> list[str]:
    captions = {name: row for name, row in table.items() if "recall_at_1" in row}
    comments = {name: row for name, row in table.items() if "accuracy_at_half" in row}
    lines = _rankings("Chinese prompts against Chinese captions", "set", captions, trained)
    if comments:
        lines += ["", "### Chinese comments, offensive or not", ""]
        lines += ["| score | AUROC | accuracy at .5 | at the best threshold |", "|---|" + "--:|" * 3]
        lines += [
            f"| {_mark(name, trained)} | {row['auroc']:.3f} | {row['accuracy_at_half']:.1%} | "
            f"{row['best_accuracy']:.1%} |"
            for name, row in comments.items()
        ]
    return lines

"""Everything that is measured about a prompt classifier, from a function that scores texts.

    sets = load_sets(folder)
    result = measure(sets, score_many, trained_on={"overt_unsafe"})

`score_many` takes texts and gives float32 (n,) `unsafe`, or (n, 18): `unsafe` and then `CATEGORIES`. Nothing here
knows a model, so a candidate is measured during training in the same way as a plug-in. Every threshold comes from
the pool of harmless image prompts: the score that 1 % (0.3 %) of it reaches.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import numpy as np

from classifiers.scores import CATEGORIES
from classifiers.training.dataset import Row
from classifiers.training.evaluation_evasion import Scorer, disguised, hidden
from classifiers.training.evaluation_metrics import (
    Array,
    accuracy,
    best_accuracy,
    curves,
    macro,
    ranking,
    share_flagged,
    threshold_at,
)
from classifiers.training.evaluation_sets import (
    COMMENTS_CHINESE,
    FEWEST,
    HARMLESS_CHINESE,
    IDENTITY,
    IMAGE_UNSAFE,
    Sets,
    harmless_of,
    is_harmless,
    is_unsafe,
    pool_of,
    unsafe_of,
)

_DISGUISED_UNSAFE: Final = 400
_DISGUISED_HARMLESS: Final = 1000
_HALF: Final = 0.5
"""The threshold at which a calibrated category score is cut for an accuracy."""


class _Scored:
    """The scores of every text of the sets, each computed once."""

    def __init__(self, score_many: Scorer, sets: Sets) -> None:
        texts = list(dict.fromkeys(row.text for rows in sets.values() for row in rows))
        found = np.asarray(score_many(texts), np.float32)
        self._scores = found.reshape(len(texts), -1)
        self._at = {text: index for index, text in enumerate(texts)}

    @property
    def has_categories(self) -> bool:
        return self._scores.shape[1] > 1

    def __call__(self, rows: Sequence[Row], head: str = "unsafe") -> Array:
        column = 0 if head == "unsafe" else 1 + CATEGORIES.index(head)
        return self._scores[[self._at[row.text] for row in rows], column]


def measure(
    sets: Sets, score_many: Scorer, trained_on: Collection[str] = (), seed: int = 11
) -> dict[str, Any]:
    """Compute every table and curve; `to_markdown` prints them.

    Args:
        sets: rows by set name, as `load_sets` gives them.
        score_many: see the module docstring.
        trained_on: sets that the model has seen; their rows are marked.
        seed: of the samples that are disguised.

    Raises:
        TrainingDataInvalid: too few harmless rows to compare with.

    """
    score = _Scored(score_many, sets)

    def unsafe_only(texts: Sequence[str]) -> Array:
        return np.asarray(score_many(texts), np.float32).reshape(len(texts), -1)[:, 0]

    parts = {name: score(rows) for name, rows in pool_of(sets).items()}
    pool = np.concatenate(list(parts.values()))
    at_one, at_third = threshold_at(pool, 0.01), threshold_at(pool, 0.003)
    unsafe = {name: score(rows) for name, rows in unsafe_of(sets).items()}
    groups = _groups(sets, list(unsafe), trained_on)
    ranked = {name: ranking(scores, pool) for name, scores in unsafe.items()}
    result: dict[str, Any] = {
        "pool": {name: len(scores) for name, scores in parts.items()},
        "trained_on": sorted(set(trained_on) & set(sets)),
        "thresholds": {"1 %": at_one, "0.3 %": at_third},
        "sources": ranked,
        "macro": {
            group: macro([ranked[name] for name in names]) | {"of": names} for group, names in groups.items()
        },
        "pool_parts": {
            f"{group} against {part}": macro([ranking(unsafe[name], scores) for name in names])
            for group, names in groups.items()
            for part, scores in parts.items()
            if len(scores) >= FEWEST
        },
        "flagged": _flagged(sets, score, (at_one, at_third)),
        "identity": _identity(sets, score),
        "chinese": _chinese(sets, score),
        "categories": _categories(sets, score) if score.has_categories else {},
        "curves": {name: curves(scores, pool) for name, scores in unsafe.items()},
    }
    attacked = _attacked(sets, list(unsafe), seed)
    harmless = [row.text for rows in pool_of(sets).values() for row in rows]
    harmless = random.Random(seed).sample(harmless, min(_DISGUISED_HARMLESS, len(harmless)))  # noqa: S311 - a fixed sample
    if attacked:
        result["disguised"] = disguised(unsafe_only, attacked, harmless, at_one)
        result["hidden"] = hidden(unsafe_only, attacked, harmless, at_one)
    return result


def _groups(sets: Sets, names: Sequence[str], trained_on: Collection[str]) -> dict[str, list[str]]:
    """Name the sources that are averaged: those that ask for pictures, and the English ones never trained on."""
    unseen = [
        name
        for name in names
        if name not in trained_on
        and sets[name][0].lang == "en"
        and not any(row.weak for row in sets[name][:1])
    ]
    groups = {
        "image prompts": [name for name in IMAGE_UNSAFE if name in names],
        "English, not trained on": unseen,
    }
    return {group: of for group, of in groups.items() if of}


def _attacked(sets: Sets, names: Sequence[str], seed: int) -> list[str]:
    """Sample the unsafe prompts that are disguised and hidden, the same number of each source."""
    chosen = [name for name in (*IMAGE_UNSAFE, "xstest") if name in names] or [
        name for name in names if sets[name][0].lang == "en"
    ]
    rng = random.Random(seed)  # noqa: S311 - a fixed sample
    texts = []
    for name in chosen:
        rows = [row.text for row in sets[name] if is_unsafe(row)]
        texts += rng.sample(rows, min(_DISGUISED_UNSAFE // len(chosen), len(rows)))
    return texts


def _flagged(sets: Sets, score: _Scored, thresholds: tuple[float, float]) -> dict[str, Any]:
    """Give the share of the harmless and of the unsafe rows of each set at or over each pool threshold."""
    table: dict[str, Any] = {}
    for kind, rows_of in (("harmless", harmless_of(sets)), ("unsafe", unsafe_of(sets))):
        for name, rows in rows_of.items():
            scores = score(rows)
            shares = [share_flagged(scores, threshold) for threshold in thresholds]
            table.setdefault(name, {})[kind] = {"rows": len(rows), "at_1": shares[0], "at_0.3": shares[1]}
    return dict(sorted(table.items()))


def _identity(sets: Sets, score: _Scored) -> dict[str, Any]:
    """Rank the harmful against the harmless rows of sets where both speak of the same groups."""
    table = {}
    for name in IDENTITY:
        harmful = [row for row in sets.get(name, ()) if is_unsafe(row)]
        harmless = [row for row in sets.get(name, ()) if is_harmless(row)]
        if min(len(harmful), len(harmless)) < FEWEST:
            continue
        table[name] = ranking(score(harmful), score(harmless))
        if score.has_categories and name != "xstest":
            table[f"{name}, by the hate score"] = ranking(score(harmful, "hate"), score(harmless, "hate"))
    return table


def _chinese(sets: Sets, score: _Scored) -> dict[str, Any]:
    """Rank Chinese unsafe prompts against Chinese captions; accuracy on Chinese comments."""
    table: dict[str, Any] = {}
    captions = sets.get(HARMLESS_CHINESE, ())
    for name, rows in unsafe_of(sets).items():
        if len(captions) >= FEWEST and rows[0].lang == "zh" and not name.startswith("cold"):
            table[f"{name} against {HARMLESS_CHINESE}"] = ranking(score(rows), score(captions))
    comments = sets.get(COMMENTS_CHINESE, ())
    harmful = [row for row in comments if is_unsafe(row)]
    harmless = [row for row in comments if is_harmless(row)]
    if min(len(harmful), len(harmless)) >= FEWEST:
        for head in ("hate", "unsafe") if score.has_categories else ("unsafe",):
            yes, no = score(harmful, head), score(harmless, head)
            table[f"{COMMENTS_CHINESE}, {head} score"] = {
                "auroc": ranking(yes, no)["auroc"],
                "accuracy_at_half": accuracy(yes, no, _HALF),
                "best_accuracy": best_accuracy(yes, no),
            }
    return table


def _categories(sets: Sets, score: _Scored) -> dict[str, Any]:
    """Rank the rows labelled with a category against the pool by that category's score, and draw its curves."""
    harmless = [row for rows in pool_of(sets).values() for row in rows]
    table: dict[str, Any] = {}
    for category in CATEGORIES:
        against = score(harmless, category)
        together: list[Row] = []
        for name, rows in sets.items():
            labelled = [row for row in rows if category in row.labels]
            if len(labelled) >= FEWEST:
                together += labelled
                table.setdefault(category, {})[name] = ranking(score(labelled, category), against)
        if together:
            table[category]["curves"] = curves(score(together, category), against)
    return table


def categories_without_curves(table: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Give {"category (set)": figures} of the table of `measure`."""
    return {
        f"{category} ({name})": figures
        for category, by_set in table.items()
        for name, figures in by_set.items()
        if name != "curves"
    }

"""Several opinions on one text or one picture become one.

Rules:

- a category's score is the maximum, or, where asked for, the mean of the calibrated scores of the classifiers
  that know it (`Scores.knows`). What nobody knows is not among what the result knows;
- scores that rest on text read in a picture (`evidence`) answer another question than those of its pixels: they
  join by maximum always, so that a harmless caption does not halve what the pixels show;
- a text is unread only where every judge of that ("unread" in `knows`) cannot read it: the least of their shares.
  Without such a judge the largest share that any classifier reports.

The mean is the plain one. Of calibrated scores it is less extreme than its parts deserve (Ranjan and Gneiting,
2010), so thresholds chosen for the maximum refuse less under the mean: choose them again.
"""

from collections.abc import Sequence
from typing import Literal

from classifiers.scores import CATEGORIES, Scores

Combination = Literal["max", "mean"]

_UNREAD = "unread"


def combine_scores(opinions: Sequence[Scores], how: Combination = "max") -> Scores:
    """Combine `opinions`, one at least; one alone is returned as it is."""
    if len(opinions) == 1:
        return opinions[0]
    found: dict[str, tuple[str, ...]] = {}
    for one in opinions:
        for name, words in one.found.items():
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), *words)))
    join = _highest if how == "max" else _mean
    return Scores(
        unsafe=join("unsafe", [one.unsafe for one in opinions], opinions),
        categories={
            name: join(name, [one.categories[name] for one in opinions], opinions) for name in CATEGORIES
        },
        model="+".join(one.model for one in opinions),
        evidence=tuple(text for one in opinions for text in one.evidence),
        unread=_unread(opinions),
        knows=frozenset().union(*(one.knows for one in opinions)),
        found=found,
    )


def _highest(_: str, scores: Sequence[float], __: Sequence[Scores]) -> float:
    return max(scores)


def _mean(name: str, scores: Sequence[float], opinions: Sequence[Scores]) -> float:
    known = [(score, one) for score, one in zip(scores, opinions, strict=True) if name in one.knows]
    seen = [score for score, one in known if not one.evidence]
    read = [score for score, one in known if one.evidence]
    return max([*read, *([sum(seen) / len(seen)] if seen else [])], default=0.0)


def _unread(opinions: Sequence[Scores]) -> float:
    judges = [one.unread for one in opinions if _UNREAD in one.knows]
    return min(judges) if judges else max(one.unread for one in opinions)

"""Move thresholds so that a given share of harmless requests is held up, on the evidence of people's verdicts.

For each category, and for the overall score, on its own. A false positive is a harmless request whose score reaches
the threshold. How the rate is estimated:

1. A request that was released without anyone being asked to look ("allow", "annotate") and has no verdict counts as
   harmless. One that has a verdict counts as that.
2. Of the requests under "review" and under "block" only some have a verdict. Those judged stand for all of their
   action: each weighs (requests with that action) / (judged ones). So they must be picked without regard to what they
   are, for instance in order.
3. The rate is the weighted number of false positives by that of harmless requests. Its 95 % interval is the gamma
   interval for weighted sums of Poisson counts (Fay and Feuer, Statistics in Medicine 16, 1997); where all weights are
   1 that is the exact Poisson interval, which for rates of a few percent is Clopper and Pearson's to the second digit.

What follows, in steps of .001; either move needs evidence, and what is not shown stays as it is:

4. Where the whole interval lies above the target, the threshold rises to the lowest one with a rate at the target.
5. Where a person called a request harmful that the category missed, the threshold falls to the lowest score of such a
   request at which the whole interval still lies at or under the target. It falls no further than that.

`sexual/minors` is left alone: no rate of false alarms is a reason to raise it. Labels ("annotate") are no alarms.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from classifiers.scores import CATEGORIES
from safety.decision import ACTIONS, Action
from safety.errors import FeedbackInvalid, TooFewVerdicts
from safety.feedback import Case
from safety.policy import NAME, Band, CategoryRule, Policy

CONFIDENCE: Final = 0.95
STEPS: Final = 1000
EXEMPT: Final = frozenset({"sexual/minors"})
TunedAction = Literal["review", "block"]
_ASKED: Final[tuple[Action, ...]] = ("review", "block")
"""Actions whose requests somebody should have looked at; without a verdict nothing is known of them."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A false-positive rate with the ends of its 95 % interval."""

    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class TunedRule:
    """One category before and after. `harmful` requests were judged so in this category; `caught_*` reach it."""

    name: str
    before: float
    after: float
    rate_before: Rate
    rate_after: Rate
    harmful: int
    caught_before: int
    caught_after: int


@dataclass(frozen=True, slots=True)
class Tuning:
    """The outcome; `policy` is under its new name, and decides as before where no rule changed."""

    policy: Policy
    rules: tuple[TunedRule, ...]
    harmless: float
    verdicts: int

    @property
    def changed(self) -> bool:
        """True when any threshold moved."""
        return any(rule.before != rule.after for rule in self.rules)


def tune(
    policy: Policy, cases: Sequence[Case], target: float, name: str, action: TunedAction = "review"
) -> Tuning:
    """Give `policy` with thresholds moved so that at most `target` of harmless requests get `action` or harder.

    Raises:
        FeedbackInvalid: the target is not a share, or the name is the old one.
        TooFewVerdicts: the target cannot be shown with these; says how many it takes.

    """
    if not 0 < target <= 0.5:
        raise FeedbackInvalid(
            f"target rate: got {target}, expected a share above 0 and up to 0.5, such as 0.01"
        )
    if name == policy.name:
        raise FeedbackInvalid(f"name of the new policy: got {name!r}, the old one's, expected another")
    if not re.match(NAME, name):
        raise FeedbackInvalid(
            f"name of the new policy: got {name!r}, expected up to 64 letters, digits, dots, underscores and hyphens"
        )
    weights = _weights(cases, target)
    rules = {}
    tuned: list[TunedRule] = []
    for rule_name, rule in (
        ("unsafe", policy.unsafe),
        *((one, policy.categories[one]) for one in CATEGORIES),
    ):
        if rule_name in EXEMPT or not _hard(rule, action):
            continue
        row = _tune_one(rule_name, rule, action, cases, weights, target)
        tuned.append(row)
        if row.after != row.before:
            rules[rule_name] = _moved(rule, row.after, action)
    changed = policy.model_copy(
        update={
            "name": name,
            "unsafe": rules.pop("unsafe", policy.unsafe),
            "categories": {one: rules.get(one, rule) for one, rule in policy.categories.items()},
        }
    )
    judged = sum(case.review is not None for case in cases)
    return Tuning(changed, tuple(tuned), float(weights.sum()), judged)


def gamma_interval(
    weighted: NDArray[np.float64], squares: NDArray[np.float64], heaviest: float, total: float
) -> NDArray[np.float64]:
    """Give rate, low and high end of Fay and Feuer's interval, float64 (3, n).

    Args:
        weighted: sums of the weights of the false positives, float64 (n,).
        squares: sums of their squares, float64 (n,).
        heaviest: the largest weight that any request has.
        total: sum of the weights of all harmless requests.

    """
    tail = (1 - CONFIDENCE) / 2
    some = weighted > 0
    low = np.zeros_like(weighted)
    low[some] = gammaincinv(weighted[some] ** 2 / squares[some], tail) * squares[some] / weighted[some]
    more, spread = weighted + heaviest, squares + heaviest**2
    high = gammaincinv(more**2 / spread, 1 - tail) * spread / more
    return np.stack([weighted / total, low / total, np.minimum(1, high / total)])


def _weights(cases: Sequence[Case], target: float) -> NDArray[np.float64]:
    """Give what each case counts as a harmless request, float64 (cases,): 0 where it is harmful or unknown."""
    everyone = Counter(case.action for case in cases)
    judged = Counter(case.action for case in cases if case.review)
    weights = np.zeros(len(cases))
    for place, case in enumerate(cases):
        if case.review is None:
            weights[place] = case.action not in _ASKED
        elif not case.review.harmful:
            weights[place] = everyone[case.action] / judged[case.action] if case.action in _ASKED else 1
    total = float(weights.sum())
    none_seen = float(gammaincinv(1, (1 + CONFIDENCE) / 2))  # 3.7: what zero of them seen leaves possible
    lacking = []
    if total < none_seen / target:
        lacking.append(f"{math.ceil(none_seen / target)} harmless requests in all, got {math.floor(total)}")
    for action in _ASKED:
        need = max(1, math.ceil(everyone[action] * none_seen / (target * max(total, none_seen / target))))
        if everyone[action] and judged[action] < need:
            lacking.append(
                f"verdicts on {need} of the {everyone[action]} under {action}, got {judged[action]}"
            )
    if lacking:
        raise TooFewVerdicts(
            f"a false-positive rate of {target:.2%} cannot be shown: expected at least {'; and '.join(lacking)}. "
            "Nothing was changed"
        )
    return weights


def _tune_one(
    name: str,
    rule: CategoryRule,
    action: TunedAction,
    cases: Sequence[Case],
    weights: NDArray[np.float64],
    target: float,
) -> TunedRule:
    scores = np.array([_score(case, name, rule) for case in cases])
    harmful = np.array([score for case, score in zip(cases, scores, strict=True) if _harmful_in(case, name)])
    current = after = _threshold(rule, action)
    if _rates(scores, weights, np.array([current]))[1, 0] > target:
        grid = np.arange(1, STEPS + 1) / STEPS
        enough = grid[(grid > current) & (_sums_from(grid, scores, weights) <= target * weights.sum())]
        after = float(enough[0]) if len(enough) else current
    elif any(band.action == action for band in rule.bands):
        missed = np.floor(harmful[harmful < current] * STEPS) / STEPS
        shown = missed[(missed > 0) & (_rates(scores, weights, missed)[2] <= target)]
        after = float(min(shown, default=current))
    before_after = _rates(scores, weights, np.array([current, after])).T
    return TunedRule(
        name=name,
        before=current,
        after=after,
        rate_before=Rate(*map(float, before_after[0])),
        rate_after=Rate(*map(float, before_after[1])),
        harmful=len(harmful),
        caught_before=int((harmful >= current).sum()),
        caught_after=int((harmful >= after).sum()),
    )


def _rates(
    scores: NDArray[np.float64], weights: NDArray[np.float64], thresholds: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give rate, low and high end at each threshold, float64 (3, thresholds)."""
    sums, squares = (_sums_from(thresholds, scores, values) for values in (weights, weights**2))
    return gamma_interval(sums, squares, float(weights.max()), float(weights.sum()))


def _sums_from(
    thresholds: NDArray[np.float64], scores: NDArray[np.float64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the sum of the values whose score reaches each threshold, float64 (thresholds,)."""
    order = np.argsort(scores)
    sums = np.append(np.cumsum(values[order][::-1])[::-1], 0.0)
    return np.asarray(sums[np.searchsorted(scores[order], thresholds)])


def _score(case: Case, name: str, rule: CategoryRule) -> float:
    """Give the highest score of the request at the stages where the rule counts."""
    judged = [one for one in case.judgements if one.stage in rule.stage]
    scores = (one.unsafe if name == "unsafe" else one.scores.get(name, 0.0) for one in judged)
    return max(scores, default=0.0)


def _harmful_in(case: Case, name: str) -> bool:
    review = case.review
    return review is not None and review.harmful and name in {"unsafe", review.category}


def _threshold(rule: CategoryRule, action: TunedAction) -> float:
    """Give the lowest score that leads to `action` or harder."""
    return min(band.threshold for band in _hard(rule, action))


def _hard(rule: CategoryRule, action: TunedAction) -> list[Band]:
    return [band for band in rule.bands if ACTIONS.index(band.action) >= ACTIONS.index(action)]


def _moved(rule: CategoryRule, threshold: float, action: TunedAction) -> CategoryRule:
    """Move the band of `action`; harder ones give way upwards, milder ones down; where two meet, the harder stays."""
    bands: dict[float, Action] = {}
    for band in sorted(rule.bands, key=lambda band: ACTIONS.index(band.action)):
        order = ACTIONS.index(band.action) - ACTIONS.index(action)
        at = threshold if order == 0 else (max if order > 0 else min)(band.threshold, threshold)
        bands[at] = band.action
    return CategoryRule(
        bands=tuple(Band(threshold=at, action=what) for at, what in bands.items()), stage=rule.stage
    )

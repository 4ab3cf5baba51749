"""Thresholds that follow verdicts: what is shown, what is not, and what is left alone."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from safety import Policy
from safety.audit_entry import Judgement
from safety.errors import FeedbackInvalid, TooFewVerdicts
from safety.feedback import Case, Review
from safety.tuning import Tuning, gamma_interval, tune

DEFAULT = Policy.default()


def _case(
    index: int, unsafe: float = 0.0, *, harmful: bool | None = None, stage: Any = "input", **scores: float
) -> Case:
    """Make a case as the default policy would have decided on it; `harmful` is None where nobody judged."""
    top = max(unsafe, *scores.values(), 0.0)
    action: Any = "block" if top >= 0.6 else "review" if top >= 0.3 else "allow"
    judged = Judgement(stage=stage, action=action, scores=scores)
    category = next(iter(scores), None) if harmful else None
    return Case(index, action, (judged,), None if harmful is None else Review(index, harmful, category))


def _traffic(size: int, flagged: int, *, judged: int, harmful: int = 0, **at: float) -> list[Case]:
    """`size` harmless requests that passed, then `flagged` ones of which the first `judged` have a verdict."""
    passed = [_case(index) for index in range(size)]
    held = [_case(size + n, harmful=None if n >= judged else n < harmful, **at) for n in range(flagged)]
    return passed + held


def _rule(tuning: Tuning, name: str) -> Any:
    return next(rule for rule in tuning.rules if rule.name == name)


def test_a_threshold_that_holds_up_too_many_rises_and_the_rate_falls_under_the_target() -> None:
    cases = _traffic(4000, 100, judged=100, harmful=20, hate=0.4)
    tuning = tune(DEFAULT, cases, 0.005, "stricter")
    hate = _rule(tuning, "hate")
    assert (hate.before, hate.after) == (0.3, 0.401)
    assert hate.rate_before.rate == pytest.approx(80 / 4080)
    assert hate.rate_before.low < 80 / 4080 < hate.rate_before.high
    assert hate.rate_after.high <= 0.005
    assert (hate.harmful, hate.caught_before, hate.caught_after) == (20, 20, 0)
    assert [band.threshold for band in tuning.policy.categories["hate"].bands] == [0.401, 0.6]
    assert tuning.policy.categories["sexual"] == DEFAULT.categories["sexual"]


def test_the_new_policy_has_another_name_and_version() -> None:
    tuning = tune(DEFAULT, _traffic(4000, 100, judged=100, hate=0.4), 0.005, "after-review")
    assert tuning.changed
    assert tuning.policy.version.startswith("after-review@")
    assert tuning.policy.version.partition("@")[2] != DEFAULT.version.partition("@")[2]
    with pytest.raises(FeedbackInvalid, match="the old one's"):
        tune(DEFAULT, [], 0.01, "default")


def test_a_band_that_is_overtaken_by_a_harder_one_disappears() -> None:
    tuning = tune(DEFAULT, _traffic(4000, 100, judged=100, hate=0.75), 0.005, "n")
    bands = tuning.policy.categories["hate"].bands
    assert [(band.threshold, band.action) for band in bands] == [(0.751, "block")]


def test_only_the_band_asked_for_moves_where_nothing_is_in_its_way() -> None:
    tuning = tune(DEFAULT, _traffic(4000, 100, judged=100, hate=0.75), 0.005, "n", "block")
    bands = tuning.policy.categories["hate"].bands
    assert [(band.threshold, band.action) for band in bands] == [(0.3, "review"), (0.751, "block")]


def test_unjudged_requests_under_review_are_stood_for_by_the_judged_ones() -> None:
    every = tune(DEFAULT, _traffic(4000, 100, judged=100, hate=0.4), 0.1, "n")
    some = tune(DEFAULT, _traffic(4000, 100, judged=25, hate=0.4), 0.1, "n")
    rates = [_rule(tuning, "hate").rate_before for tuning in (every, some)]
    assert rates[0].rate == pytest.approx(rates[1].rate)
    assert rates[1].high - rates[1].low > 1.5 * (rates[0].high - rates[0].low)


def test_a_threshold_is_lowered_only_to_what_a_person_called_harmful() -> None:
    passed = _traffic(4000, 0, judged=0)
    assert not tune(DEFAULT, passed, 0.01, "n").changed
    missed = _case(5000, harmful=True, hate=0.2222)
    tuning = tune(DEFAULT, [*passed, missed], 0.01, "n")
    assert (_rule(tuning, "hate").after, _rule(tuning, "sexual").after) == (0.222, 0.3)
    assert _rule(tuning, "hate").caught_after == 1
    bands = tuning.policy.categories["hate"].bands
    assert [(band.threshold, band.action) for band in bands] == [(0.222, "review"), (0.6, "block")]


def test_a_threshold_is_not_lowered_into_what_passes_every_day() -> None:
    everyday = [_case(index, hate=0.25) for index in range(4000)]
    tuning = tune(DEFAULT, [*everyday, _case(5000, harmful=True, hate=0.2)], 0.01, "n")
    assert not tuning.changed


def test_too_few_verdicts_change_nothing_and_say_how_many_it_takes() -> None:
    with pytest.raises(
        TooFewVerdicts,
        match=r"1\.00% cannot be shown: expected at least 369 harmless requests in all, got 50",
    ):
        tune(DEFAULT, _traffic(50, 0, judged=0), 0.01, "n")
    with pytest.raises(TooFewVerdicts, match="verdicts on 185 of the 1000 under review, got 20"):
        tune(DEFAULT, _traffic(1000, 1000, judged=20, hate=0.4), 0.01, "n")
    with pytest.raises(TooFewVerdicts, match="verdicts on 1 of the 5 under block, got 0"):
        tune(DEFAULT, _traffic(4000, 5, judged=0, hate=0.9), 0.01, "n")


@pytest.mark.parametrize("target", [0, -0.1, 0.6, float("nan")])
def test_a_target_that_is_no_small_share_is_refused(target: float) -> None:
    with pytest.raises(FeedbackInvalid, match="target rate"):
        tune(DEFAULT, _traffic(4000, 0, judged=0), target, "n")


def test_labels_and_minors_are_left_alone() -> None:
    cases = _traffic(4000, 500, judged=500, trademark=0.9, **{"sexual/minors": 0.9})
    tuning = tune(DEFAULT, cases, 0.001, "n")
    assert not {"trademark", "sexual/minors"} & {rule.name for rule in tuning.rules}
    assert tuning.policy.categories == DEFAULT.categories


def test_scores_at_a_stage_where_a_rule_does_not_count_are_no_false_positives(tmp_path: Any) -> None:
    path = tmp_path / "p.toml"
    path.write_text('schema_version = 1\n[categories.hate]\nstage = ["input"]\n')
    cases = [_case(index) for index in range(4000)]
    cases += [_case(index, harmful=False, stage="output", hate=0.5) for index in range(4000, 4100)]
    assert not tune(Policy.load(path), cases, 0.005, "n").changed
    assert tune(DEFAULT, cases, 0.005, "n").changed


def test_with_equal_weights_the_interval_is_the_exact_one_of_poisson() -> None:
    counts = np.array([0.0, 1.0, 7.0, 40.0])
    rate, low, high = gamma_interval(counts, counts, 1.0, 1000.0)
    assert rate == pytest.approx(counts / 1000)
    assert high == pytest.approx(stats.chi2.ppf(0.975, 2 * (counts + 1)) / 2000)
    assert low[1:] == pytest.approx(stats.chi2.ppf(0.025, 2 * counts[1:]) / 2000)
    assert low[0] == 0
    clopper = stats.binomtest(7, 1000).proportion_ci(method="exact")
    assert (low[2], high[2]) == pytest.approx((clopper.low, clopper.high), rel=0.02)


TRUE = float(stats.beta.sf(0.3, 0.6, 6))
"""Share of the simulated harmless requests that reach .3."""


def _simulated(random: np.random.Generator, size: int) -> list[Case]:
    """Harmless traffic with scores from a known distribution; everything blocked and half of the rest is judged."""
    scores, coin = random.beta(0.6, 6, size), random.random(size)
    judged = (scores >= 0.6) | ((scores >= 0.3) & (coin < 0.5))
    return [_case(i, hate=float(scores[i]), harmful=False if judged[i] else None) for i in range(size)]


def test_a_rate_at_the_target_is_rarely_taken_for_one_above() -> None:
    """Of 20 simulated logs half a one is expected to loosen the threshold without need; more than 2 are a fault."""
    random = np.random.default_rng(5)
    loosened = 0
    for _ in range(20):
        loosened += tune(DEFAULT, _simulated(random, 1000), TRUE, "n").changed
    assert loosened <= 2


def test_a_rate_above_the_target_is_brought_to_it() -> None:
    random, target = np.random.default_rng(6), TRUE / 3
    after = [_rule(tune(DEFAULT, _simulated(random, 4000), target, "n"), "hate").after for _ in range(4)]
    assert min(after) > 0.3
    assert stats.beta.sf(after, 0.6, 6).mean() == pytest.approx(target, rel=0.25)


def test_what_the_verdicts_do_not_show_stays() -> None:
    """22 of 4,022 are .55 %, with an interval from .34 to .83: over and under .5 % are both possible."""
    cases = [*_traffic(4000, 22, judged=22, hate=0.4), _case(9000, harmful=True, hate=0.25)]
    tuning = tune(DEFAULT, cases, 0.005, "n")
    assert not tuning.changed
    rate = _rule(tuning, "hate").rate_before
    assert rate.low < 0.005 < rate.rate < rate.high

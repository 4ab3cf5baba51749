"""Turn logits into probabilities.

Platt scaling (Platt 1999) with scikit-learn's logistic regression, on scores of texts whose whole source the
scoring network never saw: calibrated on its own sources an n-gram model is far too sure of itself. Two numbers
a head survive, so inference needs no scikit-learn. Isotonic regression was not taken: its steps tie scores,
which costs ranking at the low false-positive rates that matter here.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from classifiers.errors import TrainingDataInvalid
from classifiers.training.dataset import HEADS, OWN_HARMLESS, OWN_UNSAFE

PREVALENCE: Final = 0.05
"""Share of unsafe prompts that the calibration assumes. The truth differs by service; thresholds, not this
number, set the trade-off."""
_FEWEST: Final = 20
"""Positives and negatives needed to fit a head; below it the logit stays as it is."""


def platt(
    logits: NDArray[np.float32], target: NDArray[np.float32], weight: NDArray[np.float32]
) -> tuple[float, float]:
    """Fit (slope, intercept) such that sigmoid(slope * logit + intercept) is P(label) at `PREVALENCE`.

    Args:
        logits: float32 (n,).
        target: float32 (n,) in [0, 1], cut at 0.5.
        weight: float32 (n,); rows below 0.3 are left out.

    The slope is never negative: a head that ranks the wrong way on unseen sources keeps slope 0.05.

    """
    used = weight >= 0.3
    positive = target[used] > 0.5
    if positive.sum() < _FEWEST or (~positive).sum() < _FEWEST:
        return 1.0, 0.0
    balance = np.where(positive, PREVALENCE / positive.sum(), (1 - PREVALENCE) / (~positive).sum())
    model = LogisticRegression(C=1e4).fit(logits[used, None], positive, sample_weight=balance * used.sum())
    return max(float(model.coef_[0, 0]), 0.05), float(model.intercept_[0])


def thresholds(
    source: NDArray[np.object_],
    target: NDArray[np.float32],
    weight: NDArray[np.float32],
    chances: NDArray[np.float32],
) -> dict[str, dict[str, float]]:
    """Give, for each head, the score that 2, 1, 0.5, 0.3 % of harmless rows reach; our own sentences are left out.

    Args:
        source: object (rows,), names.
        target: float32 (rows, heads).
        weight: float32 (rows, heads).
        chances: float32 (rows, heads), calibrated scores of a network that saw none of these rows.

    Raises:
        TrainingDataInvalid: no row is labelled harmless.

    """
    harmless = (weight[:, 0] >= 0.4) & (target[:, 0] == 0) & (source != OWN_HARMLESS)
    harmless &= ~np.isin(source, ("davidson", "cold_zh_train", "artist_style", OWN_UNSAFE))
    if not harmless.any():
        raise TrainingDataInvalid(
            "training rows: got none labelled harmless, expected image prompts with safe: true"
        )
    rates = (0.02, 0.01, 0.005, 0.003)
    return {
        name: {
            f"{rate:.1%}": round(float(np.quantile(chances[harmless, head], 1 - rate)), 4) for rate in rates
        }
        for head, name in enumerate(HEADS)
    }

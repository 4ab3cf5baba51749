"""Figures and curves from scores: pure functions of arrays.

Scores are float32 (n,) in [0, 1], higher meaning more harmful. "Flagged" is always at or over a threshold.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_auc_score, roc_curve

from classifiers.training.calibration import PREVALENCE

Array = NDArray[np.float32]

_POINTS: Final = 200
"""Points kept of a curve in the JSON file: enough to draw it again."""
_BINS: Final = 10


def ranking(unsafe: Array, harmless: Array) -> dict[str, float]:
    """Give AUROC, recall at 1 and 0.3 % false positives, false positives at 95 % recall, and the counts."""
    truth, score = _together(unsafe, harmless)
    false_rate, recall, _ = roc_curve(truth, score)
    return {
        "unsafe": len(unsafe),
        "harmless": len(harmless),
        "auroc": float(roc_auc_score(truth, score)),
        "recall_at_1": float(recall[false_rate <= 0.01].max()),
        "recall_at_0.3": float(recall[false_rate <= 0.003].max()),
        "fpr_at_95": float(false_rate[np.argmax(recall >= 0.95)]),
    }


def macro(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """Average the figures of several rankings, each counting the same; counts are summed."""
    mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    return mean | {"unsafe": sum(row["unsafe"] for row in rows), "harmless": rows[0]["harmless"]}


def threshold_at(harmless: Array, false_rate: float) -> float:
    """Give the lowest score that at most the share `false_rate` of `harmless` reaches.

    With ties it can be far fewer: the threshold then lies just over the tied score.
    """
    ordered = np.sort(harmless)[::-1]
    allowed = int(false_rate * len(ordered))
    return float(np.nextafter(ordered[allowed], np.float32(np.inf), dtype=np.float32))


def share_flagged(scores: Array, threshold: float) -> float:
    """Give the share of `scores` at or over `threshold`."""
    return float((scores >= threshold).mean())


def accuracy(harmful: Array, harmless: Array, threshold: float) -> float:
    """Give the share of both kinds on the right side of `threshold`."""
    right = (harmful >= threshold).sum() + (harmless < threshold).sum()
    return float(right / (len(harmful) + len(harmless)))


def best_accuracy(harmful: Array, harmless: Array) -> float:
    """Give the accuracy at the threshold that suits these rows best: an upper bound, not a result."""
    truth, score = _together(harmful, harmless)
    order = np.argsort(score, kind="stable")
    below = np.concatenate([[0], np.cumsum(truth[order] == 0) - np.cumsum(truth[order] == 1)])
    ends = np.append(np.flatnonzero(np.diff(score[order]) > 0) + 1, len(score))
    return float((below[np.append(0, ends)].max() + len(harmful)) / len(score))


def curves(unsafe: Array, harmless: Array) -> dict[str, Any]:
    """Give the ROC, precision-recall and reliability curves as lists of [x, y] (reliability: [x, y, rows]).

    Reliability is weighted as if `PREVALENCE` of the rows were unsafe, which is what the calibration assumes.
    """
    truth, score = _together(unsafe, harmless)
    false_rate, recall, _ = roc_curve(truth, score)
    precision, found, _ = precision_recall_curve(truth, score)
    weight = np.where(truth > 0, PREVALENCE / len(unsafe), (1 - PREVALENCE) / len(harmless))
    place = np.clip((score * _BINS).astype(int), 0, _BINS - 1)
    filled = [place == number for number in range(_BINS) if (place == number).any()]
    return {
        "roc": _thin(false_rate, recall),
        "precision_recall": _thin(found, precision),
        "reliability": [
            [
                round(float(np.average(score[here], weights=weight[here])), 4),
                round(float(np.average(truth[here], weights=weight[here])), 4),
                int(here.sum()),
            ]
            for here in filled
        ],
    }


def _together(unsafe: Array, harmless: Array) -> tuple[Array, Array]:
    truth = np.concatenate([np.ones(len(unsafe)), np.zeros(len(harmless))])
    return truth.astype(np.float32), np.concatenate([unsafe, harmless])


def _thin(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[list[float]]:
    """Keep `_POINTS` points, evenly in x and dense where x is small (the low false-positive rates matter)."""
    wanted = np.concatenate([np.geomspace(1e-4, 1, _POINTS // 2), np.linspace(0, 1, _POINTS // 2)])
    order = np.argsort(x, kind="stable")
    kept = np.unique(np.clip(np.searchsorted(x[order], wanted, side="right") - 1, 0, len(x) - 1))
    return [[round(float(x[order][at]), 5), round(float(y[order][at]), 5)] for at in kept]

"""Curves of an evaluation as one PNG: ROC, precision-recall, calibration. Needs matplotlib; does nothing without."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve, roc_curve

_LOG = logging.getLogger(__name__)


def plot(unsafe: Mapping[str, NDArray[np.float32]], pool: NDArray[np.float32], out: Path) -> None:
    """Draw one line a set of unsafe scores, each against the harmless `pool`, into the file `out`."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - a development tool, not a dependency
    except ImportError:
        _LOG.info("matplotlib is not installed: no curves")
        return
    figure = Figure(figsize=(15, 5), layout="constrained")
    roc, precision, calibration = figure.subplots(1, 3)
    for name, scores in unsafe.items():
        if len(scores) < 20:
            continue
        truth = np.concatenate([np.ones(len(scores)), np.zeros(len(pool))])
        together = np.concatenate([scores, pool])
        false_rate, recall, _ = roc_curve(truth, together)
        roc.plot(np.maximum(false_rate, 1e-4), recall, label=name)
        exact, found, _ = precision_recall_curve(truth, together)
        precision.plot(found, exact)
        edges = np.linspace(0, 1, 11)
        place = np.clip(np.digitize(together, edges) - 1, 0, 9)
        filled = [place_of for place_of in range(10) if (place == place_of).sum() >= 10]
        calibration.plot(
            [together[place == b].mean() for b in filled],
            [truth[place == b].mean() for b in filled],
            marker=".",
        )
    roc.set(
        xscale="log",
        xlabel="false-positive rate",
        ylabel="recall",
        title="ROC (against harmless image prompts)",
    )
    precision.set(xlabel="recall", ylabel="precision", title="Precision and recall")
    calibration.set(
        xlabel="score", ylabel="share labelled unsafe", title="Calibration (the sets' own prevalence)"
    )
    roc.legend(fontsize=7)
    figure.savefig(out, dpi=110)

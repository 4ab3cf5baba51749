"""Curves of an evaluation as PNG: ROC, precision-recall, reliability. Needs matplotlib; does nothing without."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)


def plot(curves: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """Draw one line a name of `curves` (as `evaluation_metrics.curves` gives them) into the file `out`."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - a development tool, not a dependency
    except ImportError:
        _LOG.info("matplotlib is not installed: no curves")
        return
    figure = Figure(figsize=(16, 5.5), layout="constrained")
    roc, precision, reliability = figure.subplots(1, 3)
    for number, (name, lines) in enumerate(curves.items()):
        style = {"color": f"C{number % 10}", "linestyle": ("-", "--", ":")[number // 10 % 3]}
        roc.plot(*_columns([[max(x, 1e-4), y] for x, y in lines["roc"]]), label=name, **style)
        precision.plot(*_columns(lines["precision_recall"]), **style)
        bins = [[x, y] for x, y, rows in lines["reliability"] if rows >= 10]
        reliability.plot(*_columns(bins), marker=".", **style)
    reliability.plot([0, 1], [0, 1], color="grey", linewidth=0.7)
    roc.set(
        xscale="log", xlabel="false-positive rate", ylabel="recall", title="ROC (against the harmless pool)"
    )
    precision.set(xlabel="recall", ylabel="precision", title="Precision and recall (the sets' own shares)")
    reliability.set(xlabel="score", ylabel="share labelled", title="Reliability (at 5 % unsafe)")
    roc.legend(fontsize=6)
    figure.savefig(out, dpi=100)


def _columns(points: list[list[float]]) -> tuple[list[float], list[float]]:
    return [point[0] for point in points], [point[1] for point in points]

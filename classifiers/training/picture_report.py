"""Measure an image classifier and write its card.

Owns the figures (accuracy, recall of each class, confusion, temperature) and `card.md`, which holds them beside the
SHA-256 that `image_resnet` checks when it loads the model.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

_WIDEST: Final = 3.0
"""Temperatures from exp(-3) to exp(3) are tried."""


def measure(logits: NDArray[np.float32], truth: NDArray[np.int64], classes: Sequence[str]) -> dict[str, Any]:
    """Give accuracy, recall by class and the confusion matrix (rows: truth) of logits float32 (n, classes)."""
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (truth, logits.argmax(axis=1)), 1)
    return {
        "pictures": len(truth),
        "accuracy": float(np.diag(confusion).sum() / len(truth)),
        "recall": {
            name: float(confusion[at, at] / confusion[at].sum()) if confusion[at].any() else None
            for at, name in enumerate(classes)
        },
        "confusion": confusion.tolist(),
    }


def fit_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Give the temperature T that makes softmax(logits / T) most likely (Guo et al. 2017, arXiv 1706.04599).

    The targets are smoothed as Platt's are, by one picture of each class beyond those that were seen: where all
    validation pictures are classified right, the plain optimum is T = 0, a certainty that n pictures cannot give.
    """
    count, classes = logits.shape
    target = (np.eye(classes)[truth] * count + 1) / (count + classes)
    raw = logits.astype(np.float64)

    def loss(log_temperature: float) -> float:
        scaled = raw / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - (target * scaled).sum(axis=1)))

    return float(np.exp(minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded").x))


def card(figures: Mapping[str, Any]) -> str:
    """Write `card.md` from what `train_pictures.run` measured."""
    classes = figures["classes"]
    settings = ", ".join(f"{name} {value}" for name, value in figures["settings"].items())
    feeds = "\n".join(f"| {name} | {', '.join(to) or 'none'} |" for name, to in figures["feeds"].items())
    counts = "\n".join(
        f"| {name} | " + " | ".join(str(part.get(name, 0)) for part in figures["pictures"].values()) + " |"
        for name in classes
    )
    parts = list(figures["pictures"])
    quality = "\n\n".join(_part(name, figures[name], classes) for name in ("val", "test") if name in figures)
    int8 = figures["int8"]
    verdict = (
        "int8: the quantised model is the one that is served"
        if int8["kept"]
        else "fp32: the quantised model lost more than half a point and was thrown away"
    )
    return f"""# Model card: {figures["name"]}

An image classifier trained by `python -m classifiers.training.train_pictures` on one user's labelled folders.

- model.onnx: {figures["bytes"] / 1e6:.1f} MB, SHA-256 `{figures["sha256"]["model.onnx"]}` (checked at load)
- model.json: SHA-256 `{figures["sha256"]["model.json"]}` (checked at load)
- served as {verdict} (validation accuracy fp32 {int8["fp32"]:.2%}, int8 {int8["int8"]:.2%}; gate: at most 0.5
  points lower)
- CPU time of one forward pass, one thread, on the machine that trained: fp32 {int8["fp32_ms"]:.1f} ms, int8
  {int8["int8_ms"]:.1f} ms
- settings: {settings}
- best epoch {figures["best_epoch"]} of {figures["epochs"]}; temperature {figures["temperature"]:.3f}, fitted on the
  validation pictures

## Privacy

{_privacy(figures["privacy"])}

## Data

| class | {" | ".join(parts)} |
|---|{"--:|" * len(parts)}
{counts}

Their source and licence: yours to write here. {figures["split"]}

## What feeds what

| class | categories |
|---|---|
{feeds}

`mapping.toml` says this to the service and may be edited; this table is how it was written.

## Figures

{quality}

## Limits

- It knows the classes of its folders and nothing else: a picture of none of them still gets one of them.
- Its probabilities are calibrated for pictures like the validation pictures, in their proportions.
- The validation pictures chose the epoch, the temperature and the gate, so their figures are a little too good; those
  of test pictures, where there are any, are not.
- The whole picture is squashed to a square of {figures["settings"]["side"]} pixels: what is smaller than a few pixels
  there is not seen.
"""


def _part(name: str, measured: Mapping[str, Any], classes: Sequence[str]) -> str:
    recalls = ", ".join(
        f"{label} {'-' if share is None else f'{share:.1%}'}" for label, share in measured["recall"].items()
    )
    rows = "\n".join(
        f"| {label} | " + " | ".join(map(str, row)) + " |"
        for label, row in zip(classes, measured["confusion"], strict=True)
    )
    title = {"val": "Validation", "test": "Test"}[name]
    return (
        f"{title}, {measured['pictures']} pictures: accuracy {measured['accuracy']:.2%}. Recall: {recalls}.\n\n"
        f"| {name}: truth / answer | {' | '.join(classes)} |\n|---|{'--:|' * len(classes)}\n{rows}"
    )


def _privacy(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return "None was asked for: the weights may reveal training pictures to whoever holds them."
    return (
        "Differentially private training (DP-SGD, opacus): "
        f"epsilon {told['epsilon']:.3f} at delta {told['delta']:g} was "
        f"spent (allowed: {told['allowed']:g}), gradients cut to norm {told['clip']:g}, neighbouring data sets differ "
        "in one training picture. Noise and sampling come from torch's generator with a seed of the operating system "
        "that was not kept, not from a cryptographic generator. Not covered: the validation pictures, which chose the "
        "epoch, the temperature and the ranges of the quantisation; the number of pictures of each class."
    )

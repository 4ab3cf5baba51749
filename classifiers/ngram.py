"""The embedded prompt classifier: hashed n-grams, one hidden layer, numpy only.

Owns inference and the weight file. Rules it keeps: no torch import (the service starts without it), no
network, no file but the one in the package; a text is scored whole, as the worst of its 40-word windows; the
weights are used only if their SHA-256 is the one in `card.md` beside them. `unread` says how much of the text
the model has never seen words of, because a low score on a language it cannot read is not an answer.

Architecture and training: `network`, `train_prompt`. Figures and limits: `models/ngram/card.md`.
"""

import hashlib
import io
import json
import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ModelUnreadable
from classifiers.features import Features, extract_features
from classifiers.minors import minors_score
from classifiers.scores import CATEGORIES, EVERYTHING, Scores, no_scores

_CARD_DIGEST: Final = re.compile(r"sha-?256[^0-9a-f]{1,20}([0-9a-f]{64})", re.IGNORECASE)
_BENEFIT_OF_DOUBT: Final = 12
"""Latin letters (two words) that may be unknown before a text counts as mostly unread: names and typos are
not a language."""


class NgramClassifier:
    """Scores prompts from a weight file written by `train_prompt`."""

    def __init__(self, weights: bytes) -> None:
        """Read `weights`, the content of an .npz file.

        Raises:
            ModelUnreadable: not such a file, or made for other heads.

        """
        try:
            with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
                meta = json.loads(arrays["meta"].tobytes().decode("utf-8"))
                self._table: NDArray[np.int8] = arrays["table"]
                self._scale: NDArray[np.float32] = arrays["scale"]
                self._dense = {
                    name: np.asarray(arrays[name], np.float32)
                    for name in ("hidden_w", "hidden_b", "out_w", "out_b", "skip_w", "skip_b")
                }
                self._slope: NDArray[np.float32] = arrays["slope"]
                self._intercept: NDArray[np.float32] = arrays["intercept"]
                self._known: NDArray[np.uint8] = arrays["known"]
        except (ValueError, KeyError, OSError, EOFError) as error:
            raise ModelUnreadable(
                f"ngram weights: got {len(weights)} bytes that cannot be read ({error}), expected an .npz of "
                "train_prompt; run `python -m classifiers.training.train_prompt`"
            ) from error
        if tuple(meta["heads"]) != ("unsafe", *CATEGORIES):
            raise ModelUnreadable(
                f"ngram weights: got heads {meta['heads']}, expected unsafe and CATEGORIES; retrain"
            )
        self.model: str = f"ngram@{meta['version']}"

    def score(self, text: str) -> Scores:
        """Score `text`; see `classifiers.scores.PromptClassifier`."""
        features = extract_features(text)
        logits = self.logits(features)
        chances = 1 / (1 + np.exp(-np.clip(self._slope * logits + self._intercept, -30, 30)))
        categories = no_scores()
        categories.update(zip(CATEGORIES, (float(chance) for chance in chances[1:]), strict=True))
        categories["sexual/minors"] = minors_score(text, categories["sexual"])
        return Scores(
            unsafe=float(chances[0]),
            categories=categories,
            model=self.model,
            unread=self._unread(features),
            knows=EVERYTHING | {"unread"},
        )

    def logits(self, features: Features) -> NDArray[np.float32]:
        """Give the uncalibrated logits, float32 (heads,): the maximum over the windows of the text."""
        if len(features.hashes) == 0:
            return np.full(len(CATEGORIES) + 1, -30, np.float32)
        rows = self._table[(features.hashes >> np.uint64(64 - self._bits())).astype(np.int64)].astype(
            np.float32
        )
        sums = np.add.reduceat(rows, features.offsets, axis=0)
        most = np.maximum.reduceat(rows, features.offsets, axis=0)
        counts = np.diff(np.append(features.offsets, len(features.hashes))).astype(np.float32)
        if len(sums) > 1:
            sums, counts = sums[:-1] + sums[1:], counts[:-1] + counts[1:]
            most = np.maximum(most[:-1], most[1:])
        pooled = np.concatenate((sums * self._scale / (counts[:, None] + 1), most * self._scale), axis=1)
        dense = self._dense
        hidden = np.maximum(pooled @ dense["hidden_w"].T + dense["hidden_b"], 0)
        logits = hidden @ dense["out_w"].T + dense["out_b"] + pooled @ dense["skip_w"].T + dense["skip_b"]
        return np.asarray(logits.max(axis=0), np.float32)

    def _bits(self) -> int:
        return len(self._table).bit_length() - 1

    def _unread(self, features: Features) -> float:
        """Give the share of letters in words of other scripts, or unknown to the training data."""
        total = float(features.letters.sum())
        if total == 0:
            return 0.0
        known = is_known(features.words, self._known) & (features.latin | features.han)
        doubt = _BENEFIT_OF_DOUBT * float(features.letters[features.latin].sum()) / total
        return float(features.letters[~known].sum()) / (total + doubt)


def is_known(words: NDArray[np.uint64], known: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Look word hashes up in a Bloom filter of two probes (Bloom 1970), packed bits in `known`."""
    found = np.ones(len(words), np.bool_)
    for probe in bloom_probes(words, len(known) * 8):
        found &= (known[probe >> 3] >> (probe & 7).astype(np.uint8)) & 1 == 1
    return found


def bloom_probes(words: NDArray[np.uint64], bits: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the two bit positions of each word hash; `bits` is a power of two."""
    low = (words & np.uint64(bits - 1)).astype(np.int64)
    high = ((words >> np.uint64(32)) & np.uint64(bits - 1)).astype(np.int64)
    return low, high


def create_prompt(model_dir: str | Path | None = None) -> NgramClassifier:
    """Load the classifier from `model_dir`, or the one in the package.

    Raises:
        ModelUnreadable: a file is missing, or the weights are not those that the card names.

    """
    folder: Traversable | Path
    folder = Path(model_dir) if model_dir else resources.files("classifiers") / "models" / "ngram"
    try:
        weights = (folder / "weights.npz").read_bytes()
        card = (folder / "card.md").read_text(encoding="utf-8")
    except OSError as error:
        raise ModelUnreadable(
            f"ngram model: got {folder} ({error}), expected weights.npz and card.md there"
        ) from error
    digest = hashlib.sha256(weights).hexdigest()
    named = _CARD_DIGEST.search(card)
    if named is None or named.group(1) != digest:
        raise ModelUnreadable(
            f"ngram model: got weights with SHA-256 {digest}, expected {named.group(1) if named else 'one'} as in "
            "card.md; restore the file or retrain"
        )
    return NgramClassifier(weights)

"""The default prompt classifier: a small multilingual transformer in int8, run by onnxruntime on one core.

Owns inference. Rules it keeps: no torch import, no network, no file but those in the package, whose SHA-256 the card
names; a text is scored whole, as the worst of its overlapping windows of `WINDOW` pieces, so that nothing hides
behind harmless words; `unread` says how much of the text is in words that no training text had, because a low score
on a language that the model does not know is not an answer.

The encoder was cut out of multilingual-e5-small and trained by `classifiers.training.train_encoder`. Figures and
limits: `models/encoder/card.md`.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from classifiers.errors import ModelUnreadable
from classifiers.installed_models import open_session
from classifiers.minors import minors_score
from classifiers.model_files import load_model_files, model_folder
from classifiers.ngram import is_known
from classifiers.normalize import normalize
from classifiers.respell import respell
from classifiers.scores import CATEGORIES, EVERYTHING, HARMS, Scores, no_scores

WINDOW: Final = 64
"""Pieces of a window, two of them special. An unsafe request behind 90 harmless words keeps its recall with windows
of about 40 words and loses it with one window over the whole text (`NOTES.md`)."""
STRIDE: Final = 52
"""Pieces from one window to the next: a request of up to 10 pieces (some 8 words) is never cut."""
_BATCH: Final = 4
"""Windows scored at once: more cost no less each, one alone a sixth more."""
START, PAD, END = 0, 1, 2
"""Pieces before a window, after the end of a shorter one in training, and after a window."""
FILES: Final = ("model.onnx", "tokenizer.json.gz", "calibration.json", "words.bloom")
KNOWN_BITS: Final = 1 << 20
"""Of the Bloom filter of known words: two probes a word set 4.6 % of them, so .2 % of strange words pass."""
_BENEFIT_OF_DOUBT: Final = 12
"""Latin letters (two words) that may be strange before a text counts as mostly unread: names and typos are no
language."""
_PER_WINDOW: Final = 1.0
"""Taken off the logits, times the logarithm of the number of windows: the worst of many harmless windows is worse
than one of them. At 1.5 nearly all of that is undone, and requests amid 90 harmless words begin to be lost; at .2 twice
as many long harmless prompts are flagged (`NOTES.md`)."""
_AT_MOST: Final = 2.0
"""A kind of harm is at most so many times as likely as harm as a whole. The heads of rare kinds are sure of
themselves where `unsafe`, trained on all kinds, is not: without this cap 20 % of XSTest's safe prompts went to
review and 67 % of its unsafe ones, with it 12 and 56 %, and 9 of 101 plain single words, with it 4."""
_KNOWS: Final = EVERYTHING | {"unread"}
WORDS: Final = re.compile(r"[^\W\d_]+")
_UNSPACED: Final = re.compile("[\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff]")
"""Kana and Han."""


def windows(pieces: list[int]) -> list[list[int]]:
    """Cut a text of piece ids into overlapping windows without their special pieces; at least one, may be empty."""
    room = WINDOW - 2
    starts = range(0, max(1, len(pieces) - room + STRIDE), STRIDE)
    return [pieces[start : start + room] for start in starts]


class EncoderClassifier:
    """Scores prompts; thread-safe (onnxruntime sessions are)."""

    def __init__(self, model: bytes, tokenizer: bytes, calibration: bytes, words: bytes) -> None:
        """Take the contents of the four files of a model folder.

        Raises:
            ModelUnreadable: one of them is not what it should be.

        """
        try:
            # The fused operator takes a fifth of the time more than the two that it stands for.
            self._session: Any = open_session(model, disabled=["SkipLayerNormFusion"])
            self._tokenizer: Any = Tokenizer.from_str(gzip.decompress(tokenizer).decode("utf-8"))
            numbers = json.loads(calibration)
            self._slope = np.array(numbers["slope"], np.float32)
            self._intercept = np.array(numbers["intercept"], np.float32)
            heads, version = tuple(numbers["heads"]), str(numbers["version"])
        except Exception as error:  # onnxruntime and tokenizers raise types of their own
            raise ModelUnreadable(
                f"encoder: got files that cannot be read ({type(error).__name__}: {error}), expected those of "
                "train_encoder; restore them or train again"
            ) from error
        self._known = np.frombuffer(words, np.uint8)
        if len(words) != KNOWN_BITS // 8:
            raise ModelUnreadable(
                f"encoder: got {len(words)} bytes of known words, expected {KNOWN_BITS // 8}"
            )
        if heads != ("unsafe", *CATEGORIES):
            raise ModelUnreadable(f"encoder: got heads {heads}, expected unsafe and CATEGORIES; train again")
        self.model: str = f"prompt_encoder@{version}"

    def score(self, text: str) -> Scores:
        """Score `text`; see `classifiers.scores.PromptClassifier`."""
        plain = normalize(text)
        normal = respell(plain, self._are_known)
        encoding = self._tokenizer.encode(normal, add_special_tokens=False)
        logits = self.logits(encoding.ids)
        chances = 1 / (1 + np.exp(-np.clip(self._slope * logits + self._intercept, -30, 30)))
        categories = no_scores()
        categories.update(zip(CATEGORIES, (float(chance) for chance in chances[1:]), strict=True))
        of_minors = minors_score(text, categories["sexual"])
        for name in HARMS:
            categories[name] = min(categories[name], _AT_MOST * float(chances[0]))
        categories["sexual/minors"] = of_minors  # a rule, not a head: no cap
        return Scores(
            unsafe=float(chances[0]),
            categories=categories,
            model=self.model,
            knows=_KNOWS,
            unread=unread_share(plain, self._known),
        )

    def _are_known(self, words: Sequence[str]) -> Sequence[bool]:
        return [bool(one) for one in is_known(word_hashes(words), self._known)]

    def logits(self, pieces: list[int]) -> NDArray[np.float32]:
        """Give the uncalibrated logits, float32 (heads,): the maximum over the windows of the text."""
        parts = windows(pieces)
        most = np.full(len(CATEGORIES) + 1, -np.inf, np.float32)
        for _, same in groupby(parts, len):  # the last window may be shorter than the others
            equal = np.array([[START, *part, END] for part in same], np.int64)
            for at in range(0, len(equal), _BATCH):
                (logits,) = self._session.run(None, {"ids": equal[at : at + _BATCH]})
                most = np.maximum(most, logits.max(axis=0))
        return np.asarray(most - _PER_WINDOW * np.log(len(parts)), np.float32)


def word_hashes(words: Iterable[str]) -> NDArray[np.uint64]:
    """Hash words for the filter of known words: the first 8 bytes of BLAKE2b (RFC 7693), uint64 (words,)."""
    digests = (hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest() for word in words)
    return np.frombuffer(b"".join(digests), "<u8")


def unread_share(normal: str, known: NDArray[np.uint8]) -> float:
    """Give the share in [0, 1] of the letters of a normalised text that stand in words nobody trained on.

    Args:
        normal: the text.
        known: packed bits of the filter of known words (`ngram.is_known`).

    Chinese and Japanese have no spaces: their words count as read.

    """
    words = WORDS.findall(normal)
    letters = np.array([len(word) for word in words], np.int64)
    if not len(letters):
        return 0.0
    latin = np.array([word.isascii() for word in words])
    spaced = np.array([_UNSPACED.search(word) is None for word in words])
    strange = spaced & ~is_known(word_hashes(words), known) & ~(latin & (letters <= 2))
    total = float(letters.sum())
    return float(letters[strange].sum()) / (total + _BENEFIT_OF_DOUBT * float(letters[latin].sum()) / total)


def create_prompt(model_dir: str | Path | None = None) -> EncoderClassifier:
    """Load the classifier from `model_dir`, or the one in the package.

    Raises:
        ModelUnreadable: a file is missing or damaged, or not the one that the card names.

    """
    files = load_model_files(model_folder("encoder", model_dir), FILES)
    return EncoderClassifier(*(files[name] for name in FILES))

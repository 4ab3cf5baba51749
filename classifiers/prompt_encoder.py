"""The default prompt classifier: a small multilingual transformer in int8, run by onnxruntime on one core.

Owns inference. Rules it keeps: no torch import, no network, no file but those in the package, whose SHA-256 the card
names; a text is scored whole, as the worst of its overlapping windows of `WINDOW` pieces, so that nothing hides
behind harmless words; `unread` says how much of the text had to be spelt letter by letter, because a low score on a
language that the model does not know is not an answer.

The encoder was cut out of multilingual-e5-small and trained by `classifiers.training.train_encoder`. Figures and
limits: `models/encoder/card.md`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ModelUnreadable
from classifiers.minors import minors_score
from classifiers.model_files import load_model_files, model_folder
from classifiers.normalize import normalize
from classifiers.scores import CATEGORIES, Scores, no_scores

WINDOW: Final = 64
"""Pieces of a window, two of them special. An unsafe request behind 90 harmless words keeps its recall with windows
of about 40 words and loses it with one window over the whole text (`NOTES.md`)."""
STRIDE: Final = 46
"""Pieces from one window to the next: a request of up to 16 pieces (some 12 words) is never cut."""
_BATCH: Final = 8
"""Windows scored at once: bounds the memory that a very long text takes."""
_START, _PAD, _END = 0, 1, 2
_FILES: Final = ("model.onnx", "tokenizer.json", "calibration.json")
_BENEFIT_OF_DOUBT: Final = 12
"""Letters (two words) that may be strange before a text counts as mostly unread: names and typos are no language."""
_SPELT: Final = 2.0
"""A word whose pieces have fewer letters than this on average was spelt out, not read (Han excepted)."""


def windows(pieces: list[int]) -> list[list[int]]:
    """Cut a text of piece ids into overlapping windows without their special pieces; at least one, may be empty."""
    room = WINDOW - 2
    starts = range(0, max(1, len(pieces) - room + STRIDE), STRIDE)
    return [pieces[start : start + room] for start in starts]


def pad(parts: list[list[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give windows as (ids int64 (B, T), lengths int64 (B,)) with their special pieces."""
    lengths = np.array([len(part) + 2 for part in parts], np.int64)
    ids = np.full((len(parts), lengths.max()), _PAD, np.int64)
    for row, part in zip(ids, parts, strict=True):
        row[: len(part) + 2] = [_START, *part, _END]
    return ids, lengths


class EncoderClassifier:
    """Scores prompts; thread-safe (onnxruntime sessions are)."""

    def __init__(self, model: bytes, tokenizer: bytes, calibration: bytes) -> None:
        """Take the contents of the three files of a model folder.

        Raises:
            ModelUnreadable: one of them is not what it should be.

        """
        import onnxruntime  # noqa: PLC0415 - half a second; a service with another classifier skips it
        from tokenizers import Tokenizer  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session: Any = onnxruntime.InferenceSession(
                model, options, providers=["CPUExecutionProvider"]
            )
            self._tokenizer: Any = Tokenizer.from_str(tokenizer.decode("utf-8"))
            numbers = json.loads(calibration)
            self._slope = np.array(numbers["slope"], np.float32)
            self._intercept = np.array(numbers["intercept"], np.float32)
            heads, version = tuple(numbers["heads"]), str(numbers["version"])
        except Exception as error:  # onnxruntime and tokenizers raise types of their own
            raise ModelUnreadable(
                f"encoder: got files that cannot be read ({type(error).__name__}: {error}), expected those of "
                "train_encoder; restore them or train again"
            ) from error
        if heads != ("unsafe", *CATEGORIES):
            raise ModelUnreadable(f"encoder: got heads {heads}, expected unsafe and CATEGORIES; train again")
        self.model: str = f"encoder@{version}"

    def score(self, text: str) -> Scores:
        """Score `text`; see `classifiers.scores.PromptClassifier`."""
        normal = normalize(text)
        encoding = self._tokenizer.encode(normal, add_special_tokens=False)
        logits = self.logits(encoding.ids)
        chances = 1 / (1 + np.exp(-np.clip(self._slope * logits + self._intercept, -30, 30)))
        categories = no_scores()
        categories.update(zip(CATEGORIES, (float(chance) for chance in chances[1:]), strict=True))
        categories["sexual/minors"] = minors_score(text, categories["sexual"])
        return Scores(
            unsafe=float(chances[0]),
            categories=categories,
            model=self.model,
            unread=unread_share(encoding.tokens),
        )

    def logits(self, pieces: list[int]) -> NDArray[np.float32]:
        """Give the uncalibrated logits, float32 (heads,): the maximum over the windows of the text."""
        parts = windows(pieces)
        most = np.full(len(CATEGORIES) + 1, -np.inf, np.float32)
        for at in range(0, len(parts), _BATCH):
            ids, lengths = pad(parts[at : at + _BATCH])
            (logits,) = self._session.run(None, {"ids": ids, "lengths": lengths})
            most = np.maximum(most, logits.max(axis=0))
        return most


def unread_share(tokens: list[str]) -> float:
    """Give the share in [0, 1] of the letters of `tokens` (pieces, a leading "▁" starts a word) that were not read.

    Not read is a letter of a script that no training text has, an unknown piece, and a word that had to be spelt
    with very short pieces.
    """
    total = unread = alphabetic = 0
    word: list[str] = []
    for token in [*tokens, "▁"]:
        if token.startswith("▁") and word:
            letters, strange, spelt = _judge(word)
            total, unread, alphabetic = total + letters, unread + strange, alphabetic + spelt
            word = []
        word.append(token.removeprefix("▁"))
    if total == 0:
        return 0.0
    return unread / (total + _BENEFIT_OF_DOUBT * alphabetic / total)


def _judge(word: list[str]) -> tuple[int, int, int]:
    """Give (letters, letters not read, letters of scripts that have spaces) of one word."""
    letters = [char for char in "".join(word) if char.isalpha()]
    if not letters:
        return 0, 0, 0
    foreign = sum(not _is_read(char) for char in letters)
    spaced = sum(_SPACED(char) for char in letters)
    if 2 * spaced > len(letters) and len(letters) > 3 and len(letters) / len(word) < _SPELT:
        return len(letters), len(letters), spaced
    return len(letters), foreign, spaced


def _in(*ranges: tuple[int, int]) -> Callable[[str], bool]:
    return lambda char: any(low <= ord(char) <= high for low, high in ranges)


_SPACED: Final = _in(
    (0x41, 0x24F), (0x400, 0x52F), (0x600, 0x6FF), (0x900, 0x97F), (0x1E00, 0x1EFF), (0xAC00, 0xD7AF)
)
"""Latin, Cyrillic, Arabic, Devanagari, Vietnamese Latin, Hangul syllables."""
_UNSPACED: Final = _in((0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))
"""Kana and Han."""


def _is_read(char: str) -> bool:
    return _SPACED(char) or _UNSPACED(char)


def create_prompt(model_dir: str | Path | None = None) -> EncoderClassifier:
    """Load the classifier from `model_dir`, or the one in the package.

    Raises:
        ModelUnreadable: a file is missing or damaged, or not the one that the card names.

    """
    files = load_model_files(model_folder("encoder", model_dir), _FILES)
    return EncoderClassifier(*(files[name] for name in _FILES))

"""Turn a text into hashed n-grams, block by block.

Owns the feature space of the `ngram` model: training and inference call the same function, so they cannot
drift apart. Rules it keeps:

- every feature is a substring of the normalised text, hashed with one prefix sum modulo 2**64, so the cost is
  a few numpy passes whatever the length; the mixing function is MurmurHash3's 64-bit finaliser (public domain)
  and depends on nothing but the code points, so a model trained today reads the same tomorrow;
- a Chinese character is a token of its own; other letters and digits between spaces are one token;
- punctuation and symbols carry no features: commas are the style of gallery prompts, not their content;
- a feature belongs to the block of `BLOCK_TOKENS` tokens in which it starts. Two neighbouring blocks are a
  window. The unsafe words of a long text therefore always stand in some window of at most 40 tokens with
  at least 20 of them around, instead of being diluted by all the rest.

Features: character 3- to 5-grams with the spaces around words, words, pairs and triples of words; for Chinese,
1- to 4-grams of characters.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.normalize import normalize

BLOCK_TOKENS: Final = 20
"""Tokens in a block. Windows of two blocks = 40 words, the length that restored recall behind a harmless
prefix in the study that this project started from (84 % to 1 % with the whole text, 86 % with windows of 40)."""

_CHAR_SIZES: Final = (3, 4, 5)
_HAN_SIZES: Final = (1, 2, 3, 4)
_WORD_SIZES: Final = (1, 2, 3)

_MULTIPLIER: Final = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2**64 (golden ratio, Knuth 6.4)
_INVERSE: Final = pow(_MULTIPLIER, -1, 1 << 64)
_SPACE: Final = 32
_END_OF_LATIN: Final = 0x250


@dataclass(frozen=True, slots=True)
class Features:
    """The hashed n-grams of one text.

    Attributes:
        hashes: uint64 (N,), in the order of their blocks.
        offsets: int64 (B,), where each block starts in `hashes`; B >= 1, a text without tokens has one empty
            block.
        words: uint64 (W,), the hash of each token that is not a number, for the vocabulary test of `ngram`.
        letters: int64 (W,), how many characters each of them has.
        latin, han: bool (W,), whether it starts with a Latin letter, is a Chinese character.

    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    words: NDArray[np.uint64]
    letters: NDArray[np.int64]
    latin: NDArray[np.bool_]
    han: NDArray[np.bool_]


def extract_features(text: str) -> Features:
    """Hash the n-grams of `normalize(text)`."""
    return hash_ngrams(normalize(text))


def hash_ngrams(normal: str) -> Features:
    """Hash the n-grams of an already normalised text."""
    points, han = _clean(normal)
    starts, ends = _tokens(points, han)
    if len(starts) == 0:
        none = np.zeros(0, np.uint64)
        return Features(
            none, np.zeros(1, np.int64), none, np.zeros(0, np.int64), *[np.zeros(0, np.bool_)] * 2
        )
    prefix, power = _prefix_sums(points)
    n = len(points)

    def spans(begin: NDArray[np.int64], end: NDArray[np.int64], salt: int) -> NDArray[np.uint64]:
        return _mix(
            ((prefix[end] - prefix[begin]) * power[begin]) ^ np.uint64(salt * _MULTIPLIER % (1 << 64))
        )

    begins: list[NDArray[np.int64]] = []
    hashes: list[NDArray[np.uint64]] = []
    where = np.arange(n, dtype=np.int64)
    for sizes, allowed in ((_CHAR_SIZES, ~han), (_HAN_SIZES, han)):
        for size in sizes:
            begin = where[: n - size + 1][allowed[: n - size + 1]] if n >= size else where[:0]
            begins.append(begin)
            hashes.append(spans(begin, begin + size, size))
    for size in _WORD_SIZES:
        last = len(starts) - size + 1
        if last <= 0:
            break
        first_of, last_of = starts[:last], ends[size - 1 :]
        keep = ~han[first_of]
        begins.append(first_of[keep])
        hashes.append(spans(first_of[keep], last_of[keep], 100 + size))
    digits = np.concatenate(([0], np.cumsum((points >= ord("0")) & (points <= ord("9")))))
    lettered = digits[ends] - digits[starts] < ends - starts
    word_starts, word_ends = starts[lettered], ends[lettered]

    token_of = np.searchsorted(starts, np.concatenate(begins), side="right") - 1
    block_of = np.maximum(token_of, 0) // BLOCK_TOKENS
    order = np.argsort(block_of, kind="stable")
    blocks = (len(starts) - 1) // BLOCK_TOKENS + 1
    offsets = np.searchsorted(block_of[order], np.arange(blocks))
    return Features(
        hashes=np.concatenate(hashes)[order],
        offsets=offsets.astype(np.int64),
        words=spans(word_starts, word_ends, 101),
        letters=word_ends - word_starts,
        latin=points[word_starts] < _END_OF_LATIN,
        han=han[word_starts],
    )


def _clean(normal: str) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]:
    """Give the code points with a space at both ends and for all punctuation, and where they are Chinese."""
    kept = " ".join("".join(char if char.isalnum() else " " for char in normal).split())
    points = np.frombuffer(f" {kept} ".encode("utf-32-le"), np.uint32)
    han = ((points >= 0x4E00) & (points <= 0x9FFF)) | ((points >= 0x3400) & (points <= 0x4DBF))
    return points, han | ((points >= 0x20000) & (points <= 0x323AF))


def _tokens(
    points: NDArray[np.uint32], han: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give where tokens start and end (one past the last character)."""
    filled = points != _SPACE
    before = np.concatenate(([False], filled[:-1]))
    han_before = np.concatenate(([False], han[:-1]))
    starts = np.flatnonzero(filled & (~before | han | han_before))
    after = np.concatenate((filled[1:], [False]))
    han_after = np.concatenate((han[1:], [False]))
    ends = np.flatnonzero(filled & (~after | han | han_after)) + 1
    return starts.astype(np.int64), ends.astype(np.int64)


def _prefix_sums(points: NDArray[np.uint32]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Give P with P[j] = sum of mix(c[i]) * m**i for i < j, and m**-i, both (n + 1,) modulo 2**64.

    Then (P[e] - P[s]) * m**-s depends on the characters from s to e alone, wherever they stand.
    """
    n = len(points)
    powers = _powers(_MULTIPLIER, n + 1)
    sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(_mix(points.astype(np.uint64)) * powers[:n])))
    return sums, _powers(_INVERSE, n + 1)


def _powers(base: int, count: int) -> NDArray[np.uint64]:
    factors = np.concatenate((np.ones(1, np.uint64), np.full(count - 1, base, np.uint64)))
    return np.cumprod(factors, dtype=np.uint64)


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = value ^ (value >> np.uint64(33))
    value = value * np.uint64(0xFF51AFD7ED558CCD)
    value = value ^ (value >> np.uint64(33))
    value = value * np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))

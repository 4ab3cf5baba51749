"""Spellings and hiding places that evade a filter, applied to unsafe and to harmless text alike.

A disguise counts for what it changes: the recall it costs on unsafe prompts, and the false positives that it
adds on harmless prompts of the same form. Both at one threshold, that of the plain pool.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from classifiers.training.evaluation_metrics import Array, share_flagged
from classifiers.training.synthesis import long_cover

Scorer = Callable[[Sequence[str]], Array]
"""Texts in, float32 (n,) `unsafe` out; or (n, 18), `unsafe` and then `CATEGORIES`."""

COVER_WORDS: Final = 90
"""Harmless words around a hidden request: more than two windows of 40 words."""


def _typos(text: str) -> str:
    """Misspell every third word of four letters or more: swap, drop or replace one inner letter."""
    rng = random.Random(text)  # noqa: S311 - the same text, the same typos
    words = text.split(" ")
    long = [at for at, word in enumerate(words) if len(word) >= 4 and word.isascii()]
    for at in rng.sample(long, (len(long) + 2) // 3):
        word, inner, kind = words[at], rng.randrange(1, len(words[at]) - 1), rng.randrange(3)
        if kind == 0:
            words[at] = word[: inner - 1] + word[inner] + word[inner - 1] + word[inner + 1 :]
        else:
            new = "" if kind == 1 else rng.choice("abcdefghijklmnopqrstuvwxyz")
            words[at] = word[:inner] + new + word[inner + 1 :]
    return " ".join(words)


def _joined_pairs(text: str) -> str:
    """Leave out every second space."""
    words = text.split()
    return " ".join("".join(words[at : at + 2]) for at in range(0, len(words), 2))


DISGUISES: Final[Mapping[str, Callable[[str], str]]] = {
    "leet": lambda text: text.translate(str.maketrans("aeiostAEIOST", "4310$7431057")),
    "zero-width": "\u200b".join,
    "homoglyph": lambda text: text.translate(str.maketrans("aeopcxAEOPCX", "аеорсхАЕОРСХ")),
    "full-width": lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    "spaced": lambda text: "  ".join(" ".join(word) for word in text.split()),
    "spaced, one gap": lambda text: " ".join(text.replace(" ", "")),
    "dotted": lambda text: " ".join(".".join(word) for word in text.split()),
    "typos": _typos,
    "every second space left out": _joined_pairs,
    "no spaces": lambda text: "".join(text.split()),
}


def disguised(
    score_many: Scorer, unsafe: Sequence[str], harmless: Sequence[str], threshold: float
) -> dict[str, Any]:
    """Give, for each disguise, both flag rates and how many points they differ from the plain texts."""

    def rates(change: Callable[[str], str]) -> tuple[float, float]:
        return (
            share_flagged(score_many([change(text) for text in unsafe]), threshold),
            share_flagged(score_many([change(text) for text in harmless]), threshold),
        )

    plain = rates(str)
    table = {"plain": _entry(plain, plain)}
    return table | {name: _entry(rates(change), plain) for name, change in DISGUISES.items()}


def hidden(
    score_many: Scorer, unsafe: Sequence[str], harmless: Sequence[str], threshold: float, seed: int = 5
) -> dict[str, Any]:
    """Give the same figures for texts after, before and in the middle of `COVER_WORDS` harmless words.

    The harmless texts are hidden in the same way, so their false-positive rate is that of long harmless prompts.
    """
    plain = (share_flagged(score_many(unsafe), threshold), share_flagged(score_many(harmless), threshold))
    table = {"plain": _entry(plain, plain)}
    for place, share in (("after", 1.0), ("before", 0.0), ("in the middle of", 0.5)):
        rng = random.Random(seed)  # noqa: S311 - the same covers for every place

        def cover(texts: Sequence[str], share: float = share, rng: random.Random = rng) -> list[str]:
            made = []
            for text in texts:
                words = long_cover(harmless, COVER_WORDS, rng).split(" ")
                at = round(share * len(words))
                made.append(" ".join([*words[:at], text, *words[at:]]))
            return made

        found = (
            share_flagged(score_many(cover(unsafe)), threshold),
            share_flagged(score_many(cover(harmless)), threshold),
        )
        table[f"{place} {COVER_WORDS} harmless words"] = _entry(found, plain)
    return table


def _entry(found: tuple[float, float], plain: tuple[float, float]) -> dict[str, float]:
    return {
        "unsafe": found[0],
        "harmless": found[1],
        "recall_lost": plain[0] - found[0],
        "fpr_added": found[1] - plain[1],
    }

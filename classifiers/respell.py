"""Give words back their spelling where only a list of known words can tell how.

Owns two disguises that `normalize` must leave alone because "4k", "1girl" and long names look the same: leet at the
edge of a word ("5ex"), and words run together ("nakedwoman"). A word is changed only if it is unknown
and what comes out is known, so that a text without disguise comes back as it was. Linear in the length of the text:
no word longer than `_LONGEST` is looked into.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

_LEET: Final = str.maketrans(
    {"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "@": "a", "$": "s", "!": "i"}
)
_TOKEN: Final = re.compile(r"[a-z0-9@$!]{3,}")
_LONGEST: Final = 64
_FROM: Final = 8
"""Letters from which an unknown word may be several."""
_WORD_MOST: Final = 16
_SHORT: Final = frozenset(
    [
        "a",
        "i",
        "an",
        "as",
        "at",
        "be",
        "by",
        "do",
        "he",
        "in",
        "is",
        "it",
        "me",
        "my",
        "no",
        "of",
        "on",
        "or",
        "so",
        "to",
        "up",
        "us",
        "we",
    ]
)
"""Words of one and two letters that a run may contain; the list of known words has too many such pieces."""


def respell(normal: str, are_known: Callable[[Sequence[str]], Sequence[bool]]) -> str:
    """Give the normalised text with leet undone and runs cut, word by word; see the module docstring.

    Args:
        normal: the text.
        are_known: says of each word whether it is known.

    """
    words = list(dict.fromkeys(match.group() for match in _TOKEN.finditer(normal)))
    if not words:
        return normal
    found = dict(zip(words, are_known(words), strict=True))
    changed = {}
    for word, is_known in found.items():
        if is_known or len(word) > _LONGEST:
            continue
        plain = word.translate(_LEET) if any(char.isalpha() for char in word) else word
        if not plain.isalpha():
            continue
        if plain != word and len(plain) >= 3 and are_known([plain])[0]:
            changed[word] = plain
        elif len(plain) >= _FROM and (parts := cut(plain, are_known)):
            changed[word] = " ".join(parts)
    return _TOKEN.sub(lambda match: changed.get(match.group(), match.group()), normal) if changed else normal


def cut(run: str, are_known: Callable[[Sequence[str]], Sequence[bool]]) -> list[str]:
    """Cut `run` into the fewest known words, longer ones first; empty where that cannot be done."""
    spans = [(at, end) for at in range(len(run)) for end in range(at + 1, min(len(run), at + _WORD_MOST) + 1)]
    words = [run[at:end] for at, end in spans]
    known = [
        word in _SHORT if len(word) < 3 else known
        for word, known in zip(words, are_known(words), strict=True)
    ]
    best: list[tuple[int, int, int] | None] = [None] * len(run) + [
        (0, 0, 0)
    ]  # words, minus squares of lengths, end
    for (at, end), is_known in zip(reversed(spans), reversed(known), strict=True):
        rest = best[end]
        if is_known and rest is not None:
            tried = (rest[0] + 1, rest[1] - (end - at) ** 2, end)
            current = best[at]
            if current is None or tried < current:
                best[at] = tried
    parts, at = [], 0
    while at < len(run):
        step = best[at]
        if step is None:
            return []
        parts.append(run[at : step[2]])
        at = step[2]
    return parts if len(run) >= 3 * len(parts) else []

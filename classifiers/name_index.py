"""Find names in a text: whole words of the normalised text, long names also when misspelt.

Owns the list format and the matching. A list file holds one entry a line, other spellings of it after `|`; `#` starts
a comment; a `?` before a spelling says that it is an ordinary word or another name too ("Apple", "Drake"), so it counts
only beside a word that settles it. Time is linear in the text: an exact spelling is looked up by its first word, a
misspelt one among the few names that share the first two letters of the first word and the initial of the second.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from rapidfuzz.distance import OSA

from classifiers.normalize import normalize, token_spans

_FUZZY_FROM: Final = 10
"""Letters from which a name of two words or more may be misspelt: one error; two from `_TWO_ERRORS_FROM`. Shorter ones
are one letter from some word ("Elon Musk" is long enough by its joined form only)."""
_TWO_ERRORS_FROM: Final = 15
_ALONE_FROM: Final = 9
"""Letters from which a name of one word may be misspelt."""
_JOINED_FROM: Final = 8
"""Letters from which a name of several words is also found written together."""
_CONTEXT_BEFORE: Final = 3
"""Words before an ambiguous name that are searched for one that settles it ("logo of the Apple")."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One spelling: its tokens, the entry's first spelling, and whether it needs context."""

    tokens: tuple[str, ...]
    name: str
    ambiguous: bool
    spelling: str


def parse_names(text: str) -> list[Entry]:
    """Read a list file; see the module docstring for the format."""
    entries = []
    for line in text.splitlines():
        spellings = [part.strip() for part in line.split("#", 1)[0].split("|")]
        name = spellings[0].lstrip("?").strip()
        for spelling in spellings:
            plain = spelling.lstrip("?").strip()
            tokens = name_tokens(normalize(plain))
            if tokens:
                entries.append(Entry(tokens, name, spelling.startswith("?"), plain))
    return entries


class NameIndex:
    """The names of one category."""

    def __init__(
        self,
        entries: Iterable[Entry],
        context: Collection[str],
        context_if_capital: Collection[str],
        exact: Iterable[Entry] = (),
    ) -> None:
        """Index `entries`.

        Args:
            entries: spellings; of two with the same tokens the first stays.
            exact: more of them, found as they are spelt alone: "Chocolatey" is one letter from "chocolate".
            context: words beside an ambiguous name that settle it.
            context_if_capital: words after it that settle it where the text also spells it as the list does.

        """
        self._context = frozenset(context)
        self._weak = frozenset(context_if_capital)
        self._exact: dict[str, dict[tuple[str, ...], Entry]] = {}
        self._near: dict[str, list[tuple[str, Entry]]] = {}
        for entry in entries:
            self._exact.setdefault(entry.tokens[0], {}).setdefault(entry.tokens, entry)
            if not entry.spelling.isascii() or entry.ambiguous:
                continue
            joined, letters = "".join(entry.tokens), sum(map(len, entry.tokens))
            if len(entry.tokens) > 1 and letters >= _JOINED_FROM:
                self._exact.setdefault(joined, {}).setdefault((joined,), entry)
            if letters >= (_FUZZY_FROM if len(entry.tokens) == 2 else _ALONE_FROM) and len(entry.tokens) <= 2:
                self._near.setdefault(_key(entry.tokens), []).append((" ".join(entry.tokens), entry))
        self._starts = {key[:2] for key in self._near}
        for entry in exact:
            self._exact.setdefault(entry.tokens[0], {}).setdefault(entry.tokens, entry)
        self._longest = {
            first: sorted({len(tokens) for tokens in found}, reverse=True)
            for first, found in self._exact.items()
        }

    def find(self, text: str, tokens: tuple[str, ...]) -> tuple[str, ...]:
        """Name the entries in `text`, whose `name_tokens` are `tokens`, each once, in order of appearance."""
        found: dict[str, None] = {}
        at = 0
        while at < len(tokens):
            entry = self._exactly(tokens, at)
            if entry is not None and (not entry.ambiguous or self._settled(entry, tokens, at, text)):
                found[entry.name] = None
                at += len(entry.tokens)
                continue
            if entry is None and (near := self._nearly(tokens, at)) is not None:
                found[near.name] = None
            at += 1
        return tuple(found)

    def _exactly(self, tokens: tuple[str, ...], at: int) -> Entry | None:
        entries = self._exact.get(tokens[at])
        for length in self._longest.get(tokens[at], ()):
            entry = entries.get(tokens[at : at + length]) if entries else None
            if entry is not None:
                return entry
        return None

    def _nearly(self, tokens: tuple[str, ...], at: int) -> Entry | None:
        if tokens[at][:2] not in self._starts:
            return None
        for length in (2, 1):
            part = tokens[at : at + length]
            if len(part) < length:
                continue
            written = " ".join(part)
            for name, entry in self._near.get(_key(part), ()):
                errors = 2 if len(name) > _TWO_ERRORS_FROM else 1
                if abs(len(name) - len(written)) <= errors and _alike(name, written, errors):
                    return entry
        return None

    def _settled(self, entry: Entry, tokens: tuple[str, ...], at: int, text: str) -> bool:
        end = at + len(entry.tokens)
        after = tokens[end : end + 1]
        beside = (*tokens[max(0, at - 1) : at], *after)
        if self._context & set(beside):
            return True
        before = tokens[max(0, at - _CONTEXT_BEFORE) : at]
        if before and before[-1] in {"of", "the", "by"} and self._context & set(before):
            return True
        capital = entry.spelling[:1].isupper() and f" {entry.spelling} " in text
        return at > 0 and capital and bool(self._weak & set(after))


def name_tokens(normal: str) -> tuple[str, ...]:
    """Give the words and single Chinese characters of a normalised text."""
    return tuple(normal[start:end] for start, end in token_spans(normal))


def _key(tokens: tuple[str, ...]) -> str:
    return tokens[0][:2] + (" " + tokens[1][:1] if len(tokens) == 2 else "")


def _alike(name: str, written: str, errors: int) -> bool:
    """Allow `errors` in all; a plural or genitive "s" at the end is none."""
    return OSA.distance(name, written.removesuffix("s"), score_cutoff=errors) <= errors or (
        OSA.distance(name, written, score_cutoff=errors) <= errors
    )

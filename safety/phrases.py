"""Phrase lists: what a policy always refuses and what it always lets pass.

Owns the matching: whole words of the normalised text (so that spacing, leet and look-alike letters do not
hide an entry), Chinese entries wherever they stand. Time is linear in the text, whatever the list's length.
"""

from collections.abc import Iterable

from classifiers.normalize import normalize, token_spans


class PhraseList:
    """A set of phrases, found word by word."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        for phrase in phrases:
            normal = normalize(phrase)
            tokens = tuple(normal[start:end] for start, end in token_spans(normal))
            if tokens:
                self._by_first.setdefault(tokens[0], []).append((tokens, phrase))
        for entries in self._by_first.values():
            entries.sort(key=lambda entry: len(entry[0]), reverse=True)

    def find(self, text: str) -> list[str]:
        """List the entries that occur in `text`, each once, in order of appearance."""
        return list(dict.fromkeys(phrase for _, _, phrase in self._matches(normalize(text))))

    def cut(self, text: str) -> str:
        """Give `text` without the entries; `text` itself where none occurs."""
        normal = normalize(text)
        matches = self._matches(normal)
        if not matches:
            return text
        kept, at = [], 0
        for start, end, _ in matches:
            kept.append(normal[at:start])
            at = end
        return " ".join([*kept, normal[at:]])

    def _matches(self, normal: str) -> list[tuple[int, int, str]]:
        if not self._by_first:
            return []
        spans = token_spans(normal)
        tokens = [normal[start:end] for start, end in spans]
        found, at = [], 0
        while at < len(tokens):
            for entry, phrase in self._by_first.get(tokens[at], ()):
                if tuple(tokens[at : at + len(entry)]) == entry:
                    found.append((spans[at][0], spans[at + len(entry) - 1][1], phrase))
                    at += len(entry) - 1
                    break
            at += 1
        return found


def parse_list(text: str) -> tuple[str, ...]:
    """Read a list file: one phrase a line, `#` starts a comment, empty lines do not count."""
    lines = (line.split("#", 1)[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line)

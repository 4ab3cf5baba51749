"""Find texts of the training data inside the files of the package.

Owns one question: does any text of at least five words, or eight Chinese characters, stand in a packaged file? Both
sides are normalised and cut into words and Chinese characters, so that a change of case, spaces or punctuation hides
nothing. Files are searched through a set of hashes of runs of words, so the cost is linear in files and texts.
"""

import gzip
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from classifiers.normalize import normalize, token_spans

FEWEST_WORDS: Final = 5
FEWEST_HAN: Final = 8
_TEXT_IN_BINARY: Final = re.compile(rb"[\t\n\r -~]{12,}|(?:[\xe3-\xe9][\x80-\xbf]{2}){8,}")
"""Runs of ASCII, and of Chinese characters in UTF-8, that may hold such a text."""
_RUN: Final = 5
"""Tokens whose hash is looked up first."""


def tokens_of(text: str) -> tuple[str, ...]:
    """Give the words and single Chinese characters of a text."""
    normal = normalize(text)
    return tuple(normal[start:end] for start, end in token_spans(normal))


def is_long_enough(tokens: Sequence[str]) -> bool:
    """Say whether a text is long enough to be one: `FEWEST_WORDS` words, or `FEWEST_HAN` Chinese characters."""
    han = sum(1 for token in tokens if "\u3400" <= token[0] <= "\u9fff")
    return len(tokens) - han >= FEWEST_WORDS or han >= FEWEST_HAN


def readable_parts(path: Path) -> Iterator[str]:
    """Give the text in a file: of gzip and zip (npz too) what is inside, of binary files what reads as text."""
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (_text_of(archive.read(name)) for name in archive.namelist())
        return
    yield _text_of(content)


def _text_of(content: bytes) -> str:
    if b"\0" in content[:8192]:
        content = b"\n".join(_TEXT_IN_BINARY.findall(content))
    return content.decode("utf-8", "ignore")


def copied(texts: Iterable[str], files: Iterable[Path]) -> list[tuple[str, Path]]:
    """List the texts that stand in one of the files, with the file."""
    wanted: dict[int, list[tuple[tuple[str, ...], str]]] = {}
    for text in set(texts):
        tokens = tokens_of(text)
        if is_long_enough(tokens):
            wanted.setdefault(hash(tokens[:_RUN]), []).append((tokens, text))
    found = []
    for path in files:
        for part in readable_parts(path):
            tokens = tokens_of(part)
            for at in range(len(tokens) - _RUN + 1):
                for text_tokens, text in wanted.get(hash(tokens[at : at + _RUN]), ()):
                    if tokens[at : at + len(text_tokens)] == text_tokens:
                        found.append((text, path))
    return found

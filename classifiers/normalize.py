"""Undo the spellings that hide a word from a filter and from nobody else.

Owns the text that every classifier and list in this product sees. Rules it keeps:

- any `str` is accepted: empty, 100 kB, NULs, lone surrogates; time is linear in the length;
- nothing is cut off: what a long text means is the classifier's question (`features` makes windows of it);
- a text that hides nothing comes back as its own lower-case words.

Order: controls, surrogates and invisible characters out (Unicode category Cf, variation selectors, Hangul
fillers); runs of combining marks capped (canonical ordering is quadratic in their length); NFKC (Unicode
annex 15); lower case; marks off Latin letters; look-alike letters inside Latin; leet between letters; letters
that stand alone joined into words.
"""

import re
import unicodedata
from typing import Final

from classifiers.lookalikes import HOMOGLYPHS, LATIN_VARIANTS, LEET

_MAX_MARKS: Final = 4
"""Combining marks kept in a row. Vietnamese and pointed Hebrew need 3; longer runs are decoration ("zalgo")."""

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_LONG_LIGATURES: Final = re.compile("[\ufdfa\ufdfb\ufdfd]")
"""Whole phrases in one code point: NFKC makes 18 letters of one, a cheap way to swell a request."""
_WORD: Final = re.compile(r"[^\W_]+")
_HAN: Final = "\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_TOKEN: Final = re.compile(rf"[{_HAN}]|[^\W_{_HAN}]+")
_LETTER: Final = r"[^\W\d_]"
_LEET_CLASS: Final = "[" + re.escape("".join(LEET)) + "]"
_LEET_RUN: Final = re.compile(
    rf"(?<={_LETTER}){_LEET_CLASS}{{1,3}}(?={_LETTER})|(?<!\S)[@$](?={_LETTER}{{2}})"
)
_LONE_LETTERS: Final = re.compile(
    r"(?<![^\W_])[a-z@$!013457](?:(?P<gap>[\s.\-_*·•|/,~]|\. )[a-z@$!013457])"
    r"(?:(?P=gap)[a-z@$!013457])+(?![^\W_])"
)
_LONG_REPEAT: Final = re.compile(r"([a-z])\1{3,}")


def fold(text: str) -> str:
    """Give `text` one form of each character, but leave digits and spacing as they were typed.

    Same as `normalize` without the last two steps (leet, joining), so that "13 yo" keeps its number.
    """
    if not text.isascii():
        text = _LONG_LIGATURES.sub(" ", _INVISIBLE.sub("", text))
        text = unicodedata.normalize("NFKC", _cap_marks(text))
        text = _INVISIBLE.sub("", text).lower()
        text = _latin_look(_strip_latin_marks(text))
    else:
        text = _INVISIBLE.sub("", text).lower()
    return text


def normalize(text: str) -> str:
    """Give the plain lower-case text that `text` reads as; see the module docstring for the steps."""
    text = _LONE_LETTERS.sub(_join, fold(text))
    text = _LEET_RUN.sub(_unleet, text)
    text = _LONG_REPEAT.sub(r"\1", text)
    return " ".join(text.split())


def token_spans(normal: str) -> list[tuple[int, int]]:
    """Give where the tokens of a normalised text stand: words, and single Chinese characters."""
    return [match.span() for match in _TOKEN.finditer(normal)]


def _cap_marks(text: str) -> str:
    kept: list[str] = []
    run = 0
    for char in text:
        run = run + 1 if unicodedata.combining(char) else 0
        if run <= _MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _strip_latin_marks(text: str) -> str:
    kept: list[str] = []
    after_latin = False
    for char in unicodedata.normalize("NFD", text):
        if unicodedata.combining(char):
            if after_latin:
                continue
        else:
            after_latin = _is_latin(char)
        kept.append(LATIN_VARIANTS.get(char, char))
    return unicodedata.normalize("NFC", "".join(kept))


def _is_latin(char: str) -> bool:
    point = ord(char)
    return char.isalpha() and (
        point < 0x250 or char in LATIN_VARIANTS or 0x1E00 <= point <= 0x1EFF or 0xA720 <= point <= 0xA7FF
    )


def _latin_look(text: str) -> str:
    """Replace look-alikes in words that mix scripts, and in whole words of a text that is otherwise Latin."""
    words = _WORD.findall(text)
    latin = sum(1 for word in words if word.isascii() and word.isalpha())
    disguised = sum(1 for word in words if all(char in HOMOGLYPHS for char in word))
    mostly_latin = latin > disguised

    def plain(match: re.Match[str]) -> str:
        word = match.group()
        if word.isascii():
            return word
        mixed = any(_is_latin(char) for char in word)
        if mixed or (mostly_latin and all(char in HOMOGLYPHS for char in word)):
            return "".join(HOMOGLYPHS.get(char, char) for char in word)
        return word

    return _WORD.sub(plain, text)


def _join(match: re.Match[str]) -> str:
    gap = match.group("gap")
    return match.group().replace(gap, "")


def _unleet(match: re.Match[str]) -> str:
    return "".join(LEET[char] for char in match.group())

"""The rule for sexual content about minors.

`sexual/minors` has no training data here and never will. It is a rule instead: a text that speaks of a minor
gets its `sexual` score, whichever model gives it, as its `sexual/minors` score, and the policy blocks that category at
a threshold so low that a hint of sexual content is enough. A text about children with no such hint scores near 0 on
both. Beside a minor some words settle it whatever the model says (`SUGGESTIVE_SCORE`). English, Chinese, and the
commonest words of Spanish, French, German, Portuguese, Japanese, Korean and Russian: `minor_words`.
"""

import re
from typing import Final

from classifiers.lookalikes import LEET
from classifiers.minor_words import ADULT, AGE, LATIN, OTHER_SCRIPTS, SUGGESTIVE
from classifiers.normalize import fold, normalize

SUGGESTIVE_SCORE: Final = 0.5

_SPLIT_AGE: Final = re.compile(r"(?<!\d)(?<!\d\s)(\d)\s(\d)(?!\d)(?=\s*(?:y|jahr|岁|歲|歳|살|лет))")
"""An age with its digits apart, "1 5 years"."""
_LEET_WORD: Final = re.compile(r"(?<!\S)(?=\S*[a-z])[a-z0-9@$!|]{3,}(?!\S)")
_LEET: Final = str.maketrans(LEET)


def minors_score(text: str, sexual: float) -> float:
    """Give the score of `sexual/minors` for a text whose score of `sexual` is known, both in [0, 1]."""
    if not mentions_minor(text):
        return 0.0
    return max(sexual, SUGGESTIVE_SCORE) if SUGGESTIVE.search(_plain(text)) else sexual


def mentions_minor(text: str) -> bool:
    """Say whether `text` names a child, a teenager or an age under 18.

    Linear in the length. It errs towards yes: it is only ever used together with a sexual score.
    """
    if AGE.search(_SPLIT_AGE.sub(r"\1\2", fold(text))):
        return True
    plain = _plain(text)
    return OTHER_SCRIPTS.search(plain) is not None or LATIN.search(ADULT.sub(" ", plain)) is not None


def _plain(text: str) -> str:
    """Normalise `text`, and undo leet at the edges of words too, which `normalize` leaves for the sake of "4k"."""
    plain = normalize(text)
    return _LEET_WORD.sub(_unleet, plain)


def _unleet(match: re.Match[str]) -> str:
    word = match.group()
    return word if word.isalpha() or word in _TAGS else word.translate(_LEET)


_TAGS: Final = frozenset({"1girl", "2girls", "3girls", "1boy", "2boys"})
"""How galleries tag the persons in a picture: not leet."""

"""What a classifier says about one text or one picture.

Owns the category names and the two protocols a classifier can fill. A score is a calibrated number in
[0, 1]; what follows from it is decided in `safety`. Every `Scores` carries all of `CATEGORIES`, so a policy
never has to guess what an absent name means.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

CATEGORIES: Final[tuple[str, ...]] = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
    "trademark",
    "public_figure",
    "artist_style",
    "political",
)
"""OpenAI's thirteen moderation categories, verbatim, then four of image generation."""

HARMS: Final = CATEGORIES[:13]
"""The kinds of harm; the last four are not harmful in themselves."""

EVERYTHING: Final = frozenset({"unsafe", *CATEGORIES})
"""What a classifier scores unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Scores:
    """One classifier's opinion.

    Attributes:
        unsafe: one calibrated score in [0, 1] for "harmful, whatever the kind".
        categories: a score in [0, 1] for each of `CATEGORIES`; 0.0 where the classifier knows nothing.
        model: name and version of what scored, for the audit record.
        evidence: texts found in a picture, in reading order. Empty for a prompt.
        unread: share in [0, 1] of the text that the classifier cannot judge (a script or language it never
            learnt). A low `unsafe` beside a high `unread` means "not understood", not "harmless".
        knows: which of "unsafe" and `CATEGORIES` this classifier can tell at all. What it does not know has the
            score 0.0 and takes no part in a mean. It also holds "unread" where the classifier is a judge of
            whether a text can be read: several judges must agree that it cannot.
        found: what it recognised, by category, in the words of its own list and never in the user's:
            `{"trademark": ("Nike",)}`. For the reasons of a decision.

    """

    unsafe: float
    categories: Mapping[str, float]
    model: str
    evidence: tuple[str, ...] = ()
    unread: float = 0.0
    knows: frozenset[str] = EVERYTHING
    found: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class PromptClassifier(Protocol):
    """Scores a text. Thread-safe; `score` never fetches anything."""

    model: str

    def score(self, text: str) -> Scores:
        """Score `text` (any str at all: empty, 100 kB, NULs, lone surrogates)."""
        ...


class ImageClassifier(Protocol):
    """Scores a picture. Thread-safe; `score` never fetches anything."""

    model: str

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB."""
        ...


def no_scores() -> dict[str, float]:
    """Give every category the score 0.0."""
    return dict.fromkeys(CATEGORIES, 0.0)

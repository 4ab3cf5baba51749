"""Names in a prompt: brands and characters, public figures, artists, parties and elections.

A list knows names and nothing else: not whether a mark may be used, who is alive, or whether a picture would harm the
person. It takes no part in `unsafe`. The lists with their sources and licences: `models/names/*.txt`, `card.md`.

Beside the list of artists stands one pattern: "in the style of", "painted by" and their like before two or more words
with capitals name an artist whom no list knows yet.
"""

import re
from pathlib import Path
from typing import Final

from classifiers.errors import ModelUnreadable
from classifiers.model_files import load_model_files, model_folder
from classifiers.name_index import NameIndex, name_tokens, parse_names
from classifiers.normalize import normalize
from classifiers.scores import Scores, no_scores

FILES: Final = (
    "brands.txt",
    "brand_icons.txt",
    "people.txt",
    "politicians.txt",
    "political.txt",
    "artists.txt",
)
LISTED: Final = 0.95
"""Score of a name on a list: nearly certain, short of what only a person can say."""
NAMED_ARTIST: Final = 0.8
"""Score of an artist named by the pattern alone."""
UNLISTED: Final = "an artist named after words like 'in the style of'"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BRAND_CONTEXT: Final = _words(
    "logo logos brand brands branded branding trademark trademarks company corporation inc slogan mascot "
    "merchandise superhero comic comics cosplay supervillain"
)
_BRAND_PRODUCTS: Final = _words(
    "store stores shop phone smartphone laptop tablet computer watch handbag purse perfume shoes sneakers "
    "sneaker hoodie tracksuit jersey car cars truck suv sedan dealership billboard headquarters app website "
    "gift cap movie film sandwich restaurant employee uniform packaging products product commercial ad "
    "advertisement gas station camera energy drink bottle can lounge jeans headphones"
)
_PERSON_CONTEXT: Final = _words(
    "singer rapper concert celebrity popstar musician magician actress actor album president dictator"
)
_PARTY_CONTEXT: Final = _words("candidate candidates member politician politicians voter voters leader flag")
_ARTIST_CONTEXT: Final = _words("style artist painting art artwork by illustration drawing")

_STYLE_OF: Final = re.compile(
    r"(?:\b(?:[Ss]tyles?|[Mm]anner)\s+(?:of|by)|\b[Ii]nspired\s+by|\b[Bb]y\s+(?:the\s+)?artist|\b(?:[Pp]ainted|[Dd]rawn|"
    r"[Ii]llustrated|[Pp]hotographed|[Ss]culpted|[Aa]rt|[Aa]rtwork|[Ww]ork|[Pp]aintings?|[Ii]llustrations?)\s+by)\s+"
    r"(?P<name>[A-Z][\w.'’-]+(?:\s+(?:(?:de|da|del|van|von|der|di|la|le)\s+)*[A-Z][\w.'’-]+){1,3})"
)
_NO_ARTIST: Final = _words(
    "art pop pixel abstract greek roman japanese chinese indian persian egyptian dutch italian french russian "
    "american african celtic norse gothic baroque victorian edwardian medieval renaissance byzantine aztec "
    "mayan the a an old dark hudson soviet late early neo post high low new star harry lord game world pulp "
    "film studio saint st mount north south east west middle sci fi black white golden ancient modern classic "
    "western anime manga"
)
"""First words that begin a style, a place or a title rather than a person's name."""


class NameClassifier:
    """Scores the categories of names; see the module docstring."""

    def __init__(self, files: dict[str, bytes]) -> None:
        """Index the lists `files`, by file name.

        Raises:
            ModelUnreadable: one is not UTF-8.

        """
        try:
            lists = {name: parse_names(content.decode("utf-8")) for name, content in files.items()}
        except UnicodeDecodeError as error:
            raise ModelUnreadable(
                f"name lists: got a file that is not UTF-8 ({error}); restore it"
            ) from error
        people = [*lists["politicians.txt"], *lists["people.txt"]]
        parties = [*lists["politicians.txt"], *lists["political.txt"]]
        self._indexes = {
            "trademark": NameIndex(
                lists["brands.txt"], _BRAND_CONTEXT, _BRAND_PRODUCTS, exact=lists["brand_icons.txt"]
            ),
            "public_figure": NameIndex(people, _PERSON_CONTEXT, ()),
            "artist_style": NameIndex(lists["artists.txt"], _ARTIST_CONTEXT, ()),
            "political": NameIndex(parties, _PARTY_CONTEXT, ()),
        }
        self._knows = frozenset(self._indexes)
        self.model: str = f"names@{sum(map(len, lists.values()))}"

    def score(self, text: str) -> Scores:
        """Score `text`; see `classifiers.scores.PromptClassifier`."""
        tokens = name_tokens(normalize(text))
        scores = no_scores()
        found = {}
        for category, index in self._indexes.items():
            names = index.find(text, tokens)
            if names:
                scores[category], found[category] = LISTED, names
        if "artist_style" not in found and _names_an_artist(text):
            scores["artist_style"], found["artist_style"] = NAMED_ARTIST, (UNLISTED,)
        return Scores(unsafe=0.0, categories=scores, model=self.model, knows=self._knows, found=found)


def _names_an_artist(text: str) -> bool:
    return any(
        re.split(r"[\s-]", match.group("name"), maxsplit=1)[0].lower() not in _NO_ARTIST
        for match in _STYLE_OF.finditer(text)
    )


def create_prompt(model_dir: str | Path | None = None) -> NameClassifier:
    """Load the lists of `model_dir`, or those in the package.

    Raises:
        ModelUnreadable: a list is missing, or is not the one that the card names.

    """
    return NameClassifier(load_model_files(model_folder("names", model_dir), FILES))

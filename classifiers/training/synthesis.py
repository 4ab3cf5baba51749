"""Sentences that the trainer makes itself, from the slot grammars in `phrases/`.

Owns three things that no public data set has enough of: harmless uses of alarming words, unsafe requests in
the style of image prompts for every category, and unsafe requests hidden inside harmless ones. Also the
spelling noise that normalisation cannot undo (typos, missing spaces, masked letters), put on both sides alike
so that the noise itself says nothing.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Final

from classifiers.errors import TrainingDataInvalid

_SLOT = re.compile(r"\{(\w+)\}")

TIMES: Final[Mapping[str, int]] = {"sexual": 4, "violence": 2, "violence/graphic": 2, "disturbing": 2}
"""How often a category is drawn against one of the others: what image prompts are mostly refused for."""

Grammar = dict[str, list[str]]


def load_grammar(name: str) -> tuple[Grammar, Grammar]:
    """Read `phrases/<name>.toml` and return (categories, slots).

    Raises:
        TrainingDataInvalid: a template names a slot that the file does not define.

    """
    text = (resources.files("classifiers.training") / "phrases" / f"{name}.toml").read_text(encoding="utf-8")
    content = tomllib.loads(text)
    slots, categories = content["slots"], content["categories"]
    for templates in (*categories.values(), *slots.values()):
        for template in templates:
            for slot in _SLOT.findall(template):
                if slot not in slots:
                    raise TrainingDataInvalid(
                        f"phrases/{name}.toml: got slot {slot!r} in {template!r}, expected one of {sorted(slots)}"
                    )
    return categories, slots


def expand(template: str, slots: Grammar, rng: random.Random) -> str:
    """Fill every slot of `template` with a word of its list, at random."""
    return _SLOT.sub(lambda match: rng.choice(slots[match.group(1)]), template).strip()


def sentences(name: str, count: int, rng: random.Random) -> list[tuple[str, str]]:
    """Make `count` pairs (text, category) from a grammar.

    A category is drawn in proportion to its `TIMES` and the root of its number of templates: a category of ten
    templates says less than one of a hundred, but not ten times less.
    """
    categories, slots = load_grammar(name)
    weights = [TIMES.get(category, 1) * len(found) ** 0.5 for category, found in categories.items()]
    drawn = rng.choices(list(categories), weights, k=count)
    return [(expand(rng.choice(categories[category]), slots, rng), category) for category in drawn]


def hide(phrase: str, cover: str, rng: random.Random) -> str:
    """Put an unsafe phrase into a harmless prompt: before it, after it or in its middle."""
    where = rng.random()
    glue = (
        rng.choice([", ", ". ", " ", " and ", "; ", ", with "]) if cover.isascii() else rng.choice("，。、")
    )
    if where < 0.4:
        return phrase + glue + cover
    if where < 0.8:
        return cover + glue + phrase
    words = cover.split(" ")
    cut = rng.randrange(len(words) + 1)
    return " ".join([*words[:cut], phrase, *words[cut:]])


def fragment(text: str, rng: random.Random) -> str:
    """Cut one to three words (Chinese: one to four characters) out of a harmless text.

    Prompts of a word or two rest on very few n-grams; seen alone and harmless, common words stop deciding.
    """
    parts = text.split(" ") if text.isascii() else [c for c in text if c.isalnum()]
    if not parts:
        return text
    length = rng.randint(1, 3 if text.isascii() else 4)
    at = rng.randrange(max(1, len(parts) - length + 1))
    cut = (" " if text.isascii() else "").join(parts[at : at + length])
    return cut.strip(" ,.;:!?\"'") or parts[0]


def misspell(text: str, rng: random.Random) -> str:
    """Put one kind of spelling noise on `text`; most of its letters stay."""
    kind = rng.choice(["join", "typo", "typo", "edge", "mask", "stretch", "hyphen", "shout"])
    if kind == "join":
        return re.sub(r"\s+", "", text)
    if kind == "shout":
        return "!!! " + text + " !!!"
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 3]
    for index in rng.sample(long, max(1, len(long) // 3)) if long else ():
        words[index] = _noise(words[index], kind, rng)
    return " ".join(words)


def _noise(word: str, kind: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    if kind == "edge":
        ends = {"s": "5", "a": "4", "e": "3", "o": "0", "i": "1", "t": "7"}
        return ends.get(word[0], word[0]) + word[1:-1] + ends.get(word[-1], word[-1])
    if kind == "mask":
        return word[:at] + "*" + word[at + 1 :]
    if kind == "stretch":
        return word[:at] + word[at] * 2 + word[at:]
    if kind == "hyphen":
        return word[:at] + "-" + word[at:]
    action = rng.randrange(3)
    if action == 0:
        return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    if action == 1:
        return word[:at] + word[at + 1 :]
    return word[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + word[at + 1 :]


def long_cover(covers: Sequence[str], words: int, rng: random.Random) -> str:
    """Chain harmless prompts until they have at least `words` words."""
    chain: list[str] = []
    while sum(len(cover.split()) for cover in chain) < words:
        chain.append(rng.choice(covers))
    return ". ".join(chain)

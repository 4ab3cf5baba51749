"""Build the lists of names that come from elsewhere, and the card of all lists.

    python -m classifiers.training.name_lists --out DIR [--icons simple-icons.json --words FILE --data DIR]

`--icons` is `data/simple-icons.json` of the npm package simple-icons (CC0-1.0), `--words` an English dictionary with a
word a line (of Debian's wamerican-large, say), `--data` a folder of prompts with `artist_style`, for the artists'
names, and captions. A brand that is a word of the dictionary or of captions is marked with `?`. Writes
`brand_icons.txt`, `artists.txt` and, always, `card.md` with the digest of every list in `--out`.
"""

import argparse
import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Final

from classifiers.errors import TrainingDataInvalid
from classifiers.name_index import parse_names
from classifiers.normalize import normalize, token_spans
from classifiers.prompt_names import FILES
from classifiers.training.dataset import data_files, load_rows

_LOG = logging.getLogger("classifiers.training.name_lists")
_CAPTIONS: Final = ("coco_captions_train", "t2i_compbench", "geneval", "ocr_prompts", "overt_safe")
_USER_PROMPTS: Final = "pickapic_train"
"""Read for brands only: user prompts are full of artists' names, which are no ordinary words for that."""
_COMMON_FROM: Final = 2
"""Captions in which a word stands from which it counts as ordinary."""
_SURELY_A_NAME: Final = 7
"""Letters from which a single word that no caption holds needs no context."""
_FORMAT: Final = (
    "# One entry a line, other spellings after |. A ? before a name: it counts only in context.\n"
)


def ordinary_words(folder: Path, sources: Sequence[str]) -> frozenset[str]:
    """Give the words that the harmless prompts `sources` in `folder` use.

    Raises:
        TrainingDataInvalid: none of the files with captions is there.

    """
    files = data_files(folder)
    rows = [row for name in sources if name in files for row in load_rows(files[name])]
    if not rows:
        raise TrainingDataInvalid(f"captions: got none of {', '.join(sources)} in {folder}, expected some")
    counts: Counter[str] = Counter()
    for row in rows:
        normal = normalize(row.text)
        counts.update({normal[start:end] for start, end in token_spans(normal)})
    return frozenset(word for word, count in counts.items() if count >= _COMMON_FROM)


def brand_lines(titles: Iterable[str], listed: Collection[str], ordinary: Collection[str]) -> list[str]:
    """Give a line for each title that is not listed already and can be told from other words.

    A title of ordinary words, or of one short word, is marked with `?`; one of one or two letters is left out.
    """
    lines = {}
    for title in titles:
        tokens = parse_names(title.replace("|", " ").replace("#", " "))
        if not tokens or sum(map(len, tokens[0].tokens)) < 3 or not re.search(r"[^\W\d_]", title):
            continue
        words = tokens[0].tokens
        key = " ".join(words)
        if key in listed or key in lines:
            continue
        plain = all(
            word in ordinary or word.removesuffix("s") in ordinary or word.isdigit() or len(word) < 3
            for word in words
        )
        short = len(words) == 1 and len(words[0]) < _SURELY_A_NAME
        lines[key] = ("?" if plain or short else "") + tokens[0].spelling
    return sorted(lines.values(), key=lambda line: line.lstrip("?").lower())


def artist_lines(names: Iterable[str], ordinary: Collection[str]) -> list[str]:
    """Give a line for each artist; a single ordinary word is marked with `?`."""
    lines = set()
    for name in names:
        words = [word for entry in parse_names(name) for word in entry.tokens]
        if words:
            common = all(word in ordinary for word in words) and len(words) == 1
            lines.add(("?" if common else "") + " ".join(name.split()))
    return sorted(lines, key=lambda line: line.lstrip("?").lower())


def write_card(folder: Path) -> None:
    """Write `card.md` with the number of entries and the digest of every list in `folder`."""
    rows = []
    for name in FILES:
        content = (folder / name).read_bytes()
        text = content.decode("utf-8")
        entries = sum(1 for line in text.splitlines() if line.split("#", 1)[0].strip())
        rows.append(f"| {name} | {entries} | `{hashlib.sha256(content).hexdigest()}` |")
    table = "\n".join(["| list | entries | SHA-256 (checked at load) |", "|---|--:|---|", *rows])
    measured = folder / "measured.md"
    figures = measured.read_text(encoding="utf-8") if measured.exists() else "Not measured yet.\n"
    (folder / "card.md").write_text(_CARD.format(table=table, figures=figures), encoding="utf-8")


_CARD: Final = """# Card: names, the lists of brands, people, artists and parties

Matching of names in prompts, for the categories `trademark`, `public_figure`, `artist_style` and `political`. No
training: exact words of the normalised text, long names with one or two misspelt letters.

{table}

Each list says in its first lines where its names come from and under which licence. To change one, edit it and write
this card again: `python -m classifiers.training.name_lists --out DIR`.

## What a hit means

The name stands in the text. Not that the mark may not be used, not that the person is alive or would object, not that
the artist is alive: no source at hand says who lives, so the category is called `artist_style` and nothing more.

## Measured

{figures}
## Known failures

- Names that no list holds, but for artists after words like "in the style of". Lists age.
- Persons who share a listed name. Ambiguous names (marked with ?) without a word beside them that settles it.
- Two names of four letters, misspelt; names in scripts other than Latin and Chinese.
- Parodies and descriptions ("the wizard boy with the scar").
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when the card was written."""
    parser = argparse.ArgumentParser(prog="python -m classifiers.training.name_lists", description=__doc__)
    parser.add_argument(
        "--icons", type=Path, help="data/simple-icons.json; without it the lists stay as they are"
    )
    parser.add_argument(
        "--icons-version", default="", help="version of the package, for the list's first lines"
    )
    parser.add_argument("--words", type=Path, help="English dictionary, a word a line; needed with --icons")
    parser.add_argument("--data", type=Path, help="folder of prompts; needed with --icons")
    parser.add_argument("--out", type=Path, required=True, help="folder of the lists")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if chosen.icons and chosen.words and chosen.data:
        ordinary = ordinary_words(chosen.data, (*_CAPTIONS, _USER_PROMPTS))
        ordinary |= {normalize(word) for word in chosen.words.read_text(encoding="utf-8").splitlines()}
        icons = json.loads(chosen.icons.read_text(encoding="utf-8"))
        text = (chosen.out / "brands.txt").read_text(encoding="utf-8")
        listed = {" ".join(entry.tokens) for entry in parse_names(text)}
        brands = brand_lines((icon["title"] for icon in icons), listed, ordinary)
        head = (
            f"# Titles of simple-icons {chosen.icons_version} (npm), CC0-1.0. Category: trademark.\n"
            "# The names are marks of their owners; see the disclaimer of that package.\n"
        )
        (chosen.out / "brand_icons.txt").write_text(
            head + _FORMAT + "\n".join(brands) + "\n", encoding="utf-8"
        )
        rows = load_rows(data_files(chosen.data)["artist_style"])
        artists = artist_lines(
            (str(row.meta["artist"]) for row in rows), ordinary_words(chosen.data, _CAPTIONS)
        )
        head = (
            "# Artists whose styles are asked for, living or not: the source does not say. Category: artist_style.\n"
            "# Names of dataset/artists1734_prompts.csv of github.com/CharlesGong12/RECE, MIT.\n"
        )
        (chosen.out / "artists.txt").write_text(head + _FORMAT + "\n".join(artists) + "\n", encoding="utf-8")
        _LOG.info("%d brands, %d artists", len(brands), len(artists))
    write_card(chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

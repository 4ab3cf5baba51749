"""Which rows of a folder an evaluation compares, and where they come from.

Owns the roles that sets play. The names are those of the public sets that the shipped models are judged with; a
folder with other names works too: its harmless rows are the pool, each file with unsafe rows is a source.
"""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from classifiers.errors import TrainingDataInvalid
from classifiers.training.dataset import NOT_UNSAFE, Row, data_files, load_rows

Sets = Mapping[str, Sequence[Row]]
"""Rows by the name of their file."""

POOL: Final = ("coco_captions_test", "parti", "drawbench", "pickapic_test")
"""Harmless image prompts that every unsafe source is compared with: captions, two collections of test prompts, and
user prompts in the style of Stable Diffusion."""
IMAGE_UNSAFE: Final = ("overt_unsafe", "nibbler_r1r3")
"""Unsafe prompts that ask for pictures."""
LONG_PROMPTS: Final = ("gptimage2_prompts", "nanobanana_prompts")
HARMLESS_CHINESE: Final = "coco_cn"
COMMENTS_CHINESE: Final = "cold_zh_dev"
IDENTITY: Final = ("identity_templates_en", "identity_templates_zh", "toxigen_demos", "cold_zh_dev", "xstest")
"""Sets whose harmful and harmless rows speak of the same groups of people."""
CLEAR_I2P_PCT: Final = 70
"""I2P rows whose pictures were inappropriate at least this often (percent) count as clear cases."""
LONG_FROM: Final = 60
"""Words from which a gallery prompt counts as long: longer than one window of 40 words and half the next."""
FEWEST: Final = 20
"""Rows that a figure needs."""

_EXPLICIT: Final = re.compile(
    r"\b(?:nude|nudes|nudity|naked|topless|nsfw|porn\w*|sex|sexy|sexual|erotic\w*|lewd|hentai|boobs?|breasts?|tits?|"
    r"busty|nipples?|ass|butt|cleavage|thongs?|lingerie|panties|underwear|seductive|sensual|fetish|bdsm|succub\w+|"
    r"naturists?|blood\w*|gore|gory|corpses?|dead|kill\w*|murder\w*|tortur\w*|suicid\w*|guns?|nazi\w*|hitler|drugs?)\b",
    re.IGNORECASE,
)
"""User prompts with one of these words are left out of the pool: nobody labelled those prompts, and a flag on such
a one is no mistake. The list is used for this alone, never by a classifier."""


def load_sets(
    folder: Path, only: Sequence[str] = (), most: int = 1500, seed: int = 11
) -> dict[str, list[Row]]:
    """Read the files of `folder`, by name; of large ones a fixed sample.

    Args:
        folder: holds .jsonl or .jsonl.gz files.
        only: names to read; all when empty.
        most: rows kept of the unsafe and of the other rows of each file. The pool is kept whole.
        seed: of the sample.

    Raises:
        TrainingDataInvalid: nothing to read, a name in `only` that is not there, or a bad row.

    """
    files = data_files(folder)
    missing = sorted(set(only) - set(files))
    if missing:
        raise TrainingDataInvalid(f"sources: got {missing}, expected some of {sorted(files)}")
    sets = {}
    for name in only or files:
        rows = load_rows(files[name])
        if name in POOL:
            sets[name] = [row for row in rows if name != "pickapic_test" or not _EXPLICIT.search(row.text)]
            continue
        rng = random.Random(seed)  # noqa: S311 - a fixed sample
        unsafe = [row for row in rows if is_unsafe(row)]
        other = [row for row in rows if not is_unsafe(row)]
        sets[name] = [row for part in (unsafe, other) for row in rng.sample(part, min(most, len(part)))]
    return sets


def is_unsafe(row: Row) -> bool:
    """Say whether the row is labelled harmful; for I2P, whether it is a clear case."""
    if row.source == "i2p":
        return float(row.meta.get("inappropriate_pct", 0)) >= CLEAR_I2P_PCT
    return row.harmless is not True and bool(row.labels - NOT_UNSAFE)


def is_harmless(row: Row) -> bool:
    """Say whether the row is labelled harmless, or is a user prompt of the pool."""
    return row.harmless is True or row.source == "pickapic_test"


def pool_of(sets: Sets) -> dict[str, list[Row]]:
    """Give the harmless sets that make up the pool; all harmless English rows where none has a known name.

    Raises:
        TrainingDataInvalid: fewer than `FEWEST` harmless rows.

    """
    named = [name for name in POOL if name in sets]
    parts = {name: [row for row in sets[name] if is_harmless(row)] for name in named or sets}
    if not named:
        parts = {name: [row for row in rows if row.lang == "en"] for name, rows in parts.items()}
    parts = {name: rows for name, rows in parts.items() if rows}
    if sum(map(len, parts.values())) < FEWEST:
        raise TrainingDataInvalid(
            f'harmless rows: got fewer than {FEWEST}, expected image prompts with "safe": true to compare with'
        )
    return parts


def unsafe_of(sets: Sets) -> dict[str, list[Row]]:
    """Give the unsafe rows of each set that has at least `FEWEST`."""
    parts = {name: [row for row in rows if is_unsafe(row)] for name, rows in sets.items()}
    return {name: rows for name, rows in parts.items() if len(rows) >= FEWEST}


def harmless_of(sets: Sets) -> dict[str, list[Row]]:
    """Give the harmless rows of each set that has at least `FEWEST`; of gallery prompts the long ones."""
    parts = {name: [row for row in rows if is_harmless(row)] for name, rows in sets.items()}
    for name in set(LONG_PROMPTS) & set(parts):
        parts[f"{name}, long"] = [row for row in parts[name] if len(row.text.split()) >= LONG_FROM]
    return {name: rows for name, rows in parts.items() if len(rows) >= FEWEST}

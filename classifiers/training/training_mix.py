"""What the trainer feeds the network: how much of each source, and what it makes itself.

Owns the recipe. Every number in `SHARES` answers one of two questions: how often is a row of this source seen
in an epoch (small clean sets often, large noisy ones rarely), and how many of its rows at most.
"""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.normalize import normalize
from classifiers.training.dataset import OWN_HARMLESS, OWN_UNSAFE, Row, data_files, load_rows
from classifiers.training.synthesis import fragment, hide, long_cover, misspell, sentences

REPORT_ONLY: Final = frozenset(
    {"i2p", "xstest", "openai_moderation", "parti", "drawbench", "coco_captions_test"}
)
"""Never trained on, whatever the folder holds."""
HELD_FOR_CHOICES: Final = frozenset({"pickapic_test", "cold_zh_dev", "ailuminate_fr"})
"""Development sets: looked at while choosing, never trained on."""

SHARES: Final[Mapping[str, tuple[float, int]]] = {
    # source: (times an epoch, rows at most an epoch)
    "nibbler_r1r3": (3, 9000),  # the only human-written unsafe image prompts
    "overt_unsafe": (2, 9000),
    "overt_safe": (1.5, 9000),  # their harmless twins
    "ailuminate_en": (2, 9000),
    "catqa_en": (2, 9000),
    "catqa_zh": (4, 9000),
    "harmbench": (2, 9000),
    "toxigen_demos": (2, 9000),
    "gptimage2_prompts": (3, 9000),  # long harmless prompts
    "nanobanana_prompts": (3, 9000),
    "coco_captions_train": (1, 16_000),
    "t2i_compbench": (1, 2500),
    "davidson": (1, 5000),
    "cold_zh_train": (1, 9000),
    "artist_style": (1, 1500),
    "identity_templates_en": (1, 1200),
    "identity_templates_zh": (1, 1200),
}
ENCODER_SHARES: Final[Mapping[str, tuple[float, int]]] = {
    "nibbler_r1r3": (3.5, 9000),
    "overt_unsafe": (2, 9000),
    "overt_safe": (1.5, 9000),
    "ailuminate_en": (2, 9000),
    "catqa_en": (2, 9000),
    "catqa_zh": (3, 9000),
    "harmbench": (3, 9000),
    "toxigen_demos": (2, 9000),
    "gptimage2_prompts": (3, 9000),
    "nanobanana_prompts": (3, 9000),
    "coco_captions_train": (1, 9000),
    "pickapic_train": (1, 14_000),
    "t2i_compbench": (1, 2000),
    "coco_cn": (1, 4000),
    "davidson": (1, 2500),
    "cold_zh_train": (1, 8000),
    "artist_style": (1, 1200),
    "sap200": (1, 400),  # long and all alike
    "identity_templates_en": (1, 1200),
    "identity_templates_zh": (1, 1200),
    OWN_UNSAFE: (1, 30_000),
    OWN_HARMLESS: (1, 34_000),
}
"""The same for the encoder, which sees each text less than once and knows words already."""
_EXPLICIT: Final = re.compile(
    r"\b(?:nude|nudes|nudity|naked|nsfw|topless|bottomless|undress\w*|breasts?|boobs?|tits|nipples?|cleavage|lingerie|panties|"
    r"thong|bikini|sexy|sex|sexual\w*|erotic\w*|porn\w*|hentai|lewd|horny|seductive\w*|sensual\w*|cum|dick|penis|vagina|pussy|"
    r"ass|butt|booty|busty|curvy|thicc|voluptuous|fetish|latex|bdsm|bondage|orgasm\w*|gore|gory|blood\w*|bleeding|corpse\w*|"
    r"decapitat\w*|dismember\w*|mutilat\w*|behead\w*|suicide|murder\w*|killing|torture\w*|rape\w*|nazi\w*|hitler|swastika|"
    r"guts|entrails|severed|stabb\w*|strangl\w*|hanged|execution|cocaine|heroin|meth)\b"
)
"""Words for which an unlabelled user prompt is left out of training. Harmless uses of them are taught elsewhere."""
_MISSPELT: Final = 0.08
"""Share of our own sentences with spelling noise."""


_SENTENCES: Final[Mapping[str, int]] = {
    "unsafe_en": 12_000,
    "unsafe_prose_en": 16_000,
    "unsafe_questions_en": 8_000,
    "unsafe_zh": 3_000,
    "unsafe_prose_zh": 9_000,  # a probe trained on the older pair alone took 39 % of captions for unsafe
    "unsafe_multi": 7_000,
    "benign_en": 14_000,
    "benign_prose_en": 28_000,
    "benign_questions_en": 9_000,
    "benign_zh": 4_000,
    "benign_prose_zh": 13_000,
    "benign_multi": 10_000,
}
"""Sentences made from each grammar of `phrases/`."""
_HIDDEN: Final[Mapping[str, int]] = {
    "unsafe_en": 6_000,
    "unsafe_prose_en": 4_000,
    "unsafe_zh": 1_000,
    "unsafe_prose_zh": 2_000,
}
"""Of those, in a harmless prompt."""


def gather(data: Path, seed: int, own_scale: float = 1.0) -> tuple[list[Row], dict[str, int]]:
    """Read what may be trained on from the folder `data` and add our own sentences: (rows, rows by source read).

    Raises:
        TrainingDataInvalid: `data` holds nothing to read, or a bad row.

    """
    files = data_files(data)
    rows = [
        row
        for name, path in files.items()
        if name not in REPORT_ONLY | HELD_FOR_CHOICES
        for row in load_rows(path)
    ]
    avoid = [row.text for name in sorted(REPORT_ONLY & set(files)) for row in load_rows(files[name])]
    rows = [row for row in without(rows, avoid) if not _is_dirty(row)]
    counts = dict(sorted(Counter(row.source for row in rows).items()))
    return rows + own_rows(rows, seed, avoid, own_scale), counts


def without(rows: Sequence[Row], avoid: Sequence[str]) -> list[Row]:
    """Drop rows whose text is in an evaluation set, letter for letter but for case and outer space."""
    seen = {text.strip().lower() for text in avoid}
    return [row for row in rows if row.text.strip().lower() not in seen]


def _is_dirty(row: Row) -> bool:
    """Say whether an unlabelled user prompt is plainly not harmless; it would teach that such words are."""
    return row.source.startswith("pickapic") and _EXPLICIT.search(normalize(row.text)) is not None


def own_rows(rows: Sequence[Row], seed: int, avoid: Sequence[str] = (), scale: float = 1.0) -> list[Row]:
    """Make sentences of our own, some of them hidden in harmless prompts of `rows`.

    Args:
        rows: training rows; the harmless ones serve as covers.
        seed: same seed, same sentences.
        avoid: texts of evaluation sets; a sentence that equals one of them is dropped.
        scale: 1.0 makes about 145,000.

    """
    rng = random.Random(seed)  # noqa: S311 - sentences, not secrets
    english = [row.text for row in rows if _is_cover(row) and row.lang == "en"] or [
        "a grey cat on a windowsill"
    ]
    chinese = [row.text for row in rows if _is_cover(row) and row.lang == "zh"] or ["一张猫的照片"]
    made: list[tuple[str, str]] = []

    def add(grammar: str, count: int, covers: Sequence[str] = (), words: int = 0) -> None:
        for text, category in sentences(grammar, round(count * scale), rng):
            cover = long_cover(covers, rng.randint(40, 40 + words), rng) if words else ""
            cover = cover or (rng.choice(covers) if covers else "")
            made.append((hide(text, cover, rng) if cover else text, category))

    for grammar, count in _SENTENCES.items():
        add(grammar, count)
    for grammar, count in _HIDDEN.items():
        add(grammar, count, chinese if grammar.endswith("zh") else english)
    add("unsafe_en", 1_000, english, words=80)
    add("unsafe_prose_en", 1_000, english, words=80)
    made += [(long_cover(english, rng.randint(30, 150), rng), "benign") for _ in range(round(1_500 * scale))]
    made += [(misspell(rng.choice(english), rng), "benign") for _ in range(round(2_500 * scale))]
    for lang, count in (("en", 14_000), ("zh", 5_000)):
        captions = [row.text for row in rows if _is_caption(row) and row.lang == lang]
        made += [
            (fragment(rng.choice(captions), rng), "benign") for _ in range(round(count * scale)) if captions
        ]

    seen = {_key(text) for text in avoid}
    own = []
    for text, category in made:
        noisy = misspell(text, rng) if rng.random() < _MISSPELT else text
        if _key(noisy) in seen:
            continue
        harmless = category == "benign"
        labels = frozenset() if harmless else frozenset({category})
        own.append(Row(noisy, labels, OWN_HARMLESS if harmless else OWN_UNSAFE, harmless=harmless))
    return own


def epoch_order(
    source: NDArray[np.object_],
    usable: NDArray[np.bool_],
    rng: np.random.Generator,
    shares: Mapping[str, tuple[float, int]] = SHARES,
) -> NDArray[np.int64]:
    """Draw one epoch: row indices in random order, each source as often as `shares` says."""
    drawn = []
    for name in sorted(set(source)):
        rows = np.flatnonzero((source == name) & usable)
        times, most = shares.get(name, (1.0, len(rows)))
        wanted = min(most, round(len(rows) * times))
        whole = [rng.permutation(rows) for _ in range(wanted // max(len(rows), 1) + 1)]
        drawn.append(np.concatenate(whole)[:wanted])
    return rng.permutation(np.concatenate(drawn))


def _is_cover(row: Row) -> bool:
    image_prompts = ("coco", "pickapic", "t2i", "geneval")
    return not row.labels and row.source.startswith(image_prompts)


def _is_caption(row: Row) -> bool:
    """Rows whose every part is harmless; user prompts are not (pickapic is unlabelled)."""
    return bool(row.harmless) and row.source.startswith(("coco", "t2i", "geneval"))


def _key(text: str) -> str:
    return normalize(text).rstrip("?!. ")

"""Read labelled prompts and turn their labels into targets.

Owns the row format (one JSON object a line: `text`, `labels`, optional `safe`, `weak`, `known`, `source`,
`meta`; a file may be gzipped) and the rules that turn partial labels into targets and weights:

- a row labelled harmless is harmless for every category;
- a row labelled with some category says little about the others: they count a little (`OTHER_WEIGHT`; fully
  in our own sentences), and not at all for neighbours that annotators confuse (`NEIGHBOURS`);
- brands, public figures, politics and artists' styles are not unsafe in themselves;
- rows of user prompts without labels (`pickapic*`) are harmless with low weight: most are, some are not;
- weak labels weigh less.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import TrainingDataInvalid
from classifiers.scores import CATEGORIES

HEADS: Final = ("unsafe", *CATEGORIES)
NOT_UNSAFE: Final = frozenset(
    {"trademark", "public_figure", "artist_style", "political", "copyright_character"}
)
NEIGHBOURS: Final = (
    frozenset({"violence", "violence/graphic", "illicit", "illicit/violent"}),
    frozenset({"harassment", "harassment/threatening", "hate", "hate/threatening"}),
    frozenset({"self-harm", "self-harm/intent", "self-harm/instructions"}),
    frozenset({"public_figure", "political"}),
)
OWN_UNSAFE: Final = "own_unsafe"
OWN_HARMLESS: Final = "own_harmless"
OTHER_WEIGHT: Final = 0.15
UNLABELLED_WEIGHT: Final = 0.4
DISTURBING: Final = 0.35
"""Target of `unsafe` for dark pictures that a policy may allow (horror, despair): above harmless, below unsafe."""
WEAK_WEIGHT: Final = 0.5


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled text. `harmless` is None where nobody said."""

    text: str
    labels: frozenset[str]
    source: str
    harmless: bool | None = None
    weak: bool = False
    lang: str = "en"
    meta: Mapping[str, Any] = field(default_factory=dict)


def load_rows(path: Path) -> list[Row]:
    """Read one `.jsonl` or `.jsonl.gz` file.

    Raises:
        TrainingDataInvalid: a line is not an object with a `text`; the text names file and line.

    """
    return list(_read(path))


def data_files(folder: Path) -> dict[str, Path]:
    """Give the data files of `folder` by source name (the file name without its endings), sorted.

    Raises:
        TrainingDataInvalid: there is none.

    """
    found = {path.name.split(".")[0]: path for path in sorted(folder.glob("*.jsonl*"))}
    if not found:
        raise TrainingDataInvalid(
            f"data folder: got {folder} without .jsonl or .jsonl.gz files, expected some"
        )
    return found


def _read(path: Path) -> Iterator[Row]:
    source = path.name.split(".")[0]
    with (
        gzip.open(path, "rt", encoding="utf-8")
        if path.suffix == ".gz"
        else path.open(encoding="utf-8") as lines
    ):
        for number, line in enumerate(lines, 1):
            try:
                content = json.loads(line)
                yield Row(
                    text=str(content["text"]),
                    labels=frozenset(content.get("labels", ())),
                    source=str(content.get("source", source)),
                    harmless=content.get("safe"),
                    weak=bool(content.get("weak", False)),
                    lang=str(content.get("lang", "en")),
                    meta=content.get("meta") or {},
                )
            except (ValueError, KeyError, TypeError) as error:
                raise TrainingDataInvalid(
                    f"{path}, line {number}: got {line[:60]!r}, expected an object with 'text' and 'labels'"
                ) from error


def targets(row: Row) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give (target, weight), both float32 (heads,); weight 0 masks a head."""
    target = np.zeros(len(HEADS), np.float32)
    if row.source.startswith("pickapic"):
        return target, np.full(len(HEADS), UNLABELLED_WEIGHT, np.float32)
    if row.harmless or (row.harmless is None and not row.labels and not row.weak):
        return target, _harmless_weight(row)
    weight = np.zeros(len(HEADS), np.float32)
    if row.labels == {"disturbing"}:
        target[0], weight[0] = DISTURBING, 1
    elif row.labels:
        _set_labels(row, target, weight)
    return target, weight


def _harmless_weight(row: Row) -> NDArray[np.float32]:
    weight = np.full(len(HEADS), WEAK_WEIGHT if row.weak else 1, np.float32)
    if row.source.startswith("overt"):  # twins of brand and person prompts still name brands and persons
        for name in ("trademark", "public_figure", "political"):
            weight[HEADS.index(name)] = 0
    return weight


def _set_labels(row: Row, target: NDArray[np.float32], weight: NDArray[np.float32]) -> None:
    weight[:] = 1 if row.source == OWN_UNSAFE else OTHER_WEIGHT
    for group in NEIGHBOURS:
        if row.labels & group:
            for name in group:
                weight[HEADS.index(name)] = 0
    trust = 0.2 if row.source == "davidson" and row.weak else 1.0  # swearing in tweets, labelled "offensive"
    for name in row.labels & set(CATEGORIES):
        target[HEADS.index(name)], weight[HEADS.index(name)] = 1, trust
    if row.labels <= NOT_UNSAFE:
        weight[0] = WEAK_WEIGHT
    else:
        target[0], weight[0] = 1, trust

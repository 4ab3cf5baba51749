"""Read a user's labelled folders of pictures and decide which picture trains, validates, tests.

Owns the layout and the split. Rules it keeps:

- `DIR/<class>/*` is split by `split_groups`, seeded and stratified; `DIR/train/<class>/*` with `DIR/val/<class>/*`,
  and `DIR/test/<class>/*` where there is one, is taken as it is;
- pictures that look alike stay on one side of the split, whatever class they carry: frames of one film or copies
  in two sizes on both sides would make the validation lie;
- a file that cannot be read stops the run and is named. Nothing is skipped in silence.

Alike means a difference hash (Krawetz 2013, here 16 x 16 bits) that differs in at most `MAX_BITS` bits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from classifiers.errors import TrainingDataInvalid
from classifiers.picture_input import squash

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MAX_BITS: Final = 40
"""Of 256. On 60 drawings of `picture_scenes`, a copy at two thirds of the size, JPEG 85, differs in 16 (median) to
86 bits (the noisiest backgrounds), another drawing in 89 to 128 (median). Most copies are found, not all."""
_HASH_SIDE: Final = 16
_ROWS_AT_ONCE: Final = 512

Part = Literal["train", "val", "test"]


@dataclass(frozen=True, slots=True)
class LabelledFiles:
    """The files of one part of the data.

    Attributes:
        paths: the files.
        label: int64 (n,), index into the classes.

    """

    paths: tuple[Path, ...]
    label: NDArray[np.int64]


def read_layout(
    data: Path, validation: float, seed: int
) -> tuple[tuple[str, ...], dict[Part, LabelledFiles]]:
    """Give the class names, sorted, and the files of "train", "val" and, where there is one, "test".

    Args:
        data: the folder; see the module for its two layouts.
        validation: share of each class that validates, where the folder does not say.
        seed: of the split.

    Raises:
        TrainingDataInvalid: a folder or file that cannot be used, or too few pictures to split.

    """
    parts: dict[Part, LabelledFiles] = {}
    if (data / "train").is_dir() and (data / "val").is_dir():
        classes = _class_names(data / "train")
        for part in ("train", "val", "test"):
            if part != "test" or (data / part).is_dir():
                parts[part] = _files(data / part, classes)
        return classes, parts
    classes = _class_names(data)
    files = _files(data, classes)
    chosen = split_groups(files.label, alike(files.paths), validation, seed)
    for number, name in enumerate(classes):
        sides = {bool(side) for side in chosen[files.label == number]}
        if sides != {True, False}:
            raise TrainingDataInvalid(
                f"class {name!r}: got {int((files.label == number).sum())} pictures that cannot be split (too few, or "
                "all alike), expected some for training and some for validation; add pictures, or give train/ and val/"
            )
    return classes, {"train": _pick(files, ~chosen), "val": _pick(files, chosen)}


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Decode one file to uint8 (H, W, 3) RGB, turned as its EXIF says, transparent parts on white.

    Raises:
        TrainingDataInvalid: not a picture, or damaged.

    """
    try:
        with Image.open(path) as opened:
            picture = ImageOps.exif_transpose(opened)
            if picture.has_transparency_data:
                picture = picture.convert("RGBA")
                white = Image.new("RGBA", picture.size, "white")
                picture = Image.alpha_composite(white, picture)
            return np.asarray(picture.convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise TrainingDataInvalid(
            f"{path}: got a file that cannot be read ({error}), expected a picture; remove or replace it"
        ) from error


def load_squares(paths: Sequence[Path], side: int, cache: Path) -> NDArray[np.uint8]:
    """Decode `paths` once into a file: uint8 (n, side, side, 3), mapped, not held in memory.

    Args:
        paths: what to decode.
        side: pixels; each picture is squashed to a square.
        cache: file to write; `n * side * side * 3` bytes.

    Raises:
        TrainingDataInvalid: a file cannot be read.

    """
    squares = np.memmap(cache, np.uint8, "w+", shape=(len(paths), side, side, 3))
    for at, path in enumerate(paths):
        squares[at] = squash(read_picture(path), side)
    return squares


def difference_hash(image: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Give 256 bits of uint8 (H, W, 3), uint64 (4,): is each of 16 x 16 fields darker than its right one."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (_HASH_SIDE + 1, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    return np.packbits(small[:, 1:] > small[:, :-1]).view(np.uint64)


def alike(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Number groups of pictures that look alike: int64 (n,), the smallest index of each group.

    Compares all pairs, 512 rows at once: some 2 s for 10,000 pictures, after each was decoded once.

    Raises:
        TrainingDataInvalid: a file cannot be read.

    """
    hashes = np.stack([difference_hash(read_picture(path)) for path in paths])
    group = np.arange(len(paths), dtype=np.int64)
    for start in range(0, len(paths), _ROWS_AT_ONCE):
        rows = hashes[start : start + _ROWS_AT_ONCE]
        apart = sum(np.bitwise_count(rows[:, None, word] ^ hashes[None, :, word]) for word in range(4))
        for row, other in np.argwhere(np.asarray(apart) <= MAX_BITS):
            if other > row + start:
                first, second = group[row + start], group[other]
                group[group == max(first, second)] = min(first, second)
    return group


def split_groups(
    label: NDArray[np.int64], group: NDArray[np.int64], validation: float, seed: int
) -> NDArray[np.bool_]:
    """Choose the pictures that validate: bool (n,), whole groups, about `validation` of each class."""
    room = {int(name): round(validation * int((label == name).sum())) or 1 for name in np.unique(label)}
    chosen = np.zeros(len(label), np.bool_)
    for name in np.random.default_rng(seed).permutation(np.unique(group)):
        members = np.flatnonzero(group == name)
        kinds, counts = np.unique(label[members], return_counts=True)
        if all(room[int(kind)] >= count for kind, count in zip(kinds, counts, strict=True)):
            chosen[members] = True
            for kind, count in zip(kinds, counts, strict=True):
                room[int(kind)] -= int(count)
    return chosen


def _pick(files: LabelledFiles, chosen: NDArray[np.bool_]) -> LabelledFiles:
    index = np.flatnonzero(chosen)
    return LabelledFiles(tuple(files.paths[at] for at in index), files.label[index])


def _class_names(folder: Path) -> tuple[str, ...]:
    try:
        names = sorted(
            entry.name for entry in folder.iterdir() if entry.is_dir() and entry.name[0] not in "._"
        )
    except OSError as error:
        raise TrainingDataInvalid(f"{folder}: {error}; expected a folder with one folder a class") from error
    if len(names) < 2:
        raise TrainingDataInvalid(
            f"{folder}: got {len(names)} class folders, expected two or more, such as {folder}/safe and "
            f"{folder}/violence"
        )
    return tuple(names)


def _files(folder: Path, classes: Sequence[str]) -> LabelledFiles:
    extra = set(_class_names(folder)) - set(classes)
    if extra:
        raise TrainingDataInvalid(
            f"{folder}: got classes {sorted(extra)} that train/ lacks; add or remove them"
        )
    paths: list[Path] = []
    label: list[int] = []
    for number, name in enumerate(classes):
        inside = folder / name
        found = sorted(path for path in inside.glob("*") if path.suffix.lower() in SUFFIXES)
        if not found:
            raise TrainingDataInvalid(
                f"{inside}: got no picture, expected files that end in {', '.join(sorted(SUFFIXES))}"
            )
        paths += found
        label += [number] * len(found)
    return LabelledFiles(tuple(paths), np.array(label, np.int64))

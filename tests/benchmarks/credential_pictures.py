"""The pictures of durable_credentials.py: those that are registered, and strangers that could be taken for them.

Of a folder, every third picture is registered whole. The others are cut into cells, of which three in four are
registered and enlarged; the fourth is a stranger beside them. Cells of bare sky or wall are left out: nobody's picture.
No picture may be there twice, or its parts are each other's copies. The rest is drawn: by the built-in generator,
whose pictures of one prompt differ in the seed alone, and by the watermark benchmark's twelve kinds. Strangers are
drawn with the very words and kinds that registered pictures were drawn with.
"""

from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from service.generators.builtin import draw as generate
from tests.benchmarks.watermark.covers import KINDS, Picture, draw
from tests.benchmarks.watermark.suite import seeded

WORDS = ("sea", "city", "forest", "desert", "mountains", "night city", "red flowers", "snow", "abstract")
_CELL_PX, _WHOLE_PX = 256, 1024
_SIDES = (384, 512, 640)
_SHAPES = ((1, 1), (5, 4), (4, 5), (16, 9))
_LEAST_DETAIL = 5.0  # grey levels of standard deviation, less the coarse shading
_STRANGER = 1_000_000  # seeds from here on are of strangers


def registered(folders: list[Path], number: int) -> Iterator[tuple[str, Picture]]:
    """Yield `number` names and pictures: of the folders as far as they reach, then drawn ones."""
    found = ((name, picture) for name, picture, known in _of(folders) if known)
    yield from islice(_then(found, _drawn(0)), number)


def strangers(folders: list[Path], number: int) -> Iterator[tuple[str, Picture]]:
    """Yield `number` names and pictures that `registered` never yields."""
    found = ((name, picture) for name, picture, known in _of(folders) if not known)
    yield from islice(_then(found, _drawn(_STRANGER)), number)


def _then(
    first: Iterator[tuple[str, Picture]], second: Iterator[tuple[str, Picture]]
) -> Iterator[tuple[str, Picture]]:
    yield from first
    yield from second


def _drawn(start: int) -> Iterator[tuple[str, Picture]]:
    kinds = list(KINDS)
    for turn in count():
        seed = start + turn
        rng = seeded("drawn", str(seed))
        side, (across, down) = int(rng.choice(_SIDES)), _SHAPES[int(rng.integers(len(_SHAPES)))]
        if start:  # strangers are not marked: the fingerprint sees the same in a smaller picture
            side //= 2
        height, width = (round(side * part / min(across, down)) for part in (down, across))
        if turn % 2:
            words = WORDS[turn // 2 % len(WORDS)]
            yield f"generated, {words}, {seed}", generate(words, seed, height, width)
        else:
            kind = kinds[turn // 2 % len(kinds)]
            yield f"{kind}, {seed}", draw(kind, seed, height, width)


def _of(folders: list[Path]) -> Iterator[tuple[str, Picture, bool]]:
    """Yield name, picture, and whether it is to be registered."""
    paths = [path for folder in folders for path in sorted(folder.iterdir())]
    paths = [path for path in paths if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}]
    for number, path in enumerate(paths):
        image = np.asarray(Image.open(path).convert("RGB"))
        if number % 3 == 0:
            yield path.name, _fitted(image, min(1.0, _WHOLE_PX / max(image.shape[:2]))), True
            continue
        rows, columns = (max(1, side // _CELL_PX) for side in image.shape[:2])
        for cell in range(rows * columns):
            row, column = divmod(cell, columns)
            top, left = (edge * size // parts for edge, size, parts in (
                (row, image.shape[0], rows), (column, image.shape[1], columns)))  # fmt: skip
            part = image[top : top + image.shape[0] // rows, left : left + image.shape[1] // columns]
            fine = part.mean(axis=2) - cv2.GaussianBlur(part, (0, 0), 20).mean(axis=2)
            if fine.std() < _LEAST_DETAIL:
                continue
            side = int(seeded(path.name, str(cell)).choice(_SIDES))
            yield f"{path.name}, part {cell}", _fitted(part, side / min(part.shape[:2])), cell % 4 != 3


def _fitted(image: Picture, scale: float) -> Picture:
    if scale == 1.0:
        return np.ascontiguousarray(image)
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)

"""Marks, backgrounds and batches for the two networks of `classifiers.image_logos`.

Owns which marks are kept from training (the shipped brands, and every mark that looks like one of them, so that
figures on shipped brands are figures on unseen marks) and how a scene becomes a target.
"""

import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifiers.errors import TrainingDataInvalid
from classifiers.logo_finder import PIECE, STRIDE, UNIT, cut_piece
from classifiers.logo_marks import read_mark
from classifiers.training.logo_scenes import Icon, Picture, background, distract, place, weather

CANVAS: Final = 128
"""Pixels of a training scene's side."""
SIZES: Final = (19.0, 58.0)
"""Pixels of a mark's side that the finder must find; see `logo_finder.LEVELS`."""
PATCH: Final = 96
"""Pixels of the side of a scene that the describer's pieces are cut from."""
_MOST_HIDDEN: Final = 0.45
_TOO_LARGE: Final = (80.0, 220.0)
"""Marks of the next levels: their parts are nothing on this level."""
_ALIKE: Final = 0.86
"""Correlation of two 24 x 24 silhouettes from which on they count as the same mark."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Scenes and what is in them.

    Attributes:
        scenes: uint8 (N, CANVAS, CANVAS, 3).
        heat, weight: float32 (N, h, w), see `logo_network.finder_loss`.
        boxes: float32 (N, 3, h, w).

    """

    scenes: NDArray[np.uint8]
    heat: NDArray[np.float32]
    weight: NDArray[np.float32]
    boxes: NDArray[np.float32]


def load_icons(folder: Path) -> list[Icon]:
    """Read an unpacked `simple-icons` package (icons/*.svg, data/simple-icons.json), sorted by slug.

    Raises:
        TrainingDataInvalid: it is not one.
        BrandInvalid: a mark cannot be drawn.

    """
    try:
        entries = json.loads((folder / "data" / "simple-icons.json").read_text(encoding="utf-8"))
        colours = {entry["slug"]: bytes.fromhex(entry["hex"]) for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingDataInvalid(
            f"icons: got {folder} ({error}), expected an unpacked npm package simple-icons (`npm pack simple-icons`)"
        ) from error
    icons = []
    for path in sorted((folder / "icons").glob("*.svg")):
        red, green, blue = colours.get(path.stem, b"\0\0\0")
        icons.append(Icon(path.stem, read_mark(path.read_bytes(), path.name), (red, green, blue)))
    if len(icons) < 2:
        raise TrainingDataInvalid(f"icons: got {len(icons)} SVGs in {folder / 'icons'}, expected at least 2")
    return icons


def load_backgrounds(folder: Path, longest: int = 1024) -> list[Picture]:
    """Read all pictures of a folder, uint8 (H, W, 3), the longer side at most `longest`.

    Raises:
        TrainingDataInvalid: a file is no picture, or there is none.

    """
    pictures = []
    for path in sorted(folder.glob("*")):
        try:
            picture = Image.open(path).convert("RGB")
        except OSError as error:
            raise TrainingDataInvalid(
                f"background {path}: got {error}, expected a picture; remove it from the folder"
            ) from error
        picture.thumbnail((longest, longest))
        pictures.append(np.asarray(picture))
    if not pictures:
        raise TrainingDataInvalid(f"backgrounds: got none in {folder}, expected pictures")
    return pictures


def shipped_brands() -> list[dict[str, Any]]:
    """Give the rows of `models/logos/brands.toml`: title, slug, source."""
    text = (resources.files("classifiers") / "models" / "logos" / "brands.toml").read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = tomllib.loads(text)["brand"]
    return rows


def alike(icons: list[Icon]) -> NDArray[np.bool_]:
    """Tell which marks are the same or nearly so: bool (N, N)."""
    small = np.stack([cv2.resize(icon.shape, (24, 24), interpolation=cv2.INTER_AREA) for icon in icons])
    flat = small.reshape(len(icons), -1).astype(np.float32)
    flat -= flat.mean(axis=1, keepdims=True)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
    return np.asarray(flat @ flat.T > _ALIKE)


def split_icons(icons: list[Icon], kept_out: set[str]) -> tuple[list[Icon], list[Icon]]:
    """Give the marks to train on and the marks named in `kept_out`; what looks like one of those is in neither."""
    named = [row for row, icon in enumerate(icons) if icon.slug in kept_out]
    near = set(np.flatnonzero(alike(icons)[:, named].any(axis=1)).tolist())
    return [icon for row, icon in enumerate(icons) if row not in near], [icons[row] for row in named]


def rehearsal_icons(icons: list[Icon]) -> tuple[list[Icon], list[Icon]]:
    """Keep every 20th mark, and what looks like it, from training: to choose weights and to try brand folders."""
    kept = {icon.slug for icon in icons[::20]}
    kept_out, rest = split_icons(icons, kept)[::-1]
    return kept_out, rest


def make_batch(rng: np.random.Generator, icons: list[Icon], pictures: list[Picture], scenes: int) -> Batch:
    """Draw `scenes` scenes: a mark of the right size in 70 %, of another size in 12 %, none in the rest."""
    cells = CANVAS // STRIDE
    heat = np.zeros((scenes, cells, cells), np.float32)
    weight = np.ones_like(heat)
    boxes = np.zeros((scenes, 3, cells, cells), np.float32)
    drawn = []
    order = rng.choice(len(icons), min(scenes, len(icons)), replace=False)
    for scene in range(scenes):
        picture = background(rng, pictures, CANVAS)
        if rng.random() < 0.35:
            picture, (x, y, side) = distract(rng, picture)
            weight[scene] = _away(cells, x, y, 0.6 * side)  # letters may be a mark: nobody can say
        kind = rng.random()
        icon = icons[int(order[scene % len(order)])]
        if kind < 0.7:
            picture, placed = place(rng, picture, icon, float(np.exp(rng.uniform(*np.log(SIZES)))))
            _mark(heat[scene], boxes[scene], placed.x, placed.y, placed.side)
        elif kind < 0.82:
            picture, placed = place(rng, picture, icon, float(np.exp(rng.uniform(*np.log(_TOO_LARGE)))))
            weight[scene] *= 0.5
        drawn.append(weather(rng, picture))
    return Batch(np.stack(drawn), heat, weight, boxes)


def make_pieces(
    rng: np.random.Generator, icons: list[Icon], pictures: list[Picture], chosen: NDArray[np.int64]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Show the marks `chosen` in scenes, as the finder would cut them out: (P, 64, 64, 3), and decoys (M, ...).

    A decoy is a piece without a mark, or with too little of one: letters and shapes, ground, parts of marks.
    """
    seen, decoys = [], []
    for index in chosen.tolist():
        picture = background(rng, pictures, PATCH)
        decoy = None
        if rng.random() < 0.3:
            picture, decoy = distract(rng, picture)
        for _ in range(4):  # a mark that is mostly hidden is drawn again
            side = float(np.exp(rng.uniform(*np.log(SIZES))))
            scene, placed = place(rng, picture, icons[index], side)
            if placed.hidden < _MOST_HIDDEN:
                break
        scene = weather(rng, scene)
        shift = rng.normal(0, 0.05, 2) * placed.side
        factor = float(np.exp(rng.normal(0.0, 0.1)))
        seen.append(cut_piece(scene, placed.x + shift[0], placed.y + shift[1], placed.side * factor))
        if decoy is not None and not _near((0, *decoy), placed.x, placed.y, placed.side):
            decoys.append(cut_piece(scene, *decoy))
        elif rng.random() < 0.25:
            part = placed.side * rng.uniform(0.25, 0.5)
            way = rng.uniform(-0.4, 0.4, 2) * placed.side
            decoys.append(cut_piece(scene, placed.x + way[0], placed.y + way[1], part))
    return np.stack(seen), np.stack(decoys) if decoys else np.zeros((0, PIECE, PIECE, 3), np.uint8)


def _near(decoy: tuple[int, float, float, float], x: float, y: float, side: float) -> bool:
    return max(abs(decoy[1] - x), abs(decoy[2] - y)) < 0.5 * (side + decoy[3])


def _away(cells: int, x: float, y: float, radius: float) -> NDArray[np.float32]:
    """Give 0 in the cells within `radius` of (x, y), 1 elsewhere."""
    centres = (np.arange(cells) + 0.5) * STRIDE
    inside = (np.abs(centres[:, None] - y) < radius) & (np.abs(centres[None] - x) < radius)
    return np.asarray(1 - inside, np.float32)


def _mark(heat: NDArray[np.float32], boxes: NDArray[np.float32], x: float, y: float, side: float) -> None:
    """Write one mark into a scene's targets."""
    cells = heat.shape[0]
    centres = (np.arange(cells) + 0.5) * STRIDE
    spread = max(0.7, side / STRIDE / 6) * STRIDE
    bump = np.exp(-((centres[:, None] - y) ** 2 + (centres[None] - x) ** 2) / (2 * spread**2))
    row, column = (int(np.clip(v / STRIDE, 0, cells - 1)) for v in (y, x))
    bump[row, column] = 1
    better = bump > heat
    heat[better] = bump[better]
    boxes[0][better] = np.log(side / UNIT)
    boxes[1][better] = np.broadcast_to((x - centres)[None] / STRIDE, heat.shape)[better]
    boxes[2][better] = np.broadcast_to((y - centres)[:, None] / STRIDE, heat.shape)[better]

"""Draw labelled pictures for the demonstration of `train_pictures`.

Owns a task that is made of nothing but numpy and OpenCV, and hard enough to need a network: harmful classes are
silhouettes and stains in any colour, size and direction, on busy backgrounds, among other things, sometimes partly
covered; the harmless class holds the same backgrounds with the look-alikes.

    safe       a drill, a key, a hammer, a spoon, an umbrella, a leaf ... ; red balls, red petals, a red bow
    handgun    a pistol's outline: slide, grip, trigger guard
    blade      a knife's outline: point, guard, handle
    splatter   a stain of blood: one ragged blot and drops thrown from it

It is for showing training, quantisation and serving. It does not make a weapon detector: a photograph is far from
these drawings.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Image = NDArray[np.uint8]

FEEDS: Final = {
    "safe": (),
    "handgun": ("violence",),
    "blade": ("violence",),
    "splatter": ("violence", "violence/graphic"),
}
CLASSES: Final = tuple(FEEDS)
_FINE: Final = 4
"""Fractional bits of the coordinates handed to OpenCV: sixteenths of a pixel."""


def draw(name: str, side: int, rng: np.random.Generator) -> Image:
    """Draw one picture of class `name`: uint8 (side, side, 3) RGB."""
    picture = _background(side, rng)
    for _ in range(int(rng.integers(0, 3))):
        _place(picture, _HARMLESS[int(rng.integers(len(_HARMLESS)))], rng, (0.12, 0.28))
    if name == "safe":
        for _ in range(int(rng.integers(1, 3))):
            _place(picture, _HARMLESS[int(rng.integers(len(_HARMLESS)))], rng, (0.28, 0.6))
        if rng.random() < 0.35:
            _red_things(picture, rng)
    elif name == "splatter":
        _splatter(picture, rng)
    else:
        if rng.random() < 0.15:
            _red_things(picture, rng)
        _place(picture, {"handgun": _handgun, "blade": _blade}[name], rng, (0.34, 0.62))
    return _as_a_camera_would(picture, rng)


def write_folders(
    out: Path, counts: dict[str, int], side: int, seed: int, classes: Sequence[str] = CLASSES
) -> None:
    """Write `out/<part>/<class>/*.jpg`, `counts[part]` pictures of each class; parts share no random number.

    A picture is the same whatever other classes are drawn.
    """
    for part_number, (part, count) in enumerate(counts.items()):
        for name in classes:
            class_number = CLASSES.index(name)
            folder = out / part / name
            folder.mkdir(parents=True, exist_ok=True)
            for at in range(count):
                rng = np.random.default_rng((seed, part_number, class_number, at))
                picture = draw(name, side, rng)
                cv2.imwrite(str(folder / f"{at:05}.jpg"), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])


def _background(side: int, rng: np.random.Generator) -> Image:
    """Noise of several scales between two colours, with stripes or tiles over some of them."""
    field = np.zeros((side, side), np.float32)
    for cells in (2, 4, 9, 20):
        grid = rng.random((cells, cells)).astype(np.float32)
        field += (
            cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC) * rng.uniform(0.2, 1) / cells**0.5
        )
    field = (field - field.min()) / (np.ptp(field) + 1e-6)
    first, second = rng.uniform(0, 255, (2, 3))
    picture = first + (second - first) * field[:, :, None]
    kind = rng.random()
    if kind < 0.45:
        y, x = np.mgrid[:side, :side] / side
        turn, waves = rng.uniform(0, np.pi), rng.uniform(3, 18)
        wave = np.sin(2 * np.pi * waves * (x * np.cos(turn) + y * np.sin(turn)))
        if kind < 0.2:
            wave = wave * np.sin(2 * np.pi * waves * (y * np.cos(turn) - x * np.sin(turn)))
        picture = picture + rng.uniform(5, 40) * np.sign(wave)[:, :, None]
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _place(
    picture: Image,
    shape: Callable[[np.random.Generator], list[Points]],
    rng: np.random.Generator,
    sizes: tuple[float, float],
) -> None:
    """Draw a shape (polygons around 0, about 1 across) turned, scaled, shaded, sometimes partly covered."""
    side = picture.shape[0]
    size = side * rng.uniform(*sizes)
    turn = rng.uniform(0, 2 * np.pi)
    flip = np.diag([rng.choice([-1, 1]), rng.uniform(0.8, 1.2)])
    matrix = size * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ flip
    centre = rng.uniform(size * 0.55, side - size * 0.55, 2) if size * 1.1 < side else np.full(2, side / 2)
    mask = np.zeros(picture.shape[:2], np.uint8)
    for polygon in shape(rng):
        points = polygon @ matrix.T + centre
        cv2.fillPoly(mask, [np.round(points * 2**_FINE).astype(np.int32)], 255, cv2.LINE_AA, _FINE)
    under = float(picture[mask > 128].mean()) if (mask > 128).any() else 128.0
    colour = rng.uniform(0, 255, 3)
    if abs(float(colour.mean()) - under) < 45:  # a thing that no eye can make out would be a wrong label
        colour = colour * 0.25 if under > 128 else 255 - (255 - colour) * 0.25
    shade = np.linspace(rng.uniform(0.75, 1), rng.uniform(1, 1.2), side)[:, None, None]
    alpha = mask[:, :, None] / 255
    picture[:] = np.clip(picture * (1 - alpha) + np.clip(colour * shade, 0, 255) * alpha, 0, 255)
    if rng.random() < 0.25:  # something in front of one end
        at = centre + rng.uniform(-0.45, 0.45, 2) * size
        box = cv2.boxPoints(((at[0], at[1]), (size * 0.16, size * 0.5), rng.uniform(0, 180)))
        cv2.fillPoly(picture, [box.astype(np.int32)], rng.uniform(0, 255, 3).tolist(), cv2.LINE_AA)


def _box(left: float, top: float, right: float, bottom: float) -> Points:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def _ring(x: float, y: float, outer: float, inner: float, corners: int = 24) -> Points:
    """Draw a ring as one polygon with a seam."""
    turn = np.linspace(0, 2 * np.pi, corners)
    circle = np.column_stack((np.cos(turn), np.sin(turn)))
    return np.asarray(np.concatenate((circle * outer, circle[::-1] * inner)) + np.array([x, y]), np.float64)


def _disc(x: float, y: float, wide: float, high: float, corners: int = 24) -> Points:
    turn = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    return np.column_stack((x + wide * np.cos(turn), y + high * np.sin(turn)))


def _handgun(rng: np.random.Generator) -> list[Points]:
    long, lean = rng.uniform(0.42, 0.55), rng.uniform(0.06, 0.16)
    thick = rng.uniform(0.13, 0.18)
    slide = _box(-0.42, -0.3, -0.42 + long * 1.9, -0.3 + thick)
    frame = _box(-0.4, -0.3 + thick, -0.4 + long * 1.5, -0.24 + thick)
    grip = np.array(
        [[-0.4, -0.26 + thick], [-0.18, -0.26 + thick], [-0.2 - lean, 0.34], [-0.44 - lean, 0.32]]
    )
    guard = _ring(-0.08, -0.17 + thick, 0.11, 0.075)
    trigger = _box(-0.09, -0.26 + thick, -0.06, -0.16 + thick)
    sight = _box(-0.42 + long * 1.75, -0.34, -0.42 + long * 1.85, -0.3)
    return [slide, frame, grip, guard, trigger, sight]


def _blade(rng: np.random.Generator) -> list[Points]:
    wide, edge = rng.uniform(0.07, 0.12), rng.uniform(0.0, 0.03)
    long = rng.uniform(0.5, 0.62)
    x = np.linspace(0, 1, 9)
    back = np.column_stack((-0.12 + long * x, np.full(9, -wide) + edge * x))
    belly = np.column_stack((-0.12 + long * x[::-1], wide - 2 * wide * x[::-1] ** 3 + edge * x[::-1]))
    guard = _box(-0.15, -wide - 0.05, -0.11, wide + 0.05)
    handle = np.array([[-0.5, -0.06], [-0.14, -0.05], [-0.14, 0.05], [-0.5, 0.07]])
    return [np.concatenate((back, belly)), guard, handle]


def _drill(rng: np.random.Generator) -> list[Points]:
    long = rng.uniform(0.3, 0.4)
    body = _box(-0.35, -0.3, 0.1, -0.02)
    chuck = np.array([[0.1, -0.26], [0.24, -0.2], [0.24, -0.12], [0.1, -0.06]])
    bit = _box(0.24, -0.175, 0.24 + long * 0.7, -0.145)
    grip = np.array([[-0.28, -0.05], [-0.1, -0.05], [-0.08, 0.26], [-0.26, 0.26]])
    return [body, chuck, bit, grip, _box(-0.36, 0.22, 0.02, 0.4)]


def _key(rng: np.random.Generator) -> list[Points]:
    teeth = [_box(at, 0.04, at + 0.05, 0.04 + rng.uniform(0.06, 0.14)) for at in (0.2, 0.29, 0.38)]
    return [_ring(-0.3, 0, 0.2, 0.09), _box(-0.12, -0.05, 0.46, 0.05), *teeth]


def _hammer(rng: np.random.Generator) -> list[Points]:
    return [
        _box(-0.05, -0.25, 0.05, 0.5),
        _box(-0.26, -0.42, 0.2, -0.22),
        _box(0.2, -0.38, 0.3 + rng.uniform(0, 0.1), -0.3),
    ]


def _spoon(rng: np.random.Generator) -> list[Points]:
    return [_disc(-0.32, 0, 0.18, rng.uniform(0.1, 0.13)), _box(-0.18, -0.03, 0.5, 0.03)]


def _umbrella(rng: np.random.Generator) -> list[Points]:
    turn = np.linspace(np.pi, 2 * np.pi, 15)
    top = np.column_stack((0.45 * np.cos(turn), 0.4 * np.sin(turn) - 0.02))
    hook = _ring(0.07, 0.38, 0.1, 0.06)
    return [top, _box(-0.02, -0.05, 0.02, 0.38), hook[hook[:, 1] > 0.36 - rng.uniform(0, 0.02)]]


def _leaf(rng: np.random.Generator) -> list[Points]:
    x = np.linspace(0, np.pi, 12)
    high = rng.uniform(0.13, 0.22)
    up = np.column_stack((x / np.pi * 0.8 - 0.3, -high * np.sin(x)))
    return [np.concatenate((up, up[::-1] * (1, -1))), _box(-0.5, -0.015, -0.28, 0.015)]


def _bottle(rng: np.random.Generator) -> list[Points]:
    neck = rng.uniform(0.05, 0.08)
    return [
        _box(-0.5, -0.15, 0.1, 0.15),
        np.array([[0.1, -0.15], [0.24, -neck], [0.24, neck], [0.1, 0.15]]),
        _box(0.24, -neck, 0.48, neck),
    ]


def _bracket(rng: np.random.Generator) -> list[Points]:
    thick = rng.uniform(0.12, 0.2)
    return [_box(-0.4, -0.35, 0.4, -0.35 + thick), _box(-0.4, -0.35, -0.4 + thick, 0.4)]


def _pen(rng: np.random.Generator) -> list[Points]:
    thick = rng.uniform(0.04, 0.06)
    return [
        _box(-0.5, -thick, 0.36, thick),
        np.array([[0.36, -thick], [0.5, 0.0], [0.36, thick]]),
        _box(-0.5, -thick - 0.03, -0.2, -thick),
    ]


_HARMLESS: Final = (_drill, _key, _hammer, _spoon, _umbrella, _leaf, _bottle, _bracket, _pen)


def _red(rng: np.random.Generator) -> list[float]:
    return [float(rng.uniform(110, 190)), float(rng.uniform(0, 30)), float(rng.uniform(0, 35))]


def _splatter(picture: Image, rng: np.random.Generator) -> None:
    """Draw one ragged blot with drops thrown outwards, smaller with distance."""
    side = picture.shape[0]
    colour, radius = _red(rng), side * rng.uniform(0.1, 0.2)
    centre = rng.uniform(radius * 1.6, side - radius * 1.6, 2)
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    edge = np.ones(64)
    for waves in range(3, 16):
        edge += rng.uniform(0, 0.5) / waves**0.5 * np.sin(waves * turn + rng.uniform(0, 2 * np.pi))
    edge = np.clip(edge, 0.4, 2)
    blot = np.column_stack((np.cos(turn), np.sin(turn))) * (edge * radius)[:, None] + centre
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(blot * 2**_FINE).astype(np.int32)], 255, cv2.LINE_AA, _FINE)
    for _ in range(int(rng.integers(14, 45))):
        way, far = rng.uniform(0, 2 * np.pi), rng.uniform(1.1, 3.2)
        at = centre + radius * far * np.array([np.cos(way), np.sin(way)])
        drop = radius * rng.uniform(0.03, 0.2) / far**0.5
        cv2.ellipse(
            mask,
            ((float(at[0]), float(at[1])), (drop * 2 * rng.uniform(1, 2.5), drop * 2), float(np.rad2deg(way))),
            255, -1, cv2.LINE_AA,
        )  # fmt: skip
    alpha = mask[:, :, None] / 255 * rng.uniform(0.85, 1)
    picture[:] = picture * (1 - alpha) + np.array(colour) * alpha


def _red_things(picture: Image, rng: np.random.Generator) -> None:
    """Draw what is red and round and no blood: balls, a flower of petals, dots in a row."""
    side = picture.shape[0]
    colour: Any = _red(rng)
    kind = rng.random()
    x, y = rng.uniform(side * 0.2, side * 0.8, 2)
    if kind < 0.4:
        for _ in range(int(rng.integers(1, 5))):
            at = rng.uniform(0, side, 2).astype(int).tolist()
            cv2.circle(picture, at, int(side * rng.uniform(0.04, 0.16)), colour, -1, cv2.LINE_AA)
    elif kind < 0.7:
        petals, far = int(rng.integers(5, 9)), side * rng.uniform(0.07, 0.13)
        for way in np.arange(petals) * 2 * np.pi / petals + rng.uniform(0, 1):
            at = (float(x + far * np.cos(way)), float(y + far * np.sin(way)))
            cv2.ellipse(
                picture, (at, (far * 1.4, far * 0.8), float(np.rad2deg(way))), colour, -1, cv2.LINE_AA
            )
        cv2.circle(picture, (int(x), int(y)), int(far / 2), (230, 200, 60), -1, cv2.LINE_AA)
    else:
        step = side * rng.uniform(0.06, 0.12)
        for row in range(3):
            for column in range(4):
                at = (int(x + (column - 1.5) * step), int(y + (row - 1) * step))
                cv2.circle(picture, at, max(1, int(step * 0.3)), colour, -1, cv2.LINE_AA)


def _as_a_camera_would(picture: Image, rng: np.random.Generator) -> Image:
    """Blur and add noise."""
    if rng.random() < 0.4:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.9))), np.uint8)
    noise = rng.normal(0, rng.uniform(0, 9), picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)

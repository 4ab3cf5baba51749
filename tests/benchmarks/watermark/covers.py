"""Pictures to mark, drawn from a seed: twelve kinds, from clean skies to dense texture, at any size.

No file and no network is needed, and the same (kind, seed, size) gives the same pixels. The kinds are chosen for what
decides whether a mark survives and whether it is seen: flat areas, texture, isolated edges, darkness, saturated colour
and periodic detail. Features are sized relative to the short side, grain in pixels, as a camera or a model would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]


@dataclass(frozen=True)
class Cover:
    """One picture of the run.

    Attributes:
        name: unique in a run; every random choice about the picture is seeded by it.
        kind: what it shows, or the folder it came from.
        image: uint8 (H, W, 3) RGB.

    """

    name: str
    kind: str
    image: Picture


def draw(kind: str, seed: int, height: int, width: int) -> Picture:
    """Draw one picture, uint8 (height, width, 3) RGB; raises KeyError for an unknown kind."""
    rng = np.random.default_rng([seed, height, width, *kind.encode()])
    return np.clip(np.rint(KINDS[kind](rng, height, width)), 0, 255).astype(np.uint8)


def drawn_covers(sizes: list[tuple[int, int]], kinds: list[str], seed: int) -> Iterator[Cover]:
    """Yield one picture of each kind for each (height, width), mixed so that a run cut short has all of them."""
    for turn in range(len(sizes)):
        for number, kind in enumerate(kinds):
            height, width = sizes[(number + turn) % len(sizes)]
            yield Cover(f"{kind}-{width}x{height}-{seed}", kind, draw(kind, seed, height, width))


def fractal(rng: np.random.Generator, height: int, width: int, slope: float, finest_px: float = 1.0) -> Field:
    """Noise of unit RMS at every scale down to `finest_px`; amplitude falls as (octave size) ** slope."""
    total = np.zeros((height, width), np.float32)
    cell = float(max(height, width))
    while cell >= finest_px:
        shape = (2 + int(height / cell), 2 + int(width / cell))
        grain = rng.normal(0, cell**slope, shape).astype(np.float32)
        total += cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC)
        cell /= 2
    return (total - total.mean()) / np.float32(max(float(total.std()), 1e-6))


def blend(below: Field, above: Field | tuple[float, ...], share: Field) -> Field:
    """Lay `above` over `below` (H, W, 3) where `share` (H, W), 0..1, says so."""
    share = share[..., None]
    return np.asarray(below * (1 - share) + np.asarray(above, np.float32) * share, np.float32)


def grain(rng: np.random.Generator, picture: Field, sigma: float) -> Field:
    """Add camera noise: mostly luma, a little colour."""
    shape = picture.shape[:2]
    luma = rng.normal(0, sigma, (*shape, 1)).astype(np.float32)
    return picture + luma + rng.normal(0, 0.4 * sigma, picture.shape).astype(np.float32)


def _ramp(
    height: int, width: int, top: tuple[float, ...], bottom: tuple[float, ...], tilt: float = 0
) -> Field:
    """A linear gradient from `top` to `bottom`, leaning by `tilt` of the width."""
    down = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    across = np.linspace(-tilt, tilt, width, dtype=np.float32)[None]
    share = np.clip(down + across, 0, 1)[..., None]
    return np.asarray(np.float32(top) * (1 - share) + np.float32(bottom) * share, np.float32)


def _ellipse(
    height: int, width: int, centre: tuple[float, float], axes: tuple[float, float], turn: float = 0.0
) -> Field:
    """Coverage (H, W), 0..1, of an ellipse; centre (x, y) and half axes in shares of width and short side."""
    shape = np.zeros((height, width), np.uint8)
    side = min(height, width)
    place = (round(centre[0] * width), round(centre[1] * height))
    half = (max(1, round(axes[0] * side)), max(1, round(axes[1] * side)))
    cv2.ellipse(shape, place, half, turn, 0, 360, 255, -1, cv2.LINE_AA)
    return shape.astype(np.float32) / 255


def _soft(share: Field, radius: float) -> Field:
    return np.asarray(cv2.GaussianBlur(share, (0, 0), max(0.3, radius)), np.float32)


def _colour(rng: np.random.Generator, low: float = 20, high: float = 235) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in rng.uniform(low, high, 3))
    return red, green, blue


def sky(rng: np.random.Generator, height: int, width: int) -> Field:
    """Blue to pale, thin clouds, the noise of a good camera: where grain is seen first."""
    base = _ramp(height, width, (62, 118, 196), (188, 214, 238), 0.2)
    clouds = np.clip(fractal(rng, height, width, 1.3, 8) - 0.6, 0, 1.4) / 1.4
    return grain(rng, blend(base, (247, 247, 250), 0.85 * clouds), 0.7)


def skin(rng: np.random.Generator, height: int, width: int) -> Field:
    """Warm gradients with faint pores: a cheek from near."""
    base = _ramp(height, width, (224, 178, 152), (176, 120, 98), float(rng.uniform(0.2, 0.5)))
    for _ in range(5):
        spot = _soft(
            _ellipse(height, width, tuple(rng.random(2)), tuple(rng.uniform(0.1, 0.4, 2))), 0.1 * height
        )
        base = blend(base, (236, 196, 172) if rng.random() < 0.5 else (160, 100, 84), 0.5 * spot)
    pores = 1.6 * fractal(rng, height, width, 0.2, 2)
    return grain(rng, base + pores[..., None], 0.5)


def illustration(rng: np.random.Generator, height: int, width: int) -> Field:
    """Flat colours and sharp edges, no grain at all."""
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _colour(rng, 120)
    for number in range(18):
        colour = _colour(rng)
        if number % 3:
            centre, axes = tuple(rng.random(2)), tuple(rng.uniform(0.04, 0.3, 2))
            picture = blend(
                picture, colour, _ellipse(height, width, centre, axes, float(rng.uniform(0, 180)))
            )
        else:
            corners = (rng.random((4, 2)) * (width, height)).astype(np.int32)
            shape = np.zeros((height, width), np.uint8)
            cv2.fillConvexPoly(shape, cv2.convexHull(corners), 255, cv2.LINE_AA)
            picture = blend(picture, colour, shape.astype(np.float32) / 255)
    return picture


def texture(rng: np.random.Generator, height: int, width: int) -> Field:
    """Fur and gravel: strong detail everywhere, with directions that change slowly."""
    rough = fractal(rng, height, width, 0.35)
    length = max(5, min(height, width) // 40)
    strokes = rng.normal(0, 1, (height, width)).astype(np.float32)
    across, down = (cv2.blur(strokes, size) for size in ((length, 1), (1, length)))
    lean = np.clip(0.5 + 0.7 * fractal(rng, height, width, 1.5, 64), 0, 1)
    fur = (lean * across + (1 - lean) * down) * np.float32(length**0.5)
    tint = np.stack([fractal(rng, height, width, 0.8, 4) for _ in range(3)], axis=-1)
    return (118 + 26 * rough + 20 * fur)[..., None] + 12 * tint


def text_page(rng: np.random.Generator, height: int, width: int) -> Field:
    """Lines of words on paper, with one heading."""
    page = np.full((height, width), 255, np.uint8)
    side = min(height, width)
    size, y = max(0.3, side / 1400), side // 10
    while y < height - side // 16:
        heading = y == side // 10
        x, scale = side // 14, size * (2 if heading else 1)
        while x < width - side // 7:
            word = "".join(chr(97 + int(c)) for c in rng.integers(0, 26, int(rng.integers(2, 10))))
            thick = max(1, round(2 * scale))
            cv2.putText(page, word, (x, y), cv2.FONT_HERSHEY_COMPLEX, scale, 20, thick, cv2.LINE_AA)
            x += cv2.getTextSize(word + " ", cv2.FONT_HERSHEY_COMPLEX, scale, thick)[0][0]
        y += round(side * (0.07 if heading else 0.032)) + 6
    paper = np.float32((250, 247, 240)) + 0.8 * fractal(rng, height, width, 0.6, 4)[..., None]
    return np.asarray(
        paper * (page.astype(np.float32) / 255)[..., None] + 22 * (1 - page[..., None] / 255), np.float32
    )


def noise(rng: np.random.Generator, height: int, width: int) -> Field:
    """Coloured noise: a pushed photograph or an abstract print."""
    colour = np.stack([fractal(rng, height, width, 0.5, 2) for _ in range(3)], axis=-1)
    return 128 + 30 * colour + rng.normal(0, 18, (height, width, 3)).astype(np.float32)


def portrait(rng: np.random.Generator, height: int, width: int) -> Field:
    """A head and shoulders before a blurred background: smooth skin, hair, cloth, eyes."""
    side = min(height, width)
    back = np.stack(
        [_soft(100 + 45 * fractal(rng, height, width, 1.0, 8), side / 25) for _ in range(3)], axis=-1
    )
    cloth = np.float32(_colour(rng, 30, 200)) + 9 * fractal(rng, height, width, 0.1, 2)[..., None]
    picture = blend(back, cloth, _soft(_ellipse(height, width, (0.5, 1.05), (0.42, 0.34)), 1.5))
    streaks = cv2.blur(rng.normal(0, 1, (height, width)).astype(np.float32), (1, max(3, side // 30)))
    hair = np.float32((66, 44, 32)) + (90 * streaks)[..., None]
    picture = blend(picture, hair, _soft(_ellipse(height, width, (0.5, 0.42), (0.25, 0.3)), 2))
    face = skin(rng, height, width)
    picture = blend(picture, face, _soft(_ellipse(height, width, (0.5, 0.48), (0.185, 0.25)), 1.5))
    for x in (0.43, 0.57):
        centre = (0.5 + (x - 0.5) * side / width, 0.44)
        picture = blend(picture, (242, 238, 234), _ellipse(height, width, centre, (0.03, 0.015)))
        picture = blend(picture, (48, 66, 74), _ellipse(height, width, centre, (0.013, 0.013)))
    picture = blend(picture, (168, 76, 78), _soft(_ellipse(height, width, (0.5, 0.61), (0.06, 0.016)), 1))
    return grain(rng, picture, 0.8)


def night(rng: np.random.Generator, height: int, width: int) -> Field:
    """A dark street: lamps with glow, lit windows, sensor noise."""
    picture = _ramp(height, width, (8, 10, 22), (26, 20, 24))
    side = min(height, width)
    for _ in range(60):
        x, y = int(rng.integers(width)), int(rng.integers(height // 3, height))
        box = int(rng.integers(max(2, side // 90), max(3, side // 30)))
        picture[y : y + 2 * box, x : x + box] = np.float32((230, 190, 110)) * rng.uniform(0.2, 0.9)
    lamps = np.zeros((height, width), np.float32)
    for _ in range(12):
        lamps[int(rng.integers(height)), int(rng.integers(width))] = 1
    glow = sum(_soft(lamps, side * s) * np.float32(w * side**2) for s, w in ((0.006, 0.0006), (0.03, 0.004)))
    picture = picture + np.asarray(glow, np.float32)[..., None] * np.float32((255, 214, 150))
    return grain(rng, picture, 2.5)


def line_art(rng: np.random.Generator, height: int, width: int) -> Field:
    """Ink curves and hatching on white."""
    page = np.full((height, width), 255, np.uint8)
    thick = max(1, min(height, width) // 350)
    for _ in range(26):
        knots = rng.random((5, 2)) * (width, height)
        along = np.linspace(0, 4, 120)
        curve = np.stack([np.interp(along, range(5), knots[:, i]) for i in range(2)], axis=1)
        curve = cv2.GaussianBlur(curve.astype(np.float32), (1, 31), 0)
        cv2.polylines(
            page, [curve.astype(np.int32)], isClosed=False, color=10, thickness=thick, lineType=cv2.LINE_AA
        )
    left, top = (int(v) for v in rng.random(2) * (width / 2, height / 2))
    for step in range(0, min(height, width) // 3, 4 + 2 * thick):
        cv2.line(page, (left + step, top), (left, top + step), 30, thick, cv2.LINE_AA)
    return np.repeat(page[..., None].astype(np.float32), 3, axis=2)


def landscape(rng: np.random.Generator, height: int, width: int) -> Field:
    """Hills in haze with forest in front: from smooth to busy in one picture."""
    picture = _ramp(height, width, (120, 164, 216), (236, 222, 202))
    rows = np.arange(height, dtype=np.float32)[:, None]
    for layer in range(5):
        ridge = height * (0.35 + 0.13 * layer + 0.06 * fractal(rng, 1, width, 1.0, 4))
        near = (layer + 1) / 5
        detail = 30 * near * fractal(rng, height, width, 0.3 + 0.5 * (1 - near), 1.5)
        land = np.float32((52, 92, 56)) * near + np.float32((150, 172, 196)) * (1 - near)
        picture = blend(picture, land + detail[..., None], np.clip(rows - ridge, 0, 1))
    return grain(rng, picture, 1.0)


def weave(rng: np.random.Generator, height: int, width: int) -> Field:
    """Stripes and checks of cloth: periodic detail, which a periodic mark could be mistaken for."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    pitch = float(rng.uniform(5, 9))
    turn = float(rng.uniform(0, np.pi))
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    threads = np.sin(2 * np.pi * along / pitch) * np.sin(2 * np.pi * across / (1.3 * pitch))
    checks = np.sign(np.sin(2 * np.pi * along / (9 * pitch))) + np.sign(
        np.sin(2 * np.pi * across / (7 * pitch))
    )
    folds = 20 * fractal(rng, height, width, 1.5, 32)
    cloth = np.float32(_colour(rng, 70, 190)) + (26 * threads + 18 * checks + folds)[..., None]
    return grain(rng, np.asarray(cloth, np.float32), 1.5)


def product(rng: np.random.Generator, height: int, width: int) -> Field:
    """Shaded balls before a studio gradient: what image models draw when asked for nothing special."""
    picture = _ramp(height, width, _colour(rng, 150), _colour(rng, 90, 200), 0.3)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    side = min(height, width)
    for _ in range(4):
        cx, cy = rng.uniform(0.2, 0.8) * width, rng.uniform(0.3, 0.8) * height
        radius = rng.uniform(0.08, 0.22) * side
        shadow = _soft(
            _ellipse(height, width, (cx / width, (cy + radius) / height), (radius / side, 0.03)), side / 40
        )
        picture = blend(picture, (60, 60, 66), 0.5 * shadow)
        light = np.exp(-((x - cx + radius / 3) ** 2 + (y - cy + radius / 3) ** 2) / radius**2)
        ball = np.float32(_colour(rng, 60, 220)) * (0.35 + 0.75 * light[..., None])
        picture = blend(picture, ball, np.clip(radius - np.hypot(x - cx, y - cy), 0, 1).astype(np.float32))
    return picture


KINDS: dict[str, Callable[[np.random.Generator, int, int], Field]] = {
    "sky": sky,
    "skin": skin,
    "illustration": illustration,
    "texture": texture,
    "text page": text_page,
    "noise": noise,
    "portrait": portrait,
    "night": night,
    "line art": line_art,
    "landscape": landscape,
    "weave": weave,
    "product": product,
}

"""Draw a brand mark into a picture the way a photograph or an image model would show it.

Owns the compositor that training and measuring share. Rules it keeps: everything follows from the generator that
it is given, so a seed gives the same scene on every machine with the same OpenCV; what was done to the mark is
told (`Placed.style`), so that recall can be reported by distortion; a mark always stays visible to a person: it
keeps a least distance in colour from what is behind it, unless the style is `faint`.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Shape = NDArray[np.uint8]  # (S, S), 255 inside

STYLES: Final = ("flat", "gradient", "outline", "badge", "faint", "embossed", "shadow")
_STYLE_ODDS: Final = (0.36, 0.12, 0.07, 0.22, 0.08, 0.06, 0.09)
LEAST_CONTRAST: Final = 60
"""Sum over R, G, B of the distance between a mark's colour and the mean behind it."""
_FAINT: Final = (36, 75)
"""The same for the style `faint`."""


@dataclass(frozen=True, slots=True)
class Icon:
    """One brand mark.

    Attributes:
        slug: its name in simple-icons, or the stem of its file.
        shape: uint8 (SIDE, SIDE) silhouette, see `classifiers.logo_marks`.
        colour: RGB the brand uses.

    """

    slug: str
    shape: Shape
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a mark went.

    Attributes:
        x, y: centre in pixels.
        side: length in pixels of its longer side before occlusion.
        style: one of `STYLES`.
        hidden: share in [0, 1] of the mark that something covers or the picture's edge cuts off.
        turned: degrees of rotation in the plane.

    """

    x: float
    y: float
    side: float
    style: str
    hidden: float
    turned: float


def place(
    rng: np.random.Generator, picture: Picture, icon: Icon, side: float, *, style: str | None = None
) -> tuple[Picture, Placed]:
    """Draw `icon` about `side` pixels long somewhere into a copy of `picture`."""
    height, width = picture.shape[:2]
    style = style or str(rng.choice(STYLES, p=_STYLE_ODDS))
    half = side * 0.5
    slack = -0.12 * side if rng.random() < 0.12 else 0.02 * side  # now and then the edge cuts a piece off
    x = float(rng.uniform(half + slack, max(half + slack + 1, width - half - slack)))
    y = float(rng.uniform(half + slack, max(half + slack + 1, height - half - slack)))
    turned = float(np.clip(rng.normal(0, 9), -30, 30)) if rng.random() < 0.7 else 0.0
    corners = _corners(rng, x, y, side, turned)
    shape = icon.shape
    if style == "outline":
        shape = _outline(shape, int(rng.integers(5, 10)))
    cover = _warp(shape, corners, (height, width))
    length = float(np.mean([np.hypot(*(corners[i] - corners[i - 1])) for i in range(4)]))
    canvas = picture.astype(np.float32)
    y0, y1 = max(0, int(y - side)), min(height, int(y + side) + 1)
    x0, x1 = max(0, int(x - side)), min(width, int(x + side) + 1)
    window = canvas[y0:y1, x0:x1]
    alpha = cover[y0:y1, x0:x1, None]
    behind = window.mean(axis=(0, 1))
    if style == "badge":
        window, behind = _badge(rng, window, (x - x0, y - y0), corners - (x0, y0))
    if style == "shadow":
        window = _shadow(rng, window, alpha)
    ink = _ink(rng, icon, behind, _FAINT if style == "faint" else (LEAST_CONTRAST, 765))
    if style == "gradient":
        other = _ink(rng, icon, behind, (LEAST_CONTRAST, 765))
        ink = _ramp(rng, window.shape[:2], ink, other)
    if style == "embossed":
        painted = _emboss(rng, window, alpha)
    else:
        if rng.random() < 0.25:  # printed on the surface: takes over its light and dark
            light = window.mean(axis=2, keepdims=True)
            ink = ink * np.clip(1 + 0.5 * (light - light.mean()) / max(40.0, float(light.mean())), 0.5, 1.5)
        strength = rng.uniform(0.75, 1.0) if rng.random() < 0.3 else 1.0
        painted = window + (ink - window) * (alpha * np.float32(strength))
    hidden = max(0.0, 1 - float(cover.sum()) / max(1.0, float(shape.mean()) / 255 * length * length))
    if rng.random() < 0.18:
        covered = _occluder(rng, picture, (y0, y1, x0, x1), (x - x0, y - y0), side)
        patch, where = covered
        painted = painted * (1 - where) + patch * where
        hidden += float((alpha * where).sum()) / max(1.0, float(alpha.sum()))
    canvas[y0:y1, x0:x1] = painted
    done = np.clip(canvas + 0.5, 0, 255).astype(np.uint8)
    return done, Placed(x, y, length, style, float(np.clip(hidden, 0, 1)), turned)


def weather(rng: np.random.Generator, picture: Picture, strength: float = 1.0) -> Picture:
    """Blur, noise, light, JPEG: what happens to a whole picture. `strength` 0 changes nothing but JPEG at 95."""
    done = picture
    if rng.random() < 0.35 * strength:
        done = cv2.GaussianBlur(done, (0, 0), float(rng.uniform(0.4, 0.4 + 0.9 * strength)))
    elif rng.random() < 0.12 * strength:
        done = cv2.filter2D(done, -1, _motion(rng, int(rng.integers(3, 3 + round(3 * strength)))))
    if rng.random() < 0.5 * strength:
        gain, offset = rng.uniform(0.75, 1.25), rng.uniform(-20, 20)
        done = np.clip(done.astype(np.float32) * gain + offset, 0, 255).astype(np.uint8)
    if rng.random() < 0.4 * strength:
        noise = rng.standard_normal((*done.shape[:2], 1 if rng.random() < 0.5 else 3), np.float32)
        done = np.clip(done + noise * rng.uniform(1, 12) * strength, 0, 255).astype(np.uint8)
    quality = int(rng.uniform(35, 96)) if rng.random() < 0.7 * strength else 95
    ok, data = cv2.imencode(".jpg", done, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8) if ok else np.asarray(done, np.uint8)


def background(rng: np.random.Generator, pictures: list[Picture], side: int) -> Picture:
    """Give uint8 (side, side, 3): a piece of a picture, or a plain, graded or textured ground."""
    chance = rng.random()
    if not pictures or chance < 0.16:
        return _ground(rng, side)
    source = pictures[int(rng.integers(len(pictures)))]
    least = min(source.shape[:2])
    cut = int(np.exp(rng.uniform(np.log(min(least, 0.75 * side)), np.log(least))))
    top = int(rng.integers(0, source.shape[0] - cut + 1))
    left = int(rng.integers(0, source.shape[1] - cut + 1))
    piece = source[top : top + cut, left : left + cut]
    how = cv2.INTER_AREA if cut > side else cv2.INTER_LINEAR
    piece = cv2.resize(piece, (side, side), interpolation=how)
    return np.ascontiguousarray(piece[:, ::-1] if rng.random() < 0.5 else piece)


def distract(rng: np.random.Generator, picture: Picture) -> tuple[Picture, tuple[float, float, float]]:
    """Draw what looks like a mark and is none (letters, plain shapes): the picture and its (x, y, side)."""
    done = picture.copy()
    height, width = done.shape[:2]
    side = float(np.exp(rng.uniform(np.log(0.15), np.log(0.45)))) * min(height, width)
    x = float(rng.uniform(side / 2, width - side / 2))
    y = float(rng.uniform(side / 2, height - side / 2))
    colour = tuple(int(c) for c in rng.integers(0, 256, 3))
    thick = -1 if rng.random() < 0.5 else int(rng.integers(1, 4))
    kind = rng.random()
    if kind < 0.45:
        letters = "".join(chr(int(c)) for c in rng.choice(_LETTERS, int(rng.integers(1, 9))))
        font = int(rng.choice([0, 1, 2, 3, 4, 6, 7]))
        (wide, tall), _ = cv2.getTextSize(letters, font, 1.0, 1)
        scale = side / max(wide, tall)
        weight = max(1, round(scale * rng.uniform(0.8, 4)))
        at = (int(x - wide * scale / 2), int(y + tall * scale / 2))
        cv2.putText(done, letters, at, font, scale, colour, weight, cv2.LINE_AA)
    elif kind < 0.6:
        cv2.circle(done, (int(x), int(y)), int(side / 2), colour, thick, cv2.LINE_AA)
    elif kind < 0.75:
        box = cv2.boxPoints(((x, y), (side, side * rng.uniform(0.3, 1)), rng.uniform(-30, 30)))
        cv2.polylines(done, [box.astype(np.int32)], True, colour, abs(thick), cv2.LINE_AA)
        if thick < 0:
            cv2.fillConvexPoly(done, box.astype(np.int32), colour, cv2.LINE_AA)
    else:
        count = int(rng.integers(3, 9))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        radii = rng.uniform(0.2, 0.5, count) * side
        points = np.stack((x + radii * np.cos(angles), y + radii * np.sin(angles)), 1).astype(np.int32)
        if thick < 0:
            cv2.fillPoly(done, [points], colour, cv2.LINE_AA)
        else:
            cv2.polylines(done, [points], bool(rng.random() < 0.7), colour, thick, cv2.LINE_AA)
    return done, (x, y, side)


_LETTERS: Final = np.array([*range(48, 58), *range(65, 91), *range(97, 123)])


def _corners(rng: np.random.Generator, x: float, y: float, side: float, turned: float) -> NDArray[np.float32]:
    """Give the four corners, float32 (4, 2), of a square that was turned, squeezed and seen from the side."""
    square = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32) * np.float32(side / 2)
    if rng.random() < 0.5:
        square *= np.exp(rng.uniform(-0.12, 0.12, 2)).astype(np.float32)
    if rng.random() < 0.6:
        square += rng.uniform(-0.09, 0.09, (4, 2)).astype(np.float32) * np.float32(side)
    angle = np.deg2rad(turned)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    square = square @ turn
    square -= square.mean(axis=0)
    return np.asarray(square + np.array([x, y], np.float32), np.float32)


def _warp(shape: Shape, corners: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Draw `shape` into the quadrilateral: cover in [0, 1], float32 (H, W)."""
    longest = max(float(np.hypot(*(corners[i] - corners[i - 1]))) for i in range(4))
    while shape.shape[0] > 1.5 * longest and shape.shape[0] > 16:  # warping alone does not smooth
        shape = cv2.resize(shape, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    side = shape.shape[0]
    source = np.array([(0, 0), (side, 0), (side, side), (0, side)], np.float32) - np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source, corners)
    cover = cv2.warpPerspective(shape, matrix, (size[1], size[0]), flags=cv2.INTER_LINEAR)
    return np.asarray(cover, np.float32) / np.float32(255)


def _outline(shape: Shape, width: int) -> Shape:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    return np.asarray(cv2.morphologyEx(shape, cv2.MORPH_GRADIENT, kernel), np.uint8)


def _ink(
    rng: np.random.Generator, icon: Icon, behind: NDArray[np.float32], apart: tuple[int, int]
) -> NDArray[np.float32]:
    """Choose a colour, float32 (3,), whose distance from `behind` lies in `apart`."""
    kind = rng.random()
    if apart[1] < 765:
        way = rng.standard_normal(3) if rng.random() < 0.5 else np.full(3, rng.choice([-1.0, 1.0]))
        ink = behind + way / np.abs(way).sum() * rng.uniform(*apart)
    elif kind < 0.35:
        ink = np.array(icon.colour)
    elif kind < 0.55:
        ink = np.full(3, rng.uniform(235, 255))
    elif kind < 0.7:
        ink = np.full(3, rng.uniform(0, 25))
    else:
        ink = rng.uniform(0, 255, 3)
    if np.abs(ink - behind).sum() < apart[0]:
        ink = np.full(3, 250.0 if behind.mean() < 128 else 5.0)
    return np.asarray(np.clip(ink, 0, 255), np.float32)


def _ramp(
    rng: np.random.Generator, size: tuple[int, int], first: NDArray[np.float32], last: NDArray[np.float32]
) -> NDArray[np.float32]:
    angle = rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    share = np.clip(0.5 + xs * np.cos(angle) + ys * np.sin(angle), 0, 1)[..., None].astype(np.float32)
    return np.asarray(first + (last - first) * share, np.float32)


def _badge(
    rng: np.random.Generator,
    window: NDArray[np.float32],
    centre: tuple[float, float],
    corners: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Paint a plain plate behind the mark; give the window and the plate's colour."""
    middle = np.array(centre, np.float32)
    plate = middle + (corners - middle) * np.float32(rng.uniform(1.15, 1.7))
    colour = rng.uniform(0, 255, 3) if rng.random() < 0.6 else np.full(3, rng.choice([8.0, 250.0]))
    cover = np.zeros(window.shape[:2], np.uint8)
    if rng.random() < 0.5:
        radius = float(np.hypot(*(plate - middle).T).mean()) * 0.9
        cv2.circle(cover, (int(centre[0]), int(centre[1])), max(2, int(radius)), 255, -1, cv2.LINE_AA)
    else:
        cv2.fillConvexPoly(cover, plate.astype(np.int32), 255, cv2.LINE_AA)
    share = np.asarray(cover[..., None] / 255, np.float32)
    paint = np.asarray(colour, np.float32)
    return np.asarray(window * (1 - share) + paint * share, np.float32), paint


def _shadow(
    rng: np.random.Generator, window: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Darken or lighten softly around the mark."""
    soft = max(0.8, window.shape[0] * float(rng.uniform(0.01, 0.04)))
    blurred = cv2.GaussianBlur(alpha, (0, 0), soft)[..., None]
    shift = int(rng.integers(0, max(1, window.shape[0] // 30) + 1))
    blurred = np.roll(blurred, (shift, shift), (0, 1))
    tone = 0.0 if rng.random() < 0.7 else 255.0
    return np.asarray(window + (tone - window) * blurred * np.float32(rng.uniform(0.4, 0.9)), np.float32)


def _emboss(
    rng: np.random.Generator, window: NDArray[np.float32], alpha: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Raise the mark out of the surface: light on one edge, shade on the other, a little of both inside."""
    shift = max(1, round(window.shape[0] * 0.012))
    way = rng.choice([-1, 1])
    edge = np.roll(alpha, (-shift, -shift), (0, 1)) - np.roll(alpha, (shift, shift), (0, 1))
    depth, fill = rng.uniform(50, 110), rng.uniform(8, 30) * rng.choice([-1, 1])
    return np.asarray(window + way * edge * np.float32(depth) + alpha * np.float32(fill), np.float32)


def _occluder(
    rng: np.random.Generator,
    picture: Picture,
    box: tuple[int, int, int, int],
    centre: tuple[float, float],
    side: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give what covers a part of the mark, float32 (h, w, 3), and where, float32 (h, w, 1)."""
    height, width = box[1] - box[0], box[3] - box[2]
    where = np.zeros((height, width), np.uint8)
    angle = rng.uniform(0, 2 * np.pi)
    reach = side * rng.uniform(0.36, 0.52)  # the nearer to the middle, the more is covered
    at = (centre[0] + np.cos(angle) * reach, centre[1] + np.sin(angle) * reach)
    size = (side * rng.uniform(0.25, 0.5), side * rng.uniform(0.25, 0.9))
    turned = ((float(at[0]), float(at[1])), (float(size[0]), float(size[1])), float(np.rad2deg(angle)))
    if rng.random() < 0.5:
        cv2.ellipse(where, turned, 255, -1, cv2.LINE_AA)
    else:
        cv2.fillConvexPoly(where, cv2.boxPoints(turned).astype(np.int32), 255, cv2.LINE_AA)
    if rng.random() < 0.5:
        patch = np.full((height, width, 3), rng.uniform(0, 255, 3), np.float32)
    else:
        top = int(rng.integers(0, picture.shape[0] - height + 1))
        left = int(rng.integers(0, picture.shape[1] - width + 1))
        patch = picture[top : top + height, left : left + width].astype(np.float32)
    return patch, np.asarray(where[..., None] / 255, np.float32)


def _ground(rng: np.random.Generator, side: int) -> Picture:
    """Give a plain, graded or cloudy ground, uint8 (side, side, 3)."""
    first = rng.uniform(0, 255, 3).astype(np.float32)
    last = rng.uniform(0, 255, 3).astype(np.float32)
    kind = rng.random()
    if kind < 0.4:
        ground = np.broadcast_to(first, (side, side, 3))
    elif kind < 0.65:
        ground = _ramp(rng, (side, side), first, last)
    else:
        cells = int(rng.integers(2, 24))
        share = cv2.resize(
            rng.random((cells, cells), np.float32), (side, side), interpolation=cv2.INTER_CUBIC
        )
        ground = first + (last - first) * np.clip(share, 0, 1)[..., None]
    return np.clip(ground, 0, 255).astype(np.uint8)


def _motion(rng: np.random.Generator, length: int) -> NDArray[np.float32]:
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    middle = (length - 1) / 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * middle
    cv2.line(
        kernel,
        tuple(round(float(v)) for v in middle - reach),
        tuple(round(float(v)) for v in middle + reach),
        1.0,
    )
    return kernel / max(1.0, float(kernel.sum()))

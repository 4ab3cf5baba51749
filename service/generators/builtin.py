"""A stand-in for an image model: procedural pictures drawn with numpy, different for every prompt.

It understands a few words (sea, city, forest, night, ...) and hashes the rest into the seed. It exists so
that a fresh install can generate, mark and verify with no model and no network; it is no model and says so
in every mark (`countermark-builtin`). The same prompt and index give the same picture.
"""

import hashlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from service.generators import EditRequest, GeneratedImage, GenerationRequest
from service.repainting import repaint

Field = NDArray[np.float32]  # (H, W)
Rgb = NDArray[np.float32]  # (H, W, 3) in [0, 1]

DEFAULT_SIDE = 1024


class BuiltinGenerator:
    """See the module."""

    name = "countermark-builtin"
    version = "1"

    def generate(self, request: GenerationRequest) -> list[GeneratedImage]:
        """Draw `request.n` pictures; never fails."""
        size = (request.height or DEFAULT_SIDE, request.width or DEFAULT_SIDE)
        return [GeneratedImage(draw(request.prompt, index, *size)) for index in range(request.n)]

    def edit(self, request: EditRequest) -> list[GeneratedImage]:
        """Repaint the masked area with what the prompt draws, or the whole picture in its colours; never fails."""
        height, width = request.images[0].shape[:2]
        size = (request.height or height, request.width or width)
        drawn = (draw(request.prompt, index, *size) for index in range(request.n))
        return [GeneratedImage(repaint(request.images, request.mask, fresh)) for fresh in drawn]

    def close(self) -> None:
        """Nothing to release."""


def create() -> BuiltinGenerator:
    """Build the generator; it has no options."""
    return BuiltinGenerator()


def draw(prompt: str, index: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return one picture, uint8 (height, width, 3) RGB, decided by the prompt and the index alone."""
    digest = hashlib.blake2b(f"{index}\0{prompt}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    rng = np.random.default_rng(int.from_bytes(digest, "big"))
    words = prompt.casefold()
    scene = next((s for keys, s in _SCENES if any(k in words for k in keys)), None)
    if scene is None:
        scene = _SCENES[int(rng.integers(len(_SCENES)))][1]
    night = any(k in words for k in ("night", "dark", "moon", "star", "夜"))
    hue = next((h for h, keys in _HUES.items() if any(k in words for k in keys)), rng.uniform(0, 180))
    picture = scene(rng, height, width, _palette(rng, hue, night=night))
    grain = rng.normal(0.0, 0.012, (height, width, 1)).astype(np.float32)
    vignette = 1.0 - 0.25 * _radius(height, width, 0.5, 0.5)[..., None] ** 2
    return np.asarray(np.clip((picture * vignette + grain) * 255.0 + 0.5, 0, 255), np.uint8)


def _palette(rng: np.random.Generator, base_hue: float, *, night: bool) -> Rgb:
    """Five colours (5, 3), dark to light, from one hue (0..180, OpenCV's circle) to a neighbour."""
    hue = base_hue + np.array([0, 8, 18, 40, 60]) * rng.choice([-1, 1])
    light = np.array([40, 85, 140, 195, 240]) * (0.45 if night else 1.0)
    saturation = rng.uniform(70, 170) * np.array([1.0, 1.0, 0.9, 0.7, 0.35])
    hls = np.stack([hue % 180, light, saturation], 1).astype(np.uint8)[None]
    rgb: Rgb = (cv2.cvtColor(hls, cv2.COLOR_HLS2RGB)[0] / 255.0).astype(np.float32)
    return rgb


def _shade(field: Field, palette: Rgb) -> Rgb:
    """Map a field in [0, 1] through the palette, linearly between its colours."""
    position = np.clip(field, 0, 1) * (len(palette) - 1)
    low = np.minimum(position.astype(np.intp), len(palette) - 2)
    share = (position - low)[..., None].astype(np.float32)
    return np.asarray(palette[low] * (1 - share) + palette[low + 1] * share, np.float32)


def _noise(rng: np.random.Generator, height: int, width: int, cells: float, octaves: int = 6) -> Field:
    """Fractal value noise in [0, 1]; `cells` is how many lumps fit into the longer side."""
    total = np.zeros((height, width), np.float32)
    longest = max(height, width)
    for octave in range(octaves):
        step = longest / (cells * 2**octave)
        if step < 2:
            break
        coarse = rng.random((max(2, int(height / step) + 2), max(2, int(width / step) + 2)), np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) * np.float32(0.5**octave)
    low, high = float(total.min()), float(total.max())
    return np.asarray((total - low) / max(high - low, 1e-6), np.float32)


def _radius(height: int, width: int, y: float, x: float) -> Field:
    """Distance from the point (y, x), given in shares of the picture; 1 at about the far edge."""
    ys = np.linspace(0, 1, height, dtype=np.float32)[:, None] - np.float32(y)
    xs = np.linspace(0, 1, width, dtype=np.float32)[None] - np.float32(x)
    return np.asarray(np.sqrt(ys * ys + xs * xs) * np.float32(1.4), np.float32)


def _sky(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    """Gradient, clouds and a sun or moon."""
    fall = np.linspace(0.55, 0.95, height, dtype=np.float32)[:, None]
    sky = _shade(np.broadcast_to(fall, (height, width)), palette)
    clouds = np.clip(_noise(rng, height, width, 3) * 1.8 - 0.8, 0, 1)[..., None]
    sky = sky + clouds * (palette[4] - sky) * np.float32(0.8)
    glow = np.exp(-((_radius(height, width, rng.uniform(0.1, 0.4), rng.uniform(0.2, 0.8)) / 0.08) ** 4))[
        ..., None
    ]
    return np.asarray(sky + glow * (1 - sky) * 0.9, np.float32)


def _ridge(rng: np.random.Generator, width: int, cells: float) -> Field:
    """A one-dimensional fractal line in [0, 1], shape (width,)."""
    return np.asarray(_noise(rng, 4, width, cells, 8)[1], np.float32)


def _mountains(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    picture = _sky(rng, height, width, palette)
    ys = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    layers = int(rng.integers(3, 6))
    for layer in range(layers):
        depth = (layer + 1) / layers
        top = 0.35 + 0.5 * depth - _ridge(rng, width, 2 + 3 * depth) * np.float32(0.3)
        rock = _noise(rng, height, width, 10 + 20 * depth)
        ground = _shade(np.float32(0.75 - 0.6 * depth) + 0.25 * rock - 0.1, palette)
        cover = np.clip((ys - top[None]) * height, 0, 1)[..., None]
        picture = picture * (1 - cover) + ground * cover
    return picture


def _sea(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    picture = _sky(rng, height, width, palette)
    horizon = int(height * rng.uniform(0.4, 0.6))
    rows = height - horizon
    depth = np.linspace(0.02, 1, rows, dtype=np.float32)[:, None]
    swell = _noise(rng, rows, width, 6) + _noise(rng, rows, width, 30)
    waves = 0.5 + 0.5 * np.sin(swell * 6 + np.cumsum(0.35 / (depth + 0.08), axis=0) * 1.5)
    picture[horizon:] = _shade(0.1 + 0.35 * depth + 0.4 * waves * (0.3 + 0.7 * depth), palette)
    return picture


def _city(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    picture = _sky(rng, height, width, palette)
    for layer in range(3):
        x = -int(rng.integers(0, 40))
        while x < width:
            wide = max(8, int(width * rng.uniform(0.03, 0.09)))
            top = int(height * (0.25 + 0.15 * layer + rng.uniform(0, 0.3)))
            wall = palette[2 - layer] * np.float32(rng.uniform(0.6, 1.0))
            left, right = max(0, x), min(width, x + wide)
            if right > left and top < height:
                picture[top:, left:right] = wall
                pane = max(3, width // 128)
                lit = (
                    rng.random((max(1, (height - top) // (2 * pane)), max(1, (right - left) // (2 * pane))))
                    > 0.55
                )
                glass = np.kron(lit, np.array([[0, 0], [0, 1]])).repeat(pane, 0).repeat(pane, 1)
                rows, columns = min(glass.shape[0], height - top), min(glass.shape[1], right - left)
                window = glass[:rows, :columns, None].astype(np.float32) * 0.7
                area = picture[top : top + rows, left : left + columns]
                area += window * (palette[4] - area)
            x += wide + int(rng.integers(0, max(2, width // 60)))
    haze = _noise(rng, height, width, 4)[..., None] * 0.15
    return np.asarray(picture * (1 - haze) + palette[3] * haze, np.float32)


def _forest(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    picture = _sky(rng, height, width, palette)
    floor = _shade(0.3 * _noise(rng, height, width, 24) + 0.15, palette)
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    cover = np.clip((ys - height * 0.78) / (height * 0.1), 0, 1)[..., None]
    picture = picture * (1 - cover) + floor * cover
    leaves = _noise(rng, height, width, 40)
    for tree in range(int(rng.integers(14, 26))):
        depth = tree / 26
        foot, tall = height * (0.72 + 0.25 * depth), height * rng.uniform(0.3, 0.6) * (0.6 + 0.6 * depth)
        x, reach = rng.uniform(0, width), tall * 0.36
        rows = slice(max(0, int(foot - tall)), min(height, int(foot) + 1))
        columns = slice(max(0, int(x - reach)), min(width, int(x + reach) + 1))
        up, off, leaf = (
            (foot - ys[rows, columns]) / tall,
            np.abs(xs[rows, columns] - x),
            leaves[rows, columns],
        )
        half = (1 - up) * tall * 0.22 * (0.75 + 0.5 * np.abs(np.sin(up * 24)))
        crown = (up > 0.05) & (up < 1) & (off < half * (0.7 + 0.6 * leaf))
        trunk = (up >= 0) & (up < 0.1) & (off < tall * 0.02)
        colour = _shade(0.1 + 0.4 * leaf * (0.5 + depth), palette) * np.where(trunk, 0.5, 1.0)[..., None]
        area = picture[rows, columns]
        area[...] = np.where((crown | trunk)[..., None], colour, area)
    return np.asarray(picture, np.float32)


def _cells(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    """Stained glass: Voronoi cells with lead lines."""
    seeds = np.ones((height, width), np.uint8)
    count = int(rng.integers(60, 260))
    seeds[rng.integers(0, height, count), rng.integers(0, width, count)] = 0
    distance, label = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    tone = rng.random(int(label.max()) + 1).astype(np.float32)[label]
    edges = cv2.GaussianBlur(
        (cv2.Laplacian(label.astype(np.float32), cv2.CV_32F) != 0).astype(np.float32), (0, 0), 1.5
    )
    glass = _shade(0.15 + 0.6 * tone + 0.2 * _noise(rng, height, width, 30), palette)
    shine = 1 - 0.25 * (distance / max(float(distance.max()), 1.0))[..., None]
    return np.asarray(glass * shine * (1 - 0.8 * np.clip(edges, 0, 1)[..., None]), np.float32)


def _flow(rng: np.random.Generator, height: int, width: int, palette: Rgb) -> Rgb:
    """Marbled paper: noise looked up through noise (domain warping)."""
    base = _noise(rng, height, width, 4, 8)
    reach = np.float32(0.35 * max(height, width))
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    bend_x, bend_y = _noise(rng, height, width, 3) - 0.5, _noise(rng, height, width, 3) - 0.5
    warped = cv2.remap(
        base, xs + reach * bend_x, ys + reach * bend_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    veins = 0.5 + 0.5 * np.sin(warped * rng.uniform(18, 40))
    return _shade(0.25 * veins + 0.6 * warped + 0.15 * _noise(rng, height, width, 60), palette)


_HUES: dict[float, tuple[str, ...]] = {
    2: ("red", "rose", "blood", "红"),
    14: ("orange", "sunset", "autumn", "橙"),
    26: ("yellow", "gold", "desert", "黄"),
    60: ("green", "forest", "jungle", "绿"),
    105: ("blue", "ocean", "ice", "蓝"),
    140: ("purple", "violet", "紫"),
    165: ("pink", "粉"),
}

_SCENES: tuple[tuple[tuple[str, ...], Callable[[np.random.Generator, int, int, Rgb], Rgb]], ...] = (
    (("sea", "ocean", "beach", "lake", "river", "water", "boat", "ship", "海", "湖", "水"), _sea),
    (("city", "street", "building", "tower", "skyline", "car", "城", "楼"), _city),
    (("forest", "tree", "wood", "jungle", "garden", "park", "fox", "bear", "森", "树"), _forest),
    (("mountain", "hill", "desert", "valley", "landscape", "sunset", "sky", "snow", "山", "沙"), _mountains),
    (("glass", "mosaic", "pattern", "geometric", "tile", "cubis", "crystal", "玻璃"), _cells),
    (("abstract", "marble", "paint", "swirl", "fluid", "smoke", "dream", "抽象"), _flow),
)

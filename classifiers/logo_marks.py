"""Read one brand mark from an SVG or a picture file and turn it into a silhouette.

Owns what may be in such a file. Rules it keeps: an SVG is checked before it is drawn, because the renderer
(resvg) opens files that an `<image>` names: only shapes, gradients and clip paths pass, references must stay
inside the file, and bytes, elements and nesting are capped; a picture's size is read before it is decoded; a
silhouette that is blank or a filled rectangle is refused, since it would be "found" everywhere.

A mark is one colour: what a silhouette cannot carry (a multi-coloured mark told apart by colours only) is lost.
"""

import io
import re
import warnings
from typing import Final
from xml.etree.ElementTree import Element, ParseError

import cv2
import numpy as np
import resvg_py
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray
from PIL import Image

from classifiers.errors import BrandInvalid

SIDE: Final = 128
"""Pixels of a silhouette's side; twice what the network looks at, so that shrinking smooths its edges."""
MAX_BYTES: Final = 1 << 20
"""Of one file. The largest of simple-icons' 3,470 SVGs has 51 kB."""
MAX_ELEMENTS: Final = 2000
MAX_DEPTH: Final = 32
MAX_PIXELS: Final = 4096 * 4096
"""Of a PNG or JPEG, before decoding."""

_LEAST_CONTRAST: Final = 48.0
"""Grey levels by which some of a mark differs from its ground."""

_SHAPES: Final = frozenset(
    {"svg", "g", "defs", "symbol", "title", "desc", "metadata", "path", "rect", "circle", "ellipse", "line"}
    | {"polyline", "polygon", "linearGradient", "radialGradient", "stop", "clipPath"}
)
_STYLE_DANGER: Final = re.compile(r"url\(\s*['\"]?\s*(?!#)|@|expression|\\", re.IGNORECASE)


def read_mark(data: bytes, name: str) -> NDArray[np.uint8]:
    """Turn the content of the file `name` into a silhouette, uint8 (SIDE, SIDE), 255 where the mark is.

    The mark touches the square's border on its longer axis and is centred on the other. White inside a coloured mark
    on transparent ground counts as ground, as on paper.

    Raises:
        BrandInvalid: too large, not an SVG, PNG, JPEG or WebP, an SVG with more than shapes, or no shape in it.

    """
    if len(data) > MAX_BYTES:
        raise BrandInvalid(f"brand file {name}: got {len(data)} bytes, expected at most {MAX_BYTES}")
    svg = name.lower().endswith(".svg")
    rgba = _draw_svg(data, name) if svg else _open_picture(data, name)
    return _silhouette(rgba, name)


def fit_square(shape: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Crop `shape`, uint8 (H, W), to what is in it and fit that into uint8 (side, side), centred."""
    ys, xs = np.nonzero(shape > 31)
    shape = shape[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1]
    factor = side / max(shape.shape)
    size = (max(1, round(shape.shape[1] * factor)), max(1, round(shape.shape[0] * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    small = cv2.resize(shape, size, interpolation=how)
    square = np.zeros((side, side), np.uint8)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = small
    return square


def _draw_svg(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        text = data.decode("utf-8-sig")
        root = fromstring(text, forbid_dtd=True)
    except (UnicodeDecodeError, ParseError, DefusedXmlException, ValueError) as error:
        raise BrandInvalid(
            f"brand file {name}: got no readable SVG ({type(error).__name__}: {error}), expected UTF-8 XML without "
            "a DTD; export it again as plain SVG"
        ) from error
    _check_svg(root, name)
    try:
        # Both sides are given: with the width alone the renderer allocates whatever height the file asks for.
        png = resvg_py.svg_to_bytes(svg_string=text, width=2 * SIDE, height=2 * SIDE, skip_system_fonts=True)
    except ValueError as error:
        raise BrandInvalid(
            f"brand file {name}: got an SVG that cannot be drawn ({error}), expected one with a size and shapes"
        ) from error
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def _check_svg(root: Element, name: str) -> None:
    """Refuse all but shapes that refer to nothing outside the file."""
    waiting = [(root, 1)]
    seen = 0
    while waiting:
        element, depth = waiting.pop()
        seen += 1
        tag = str(element.tag).rpartition("}")[2]
        if tag not in _SHAPES:
            raise BrandInvalid(
                f"brand file {name}: got an SVG with <{tag}>, expected only shapes ({', '.join(sorted(_SHAPES))}); "
                "convert text, images and effects to paths"
            )
        if seen > MAX_ELEMENTS or depth > MAX_DEPTH:
            raise BrandInvalid(
                f"brand file {name}: got an SVG of more than {MAX_ELEMENTS} elements or {MAX_DEPTH} levels, "
                "expected a simpler one"
            )
        for key, value in element.attrib.items():
            outside = key.rpartition("}")[2] == "href" and not value.strip().startswith("#")
            if outside or _STYLE_DANGER.search(value):
                raise BrandInvalid(
                    f"brand file {name}: got an SVG that refers to {value[:60]!r}, expected references inside the "
                    "file only"
                )
        waiting.extend((child, depth + 1) for child in element)


def _open_picture(data: bytes, name: str) -> NDArray[np.uint8]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise BrandInvalid(
                        f"brand file {name}: got {picture.width} x {picture.height} pixels, expected at most "
                        f"{MAX_PIXELS}"
                    )
                picture.draft("RGB", (4 * SIDE, 4 * SIDE))
                rgba = picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise BrandInvalid(
            f"brand file {name}: got no readable picture ({type(error).__name__}: {error}), expected SVG, PNG, JPEG "
            "or WebP"
        ) from error
    rgba.thumbnail((4 * SIDE, 4 * SIDE))
    return np.asarray(rgba)


def _silhouette(rgba: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Give what differs from the ground: from white where it is transparent, else from the colour of the border."""
    alpha = rgba[:, :, 3].astype(np.float32) / 255
    ground = np.full(3, 255, np.float32)
    if float((alpha > 0.5).mean()) > 0.98:
        border = np.concatenate((rgba[0], rgba[-1], rgba[:, 0], rgba[:, -1]))
        ground = np.median(border[:, :3], axis=0).astype(np.float32)
    away = np.abs(rgba[:, :, :3] - ground).max(axis=2) * alpha
    if away.max() < _LEAST_CONTRAST:  # a white mark on nothing
        away = alpha * 255 if float(alpha.min()) < 0.5 else away * 0
    shape = np.clip(away * (1.5 * 255 / max(float(away.max()), _LEAST_CONTRAST)), 0, 255).astype(np.uint8)
    if int((shape > 127).sum()) < 16:
        raise BrandInvalid(
            f"brand file {name}: got nothing visible, expected a mark on a transparent or plain background"
        )
    mark = fit_square(shape, SIDE)
    ys, xs = np.nonzero(mark > 31)
    if min(np.ptp(ys), np.ptp(xs)) < SIDE / 24:
        raise BrandInvalid(f"brand file {name}: got a line, expected a mark at most 24 times as long as wide")
    filled = float(mark[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].mean()) / 255
    if filled > 0.97:
        raise BrandInvalid(
            f"brand file {name}: got a filled rectangle, expected the mark alone on a transparent or plain background"
        )
    return mark

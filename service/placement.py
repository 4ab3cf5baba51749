"""Is this picture a part of the registered one? Answered with the geometry of the watermark, for small crops.

Fingerprints recognise a picture from about a quarter of it. Of a smaller crop too little is left, and it would look
like another picture with a copied mark. But the mark says how the crop was turned and enlarged (its period, against
the one that the registered size gives), so the crop can be laid back over the registered thumbnail at the right size,
and only the place is searched: normalised cross-correlation, as OpenCV's matchTemplate has it.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from service.presence_map import STRONG
from watermark import Geometry
from watermark.tile import period_px

# Correlation above which a crop counts as found. Over crops of 10 to 40 % of 8 pictures, turned, mirrored, enlarged and
# inverted, the right place reached 0.93 to 1.0, and the best place in another picture 0.31 at most (246 pairs).
FOUND: Final = 0.62
# Grey levels of standard deviation, after the coarse shading is taken off, below which there is nothing to recognise.
DETAIL: Final = 3.0
_SMALLEST: Final = 12  # px, of the crop in the thumbnail
# A picture without detail is no part of one that has this many times as much everywhere: blur of 4 px leaves 0.58 of it
# or more (27 photographs and drawings).
_MUCH_MORE: Final = 4.0
_NEARLY_ALL: Final = 0.9
_COARSE: Final = 10.0  # px: shading that any two pictures may share


@dataclass(frozen=True, slots=True)
class Placement:
    """`found`: the picture is a part of the registered one; None: too little detail in both to tell. `score`: -1..1."""

    found: bool | None
    score: float


def zoom_of(image: NDArray[np.uint8], size: tuple[int, int], geometry: Geometry) -> float:
    """Return how many pixels of `image` one pixel of the registered picture of `size` (height, width) became."""
    return float(geometry.scale**0.5 * period_px(*image.shape[:2]) / period_px(*size))


def covered_share(image: NDArray[np.uint8], size: tuple[int, int], geometry: Geometry) -> float:
    """Return how much of the registered picture's area `image` can show, as far as its mark tells."""
    height, width = image.shape[:2]
    return float(height * width / zoom_of(image, size, geometry) ** 2 / (size[0] * size[1]))


def marked_part(presence: NDArray[np.float32], shape: tuple[int, ...]) -> tuple[slice, slice] | None:
    """Return the rows and columns of a picture of `shape` that its mark is surely in; None: all or nothing of it."""
    strong = presence >= STRONG
    if not strong.any():
        return None
    box = []
    for axis in (0, 1):
        cell = shape[axis] / presence.shape[axis]
        cells = np.flatnonzero(strong.any(axis=1 - axis))
        first, last = int(cells[0]), int(cells[-1]) + 1
        # a cell at the edge of the mark is strong already when a part of it is marked
        trim = 1.0 if last - first > 1 else 0.5
        start = first + (trim if first > 0 else 0)
        stop = last - (trim if last < presence.shape[axis] else 0)
        if stop <= start:
            return None
        box.append(slice(int(start * cell), int(stop * cell)))
    rows, columns = box
    share = (rows.stop - rows.start) * (columns.stop - columns.start) / (shape[0] * shape[1])
    return (rows, columns) if share < _NEARLY_ALL else None


def place(
    image: NDArray[np.uint8],
    registered: NDArray[np.uint8],
    size: tuple[int, int],
    geometry: Geometry,
    part: tuple[slice, slice] = (slice(None), slice(None)),
) -> Placement:
    """Look for `image`, or a part of it, in the registered picture.

    Args:
        image: uint8 (H, W, 3) or (H, W, 4).
        registered: uint8 (h, w, 3), the registered picture's thumbnail.
        size: (height, width) of the registered picture itself.
        geometry: how the watermark says that `image` was turned.
        part: rows and columns of `image` to look for.

    """
    shrink = registered.shape[0] / size[0] / zoom_of(image, size, geometry)
    target = _fine(_grey(registered))
    best = Placement(None, -1.0)
    for template in _candidates(_grey(image[part]), shrink, geometry):
        rows, columns = (min(a, b) for a, b in zip(template.shape, target.shape, strict=True))
        top, left = (template.shape[0] - rows) // 2, (template.shape[1] - columns) // 2
        pattern = _fine(template)[top : top + rows, left : left + columns]
        if min(pattern.shape) < _SMALLEST:
            continue
        if target.std() < DETAIL:  # a caption on a flat picture is all that there is to see: look beside it
            busy = _least_detail(pattern, max(1, rows // 2), max(1, columns // 2))
            if best.found is None and busy > max(DETAIL, _MUCH_MORE * float(target.std())):
                best = Placement(False, best.score)
            continue
        if pattern.std() < DETAIL:
            if best.found is None and _least_detail(target, rows, columns) > max(
                DETAIL, _MUCH_MORE * float(pattern.std())
            ):
                best = Placement(False, best.score)
            continue
        score = float(cv2.matchTemplate(target, pattern, cv2.TM_CCOEFF_NORMED).max())
        if score > best.score:
            best = Placement(score >= FOUND, score)
    return best


def _least_detail(fine: NDArray[np.float32], rows: int, columns: int) -> float:
    """Return the least standard deviation that a part of `rows` x `columns` of a picture has."""
    sums = cv2.integral2(fine, sdepth=cv2.CV_64F, sqdepth=cv2.CV_64F)
    mean, square = (
        (t[rows:, columns:] - t[:-rows, columns:] - t[rows:, :-columns] + t[:-rows, :-columns])
        / (rows * columns)
        for t in sums
    )
    return float(np.sqrt(max(0.0, float((square - mean**2).min()))))


def _candidates(grey: NDArray[np.float32], shrink: float, geometry: Geometry) -> list[NDArray[np.float32]]:
    """Return the picture turned back to how it was registered; a mirrored one in both senses of turning."""
    if not 0.01 < shrink < 4:
        return []
    if geometry.inverted:
        grey = 255 - grey
    side = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
    grey = np.asarray(cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=side), np.float32)
    if not geometry.flipped:
        return [_turned(grey, -geometry.rotation_deg)]
    return [_turned(grey, turn)[:, ::-1].copy() for turn in (geometry.rotation_deg, -geometry.rotation_deg)]


def _turned(grey: NDArray[np.float32], degrees: float) -> NDArray[np.float32]:
    """Turn counter-clockwise and keep the largest upright part without corners (a central rectangle)."""
    quarters = round(degrees / 90)
    grey, rest = np.rot90(grey, quarters), degrees - 90 * quarters
    if abs(rest) < 0.5:
        return np.ascontiguousarray(grey)
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rest, 1.0)
    turned = cv2.warpAffine(
        np.ascontiguousarray(grey), matrix, (width, height), borderMode=cv2.BORDER_REFLECT
    )
    sine, cosine = np.sin(np.radians(abs(rest))), np.cos(np.radians(rest))
    keep = min(height, width) / (min(height, width) * cosine + max(height, width) * sine)
    rows, columns = max(1, int(height * keep)), max(1, int(width * keep))
    top, left = (height - rows) // 2, (width - columns) // 2
    return np.asarray(turned[top : top + rows, left : left + columns], np.float32)


def _grey(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return image[..., :3].astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _fine(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take off noise and coarse shading."""
    smooth = cv2.GaussianBlur(grey, (0, 0), 0.8)
    return np.asarray(smooth - cv2.GaussianBlur(grey, (0, 0), _COARSE), np.float32)

"""What the built-in generator can do to a picture that exists: repaint a part of it, or give it other colours."""

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_FEATHER = 0.01  # of the longer side: standard deviation of the seam in px
_COLOURS_TAKEN = 0.8  # share of the way to the other picture's colours


def repaint(images: tuple[Pixels, ...], mask: NDArray[np.bool_] | None, fresh: Pixels) -> Pixels:
    """Return the first picture, changed, uint8 of the shape of `fresh` (H, W, 3).

    With a mask, or with transparent parts, what `fresh` shows appears there, with a soft seam; pixels far from the mask
    stay as they are. Without, the whole picture takes the colours of the second picture, or of `fresh`.
    """
    height, width = fresh.shape[:2]
    base = fitted(images[0], height, width)
    if mask is None and base.shape[2] == 4 and not bool((base[..., 3] == 255).all()):
        mask = images[0][..., 3] == 0
    colours = np.ascontiguousarray(base[..., :3])
    if mask is None:
        reference = fitted(images[1], height, width)[..., :3] if len(images) > 1 else fresh
        return recoloured(colours, np.ascontiguousarray(reference))
    area = fitted(mask.astype(np.uint8)[..., None] * np.uint8(255), height, width)[..., 0]
    soft = cv2.GaussianBlur(area.astype(np.float32) / 255, (0, 0), max(1.0, _FEATHER * max(height, width)))
    share = np.maximum(soft, area / np.float32(255))[..., None]  # nothing of the masked part shows through
    return np.asarray(np.rint(colours + share * (fresh.astype(np.float32) - colours)), np.uint8)


def fitted(image: Pixels, height: int, width: int) -> Pixels:
    """Scale uint8 (H, W, C) until it covers height x width, and cut off what stands over on both sides."""
    if image.shape[:2] == (height, width):
        return image
    scale = max(height / image.shape[0], width / image.shape[1])
    size = (max(width, round(image.shape[1] * scale)), max(height, round(image.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    large = cv2.resize(image, size, interpolation=method).reshape(size[1], size[0], -1)
    top, left = (size[1] - height) // 2, (size[0] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width].astype(np.uint8))


def recoloured(image: Pixels, reference: Pixels) -> Pixels:
    """Move mean and spread of each Lab channel towards the reference's (Reinhard et al. 2001, 10.1109/38.946629)."""
    ours = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(np.float32)
    theirs = cv2.cvtColor(reference, cv2.COLOR_RGB2LAB).astype(np.float32)
    mean, wanted = ours.mean((0, 1)), theirs.mean((0, 1))
    spread = theirs.std((0, 1)) / np.maximum(ours.std((0, 1)), 1.0)
    moved = (ours - mean) * np.minimum(spread, 3.0) + wanted
    lab = np.clip(ours + _COLOURS_TAKEN * (moved - ours), 0, 255).astype(np.uint8)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)

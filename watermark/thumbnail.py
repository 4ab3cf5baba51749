"""Thumbnails for manifests: small, lossy, without metadata."""

from typing import Final

import cv2
import numpy as np

from watermark.encoding import Pixels, encode_picture

THUMBNAIL_SIDE: Final = 512  # px, the longer side; 1024 x 1024 pictures become 20 to 60 kB
_QUALITY: Final = 80


def make_thumbnail(image: Pixels, side: int = THUMBNAIL_SIDE) -> bytes:
    """Shrink uint8 (H, W, 3) or (H, W, 4) until its longer side is at most `side` px; a JPEG, alpha laid on white."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return encode_picture(image, "jpeg", quality=_QUALITY)

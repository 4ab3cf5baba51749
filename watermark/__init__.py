"""Everything that marks an image or reads its marks: invisible watermark, EXIF/XMP, C2PA.

The invisible watermark is `embed` and `detect`, for many pictures `embed_batch` and `detect_batch`; labels and
manifests live in their own modules.
"""

from watermark.batch import detect_batch, embed_batch
from watermark.detection import Detection, Geometry, Mark, detect, key_id
from watermark.embedding import embed
from watermark.errors import (
    BadImage,
    BadKey,
    BadOption,
    BadPayload,
    ImageTooFlat,
    ImageTooSmall,
    InvisibleMarkError,
    WatermarkError,
)

__all__ = [
    "BadImage",
    "BadKey",
    "BadOption",
    "BadPayload",
    "Detection",
    "Geometry",
    "ImageTooFlat",
    "ImageTooSmall",
    "InvisibleMarkError",
    "Mark",
    "WatermarkError",
    "detect",
    "detect_batch",
    "embed",
    "embed_batch",
    "key_id",
]

"""Everything that marks an image or reads its marks: invisible watermark, EXIF/XMP, C2PA.

The invisible watermark is `embed` and `detect`; labels and manifests live in their own modules.
"""

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
    "embed",
    "key_id",
]

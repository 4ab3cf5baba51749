"""Everything that marks an image or reads its marks: invisible watermark, EXIF/XMP, C2PA.

The invisible watermark is `embed` and `detect`; labels and manifests live in their own modules.
"""

from watermark.detection import Detection, Geometry, detect
from watermark.embedding import embed
from watermark.errors import (
    BadImage,
    BadKey,
    BadOption,
    BadPayload,
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
    "ImageTooSmall",
    "InvisibleMarkError",
    "WatermarkError",
    "detect",
    "embed",
]

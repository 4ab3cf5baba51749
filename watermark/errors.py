"""The errors of the watermark package.

    WatermarkError
    ├── PictureError               the bytes are not a picture that can be decoded within the caps
    │   ├── EmptyPicture           empty_file
    │   ├── TooManyBytes           file_too_large
    │   ├── TooManyPixels          too_many_pixels
    │   ├── NotAPicture            not_a_picture
    │   ├── UnsupportedPicture     unsupported_format
    │   └── CorruptPicture         corrupt_picture
    ├── InvisibleMarkError         what `embed` or `detect` was given cannot be marked or searched
    │   ├── BadImage               not a uint8 or uint16 array of shape (H, W), (H, W, 3) or (H, W, 4)
    │   ├── ImageTooSmall          the shortest side is under 128 px
    │   ├── ImageTooFlat           flat nearly everywhere, and the caller asked to refuse such pictures
    │   ├── BadKey                 not 16 to 64 bytes
    │   ├── BadPayload             not 8 bytes
    │   └── BadOption              an unknown effort or profile, or a number out of its range
    ├── MetadataError              a label that cannot be written as EXIF or XMP
    ├── ManifestError              a C2PA manifest that cannot be made (reading never raises it on a bad file)
    │   └── TimestampError         the timestamp authority did not answer
    ├── BadFingerprint             stored bytes that are no fingerprint of this version
    └── SigningError               a signing chain or key that cannot be used

A negative verdict (no mark, invalid manifest, broken metadata) is a value, never an error.
"""


class WatermarkError(Exception):
    """Root of every error that this package raises on purpose."""


class PictureError(WatermarkError):
    """The bytes cannot be decoded as one picture within the caps; `code` is stable and machine-readable."""

    code = "bad_picture"


class EmptyPicture(PictureError):
    """No bytes at all."""

    code = "empty_file"


class TooManyBytes(PictureError):
    """The file is larger than the cap on bytes."""

    code = "file_too_large"


class TooManyPixels(PictureError):
    """The header declares more pixels, or a longer side, than the caps allow."""

    code = "too_many_pixels"


class NotAPicture(PictureError):
    """The first bytes belong to no picture format."""

    code = "not_a_picture"


class UnsupportedPicture(PictureError):
    """A picture format, pixel layout or output format that we do not handle."""

    code = "unsupported_format"


class CorruptPicture(PictureError):
    """The header is a picture's, the rest is truncated, contradictory or built to exhaust the decoder."""

    code = "corrupt_picture"


class InvisibleMarkError(WatermarkError, ValueError):
    """What `embed` or `detect` was given cannot be marked or searched."""


class BadImage(InvisibleMarkError):
    """Not a uint8 or uint16 array of shape (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA."""


class ImageTooSmall(InvisibleMarkError):
    """The shortest side is under 128 px: too few pixels to carry 64 bits invisibly."""


class ImageTooFlat(InvisibleMarkError):
    """Flat nearly everywhere: marking it would hand out the bare pattern."""


class BadKey(InvisibleMarkError):
    """The key is not 16 to 64 bytes."""


class BadPayload(InvisibleMarkError):
    """The payload is not 8 bytes."""


class BadOption(InvisibleMarkError):
    """An unknown name for an option, or a number out of its range."""


class MetadataError(WatermarkError):
    """A label that cannot be written as EXIF or XMP."""


class ManifestError(WatermarkError):
    """A C2PA manifest could not be made or its trust anchors could not be used."""


class TimestampError(ManifestError):
    """The RFC 3161 timestamp authority did not answer, or answered with something unusable."""


class BadFingerprint(WatermarkError):
    """Stored bytes cannot be read as a fingerprint."""


class SigningError(WatermarkError):
    """A certificate chain or private key that cannot sign C2PA manifests."""

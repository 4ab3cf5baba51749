"""The errors of the watermark package.

    WatermarkError
    ├── PictureError               the bytes are not a picture that can be decoded within the caps
    │   ├── EmptyPicture           empty_file
    │   ├── TooManyBytes           file_too_large
    │   ├── TooManyPixels          too_many_pixels
    │   ├── NotAPicture            not_a_picture
    │   ├── UnsupportedPicture     unsupported_format
    │   └── CorruptPicture         corrupt_picture
    ├── MetadataError              a label that cannot be written as EXIF or XMP
    ├── ManifestError              a C2PA manifest that cannot be made (reading never raises it on a bad file)
    │   └── TimestampError         the timestamp authority did not answer
    └── SigningError               a signing chain or key that cannot be used

A negative verdict (no mark, invalid manifest, broken metadata) is a value, never an error.
"""


# The contract names these verdict-like errors (`ImageTooSmall`, `TooManyPixels` ...) without a suffix.
# ruff: noqa: N818


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


class MetadataError(WatermarkError):
    """A label that cannot be written as EXIF or XMP."""


class ManifestError(WatermarkError):
    """A C2PA manifest could not be made or its trust anchors could not be used."""


class TimestampError(ManifestError):
    """The RFC 3161 timestamp authority did not answer, or answered with something unusable."""


class SigningError(WatermarkError):
    """A certificate chain or private key that cannot sign C2PA manifests."""

"""The fingerprint of a picture: what it is recognised by when everything that was attached to it is gone.

Four parts, each for what the others cannot do: PDQ finds near copies fast, the ISCC code is what other services
understand, local features recognise crops, collages and turned copies, and a thumbnail of 64 x 64 grey values lets a
match on features be checked against what is seen. A fingerprint finds copies and proves nothing: whoever makes
a similar picture has a similar fingerprint.

All parts but ISCC are taken from one working picture of about 512 x 512 pixels in the picture's own shape, so the
cost does not grow with the upload.
"""

import math
import struct
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.errors import BadFingerprint
from watermark.fingerprint_features import MOST_FEATURES, Features, find_features
from watermark.fingerprint_iscc import ISCC_BYTES, iscc_from_text, iscc_of_grey, iscc_text
from watermark.fingerprint_pdq import PDQ_BYTES, dihedral_hashes, pdq_cosines, pdq_hash

THUMBNAIL_SIDE = 64
WORK_SIDE = 512
"""Square root of the working picture's area: 384 finds fewer crops keeping a quarter, 768 costs twice the time."""

_LONGEST_WORK_SIDE = 2048  # a strip stays a strip, but a short one
_VERSION = 1
_HEADER = struct.Struct(f">BB{PDQ_BYTES}s{ISCC_BYTES}sH")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What one picture is recognised by.

    Attributes:
        pdq: the PDQ hash, 32 bytes.
        quality: 0 (flat) .. 100; below 50 the PDQ hash says little.
        iscc: the ISCC Image-Code of 64 bits, as text.
        features: local features (fingerprint_features.Features.to_bytes).
        thumbnail: 64 x 64 grey values, row by row; the picture's shape is not kept.

    """

    pdq: bytes
    quality: int
    iscc: str
    features: bytes
    thumbnail: bytes

    def to_bytes(self) -> bytes:
        """Return at most 22.7 kB."""
        code = iscc_from_text(self.iscc) or bytes(ISCC_BYTES)
        count = len(self.features) // _FEATURE_BYTES
        return _HEADER.pack(_VERSION, self.quality, self.pdq, code, count) + self.thumbnail + self.features

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Undo `to_bytes`.

        Raises:
            BadFingerprint: not ours, cut off, or of a newer version.

        """
        start = _HEADER.size + THUMBNAIL_SIDE**2
        if len(data) < start or data[0] != _VERSION:
            raise BadFingerprint(
                f"fingerprint: got {len(data)} bytes, expected version {_VERSION}, make it anew"
            )
        _, quality, pdq, code, count = _HEADER.unpack_from(data)
        if count > MOST_FEATURES or len(data) != start + count * _FEATURE_BYTES:
            raise BadFingerprint(
                f"fingerprint: got {len(data)} bytes, expected {start + count * _FEATURE_BYTES} for {count} "
                "features, make it anew"
            )
        features = data[start:]
        try:
            Features.from_bytes(features)
        except ValueError as error:
            raise BadFingerprint(
                f"fingerprint: got {error}, expected features of ours, make it anew"
            ) from error
        return cls(pdq, quality, iscc_text(code), features, data[_HEADER.size : start])


_FEATURE_BYTES = 37


def fingerprint(image: NDArray[np.uint8]) -> Fingerprint:
    """Return the fingerprint of uint8 (H, W, 3) RGB or (H, W, 4) RGBA (seen on white), of any size.

    About 25 ms of CPU at 1024 x 1024.
    """
    grey = grey_of(image)
    return fingerprint_of_work(working_picture(grey), iscc_text(iscc_of_grey(grey)))


def fingerprint_of_work(work: NDArray[np.uint8], iscc: str = "") -> Fingerprint:
    """Return the fingerprint of a working picture; searches need no ISCC code, which takes the full picture.

    Features do not recognise a mirror image: pass `work[:, ::-1]`, contiguous, to look for that too.
    """
    cosines, quality = pdq_cosines(work)
    small = cv2.resize(work, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return Fingerprint(
        pdq=pdq_hash(cosines),
        quality=quality,
        iscc=iscc,
        features=find_features(work).to_bytes(),
        thumbnail=np.asarray(small, np.uint8).tobytes(),
    )


def hashes_of_positions(work: NDArray[np.uint8]) -> list[bytes]:
    """Return the PDQ hashes of a working picture's eight positions (turned, mirrored), the given one first."""
    return dihedral_hashes(pdq_cosines(work)[0])


def grey_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (H, W): the luma (Rec. 601) of the picture, on white where it is transparent."""
    grey = np.asarray(cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_RGB2GRAY), np.uint8)
    if image.shape[2] == 4 and not (image[:, :, 3] == 255).all():
        share = image[:, :, 3].astype(np.uint16)
        grey = ((grey * share + 255 * (255 - share)) // 255).astype(np.uint8)
    return grey


def working_picture(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Scale to about WORK_SIDE² pixels in the picture's own shape; small pictures grow."""
    height, width = grey.shape
    scale = min(WORK_SIDE / math.sqrt(height * width), _LONGEST_WORK_SIDE / max(height, width))
    size = tuple(max(8, round(side * scale)) for side in (width, height))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, size, interpolation=method), np.uint8)

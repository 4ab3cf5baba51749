"""The pictures and the mask of an edit, decoded within the caps; what `POST /v1/images/edits` may be given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.errors import BadRequest
from service.wire import MAX_PIXELS, MAX_PIXELS_ALTOGETHER, MIN_SIDE
from watermark.errors import UnsupportedPicture
from watermark.manifest import Source
from watermark.picture import Limits, Picture, decode_picture
from watermark.thumbnail import make_thumbnail

MAX_PICTURES = 16  # OpenAI's limit


@dataclass(frozen=True, slots=True, eq=False)
class EditInputs:
    """Decoded inputs: `files` as they came, `pictures` in the same order, `mask` bool (H, W) of the first or None."""

    files: tuple[bytes, ...]
    pictures: tuple[Picture, ...]
    mask: NDArray[np.bool_] | None

    @property
    def images(self) -> tuple[NDArray[np.uint8], ...]:
        """Pixels alone."""
        return tuple(picture.image for picture in self.pictures)

    def sources(self) -> tuple[Source, ...]:
        """What the manifest says of them: the edited picture first."""
        titles = ("the edited picture", *("a reference picture" for _ in self.pictures[1:]))
        return tuple(
            Source(file, picture.mime, title, make_thumbnail(picture.image))
            for file, picture, title in zip(self.files, self.pictures, titles, strict=True)
        )


def decode_edit(files: Sequence[bytes], mask: bytes | None, limits: Limits) -> EditInputs:
    """Decode one to 16 pictures and a mask.

    The mask is the alpha channel of a picture as large as the first: fully transparent where it may change.

    Raises:
        PictureError: one is no still picture that can be read within the limits.
        BadRequest: too small, too large, too many, or a mask that does not fit.

    """
    if not 1 <= len(files) <= MAX_PICTURES:
        raise BadRequest(
            f"image: got {len(files)} pictures, expected 1 to {MAX_PICTURES}.", code="no_file", param="image"
        )
    caps = Limits(limits.max_bytes, min(limits.max_pixels, MAX_PIXELS), limits.max_side)
    pictures = []
    for file in files:
        pictures.append(_still(decode_picture(file, limits=caps)))
        if sum(p.width * p.height for p in pictures) > MAX_PIXELS_ALTOGETHER:
            raise BadRequest(
                f"image: the pictures have more than {MAX_PIXELS_ALTOGETHER / 1e6:.0f} megapixels altogether; send "
                "smaller or fewer.",
                code="too_many_pixels",
                param="image",
            )
    first = pictures[0]
    if min(first.width, first.height) < MIN_SIDE:
        raise BadRequest(
            f"image: got {first.width}x{first.height}, the shorter side must be at least {MIN_SIDE} px.",
            param="image",
        )
    return EditInputs(tuple(files), tuple(pictures), _mask(mask, first, caps))


def _still(picture: Picture) -> Picture:
    if picture.frames > 1:
        raise UnsupportedPicture("image: got an animation, expected one picture; send its frames one by one.")
    return picture


def _mask(data: bytes | None, first: Picture, caps: Limits) -> NDArray[np.bool_] | None:
    if data is None:
        return None
    image = _still(decode_picture(data, limits=caps)).image
    if image.shape[:2] != first.image.shape[:2]:
        raise BadRequest(
            f"mask: got {image.shape[1]}x{image.shape[0]}, expected the picture's {first.width}x{first.height}.",
            param="mask",
        )
    if image.shape[2] != 4 or not bool((image[..., 3] == 0).any()):
        raise BadRequest(
            "mask: nothing in it is transparent; make it fully transparent where the picture may change.",
            param="mask",
        )
    return np.asarray(image[..., 3] == 0)

"""Detection: is the mark of this key in this picture, and what does it say? Nothing but pixels and key is needed.

What the search found (search.py) becomes one of three answers:
- "detected": a payload whose keyed check passes, or pilots that no unmarked picture shows (p <= 1e-6);
- "possible": p <= 1e-3;
- "not_detected": nothing was found, which never means that a picture is authentic or human-made.
A payload is returned only when its check passes.
"""

import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from watermark.alignment import Lock
from watermark.errors import BadKey, BadOption
from watermark.inputs import SHORTEST_SEARCHED_PX, AnyImage, check_image, check_key
from watermark.localisation import Presence, presence_map
from watermark.message import CHECK_BITS, LIST_SIZE
from watermark.search import Reading, Search
from watermark.significance import POSSIBLE, PRESENT, check_p_value, lock_p_value
from watermark.tile import Tile, tile_for

EFFORTS = ("fast", "normal", "thorough")

Status = Literal["detected", "possible", "not_detected"]


@dataclass(frozen=True)
class Geometry:
    """How the picture was turned since it was marked, as far as the mark shows.

    Attributes:
        rotation_deg: counter-clockwise on the screen, -180..180; of the unmirrored picture if it was flipped.
        scale: size now over size when marked, if nothing was cut off: a crop looks like an enlargement.
        flipped: whether it is mirrored left to right.
        inverted: whether the colours are inverted.
        aspect: how much wider than high it was stretched; 1 for none.

    """

    rotation_deg: float
    scale: float
    flipped: bool
    inverted: bool
    aspect: float


@dataclass(frozen=True)
class Mark:
    """A further message in the same place: the picture was marked more than once.

    Attributes:
        payload: 8 bytes whose keyed check passed.
        key_id: of the key that it was marked with.

    """

    payload: bytes
    key_id: str


@dataclass(frozen=True)
class Detection:
    """The answer of `detect`.

    Attributes:
        present: whether the mark of this key is there: `status` is "detected".
        payload: 8 bytes when the keyed check passes, else None; never a guess.
        p_value: probability that an unmarked picture gives an answer this strong, for the whole search.
        status: "detected" | "possible" | "not_detected".
        geometry: how the picture was turned; None unless detected.
        key_id: of the key whose mark it is; None unless detected.
        others: further messages found in the same place.
        presence: float32 (rows, columns) over the whole picture, 0 (nothing of the mark) to 1 (as strong as expected);
            None unless detected and asked for.

    """

    present: bool
    payload: bytes | None
    p_value: float
    status: Status
    geometry: Geometry | None
    key_id: str | None = None
    others: tuple[Mark, ...] = ()
    presence: Presence | None = field(default=None, compare=False)


def key_id(key: bytes) -> str:
    """Name a key without giving it away: 8 hex digits of an HMAC.

    Raises:
        BadKey: not 16 to 64 bytes.

    """
    return hmac.new(check_key(key), b"countermark key id", hashlib.sha256).hexdigest()[:8]


def detect(
    image: AnyImage, *, key: bytes | Sequence[bytes], effort: str = "normal", localize: bool = False
) -> Detection:
    """Look for the mark of `key` in a picture.

    Args:
        image: uint8 or uint16, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA (alpha is not looked at), shortest side
            >= 64 px.
        key: 16 to 64 secret bytes, as given to `embed`; or several such keys, the likeliest first, searched together.
        effort: "fast" looks for uncropped, unscaled pictures in eight orientations; "normal" for any rotation,
            scale, mirror, crop and moderate aspect; "thorough" also for shear, collages and far scales, in seconds.
        localize: also measure where in the picture the mark is.

    Returns:
        What was found. The picture's pixels and the keys decide it alone: equal input, equal answer.

    Raises:
        BadImage, ImageTooSmall, BadKey, BadOption: an argument is not as described.

    """
    check_image(image, SHORTEST_SEARCHED_PX)
    search = Search(check_request(key, effort), image)
    search.run(effort)
    return answer(search, localize=localize)


def check_request(key: bytes | Sequence[bytes], effort: str) -> list[Tile]:
    """Return the tiles of one key or several.

    Raises:
        BadKey, BadOption: as `detect`.

    """
    keys = [bytes(key)] if isinstance(key, (bytes, bytearray, memoryview)) else list(key)
    if not keys:
        raise BadKey("key: got an empty list, expected one key or more")
    if effort not in EFFORTS:
        raise BadOption(f"effort: got {effort!r}, expected one of {', '.join(EFFORTS)}")
    return [tile_for(check_key(one)) for one in keys]


def answer(search: Search, *, localize: bool = False) -> Detection:
    """Turn what a search found, and the number of looks that it took, into a verdict."""
    p_value = lock_p_value(search.best.z, search.tests)
    if search.reading is not None:
        p_value = min(p_value, check_p_value(search.reads * LIST_SIZE, CHECK_BITS))
    present = search.reading is not None or p_value <= PRESENT
    status: Status = "detected" if present else "possible" if p_value <= POSSIBLE else "not_detected"
    return Detection(
        present=present,
        payload=search.reading.payload if search.reading else None,
        p_value=p_value,
        status=status,
        geometry=_geometry(search.best, search.nominal_period) if present else None,
        key_id=key_id(search.best_tile.key) if present else None,
        others=tuple(_mark(reading) for reading in search.others),
        presence=_presence(search) if present and localize else None,
    )


def _mark(reading: Reading) -> Mark:
    return Mark(reading.payload, key_id(reading.tile.key))


def _presence(search: Search) -> Presence:
    payload = search.reading.payload if search.reading else None
    return presence_map(search.best_tile, search.view.residuals, search.lock_in_whole(), payload)


def _geometry(lock: Lock, nominal_period: float) -> Geometry:
    """Read rotation, scale, mirror and aspect off a map of harmonics to frequencies."""
    determinant = float(np.linalg.det(lock.matrix))
    flipped = determinant < 0
    upright = lock.matrix @ np.diag([-1.0, 1.0]) if flipped else lock.matrix
    # rows run down: a turn that takes x to y is clockwise on the screen
    clockwise = math.degrees(math.atan2(upright[1, 0] - upright[0, 1], upright[0, 0] + upright[1, 1]))
    wide, high = np.linalg.norm(upright, axis=1)  # frequencies per harmonic, across and down
    period = 1.0 / math.sqrt(max(abs(determinant), 1e-12))
    # the period follows the square root of the size (tile.period_px)
    return Geometry(
        rotation_deg=-clockwise,
        scale=(period / nominal_period) ** 2,
        flipped=flipped,
        inverted=lock.sign < 0,
        aspect=float(high / max(wide, 1e-12)),
    )

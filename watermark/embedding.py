"""Embedding: the tile times a strength map, as strong as the limits of a profile allow.

    marked = round(image + strength.shape(mask, pattern) * channel weights)

Where the tile starts, and which variant of it is used, is drawn from the key, the payload and the picture itself: two
pictures never carry the same pattern in the same place, even with one payload. Small pictures whose message would not
survive strong compression are marked a little more strongly (margin.py).

A mark that is there already stays, and detection reports both, unless it is asked to be replaced: then it is subtracted
first, as strongly as it is found.
"""

import hashlib
import hmac
import math
from dataclasses import dataclass
from typing import cast

import cv2
import numpy as np

from watermark.errors import BadOption, ImageTooFlat
from watermark.inputs import (
    LEVELS_PER_8_BIT,
    AnyImage,
    Picture,
    check_image,
    check_key,
    check_payload,
    rgb_of,
)
from watermark.localisation import mean_presence
from watermark.margin import ENOUGH, HARSH_JPEG_QUALITIES, HOPELESS, surviving_information
from watermark.mask import perceptual_mask
from watermark.message import carrier_coefficients
from watermark.profiles import DEFAULT, PROFILES, Profile, profile_named
from watermark.search import Reading, Search
from watermark.strength import CHANNEL_WEIGHTS, GREY_WEIGHTS, LUMA, Sample, Strength
from watermark.tile import UNITS, VARIANTS, Tile, pattern_factors, period_px, tile_for

NEEDY_UNDER_PX = 700
"""Shortest side from which on every picture tried has margin enough: larger ones are spared the test."""

NEEDY_BOOSTS = (0.5, 0.25, 0.25, 0.125)
"""Added to the usual boost of 1.75 in pictures that need it."""

FLAT_SHARE = 0.98
"""Share of a picture at the mask's least strength from which on it counts as flat."""

MOST_REPLACED = 3
"""Marks that are taken out of one picture."""

BLOCK_ROWS = 512
"""Rows that are marked at a time: bounds the memory."""


def embed(
    image: Picture,
    payload: bytes,
    *,
    key: bytes,
    profile: str = DEFAULT,
    strength: float = 1.0,
    refuse_flat: bool = False,
    replace: bool = False,
) -> Picture:
    """Mark a picture with 64 bits.

    Args:
        image: uint8 or uint16, (H, W) grey, (H, W, 3) RGB or (H, W, 4) RGBA, shortest side >= 128 px.
        payload: 8 bytes.
        key: 16 to 64 secret bytes.
        profile: "archival" | "balanced" | "robust": the limits on quality (profiles.py).
        strength: multiplies the amplitude that the limits allow, 0 to 4; 0 returns the image unchanged.
        refuse_flat: refuse a picture that is flat nearly everywhere. What is added to such a picture is the bare
            pattern, which whoever sent it could lift and paste elsewhere.
        replace: first take out the marks of this key that the picture carries where `embed` puts them; one in a picture
            that was turned, scaled or cropped since stays.

    Returns:
        The same dtype and shape; alpha is untouched.

    Raises:
        BadImage, ImageTooSmall, ImageTooFlat, BadPayload, BadKey, BadOption: an argument is not as described.

    """
    check_image(image)
    tile = tile_for(check_key(key))
    payload = check_payload(payload)
    limits = profile_named(profile)
    if not 0.0 <= strength <= 4.0:
        raise BadOption(
            f"strength: got {strength}, expected 0 to 4, 1 is the strength that the quality limits allow"
        )
    if replace:
        image = cast(Picture, _without_marks(tile, image))
    layer = _Layer(tile, image, payload, _draw_place(tile, payload, image))
    if refuse_flat and float(np.mean(layer.mask <= 1.0)) > FLAT_SHARE:
        raise ImageTooFlat(
            f"image: {FLAT_SHARE:.0%} or more of it is flat, expected a picture with some texture; it would give away "
            "the pattern"
        )
    chosen = layer.strength(limits)
    return cast(Picture, layer.add(Strength(chosen.amplitude * strength, chosen.boost)))


class _Layer:
    """The mark of one picture before its strength is known."""

    def __init__(self, tile: Tile, image: AnyImage, payload: bytes, place: "_Place") -> None:
        self.tile, self.image, self.payload, self.place = tile, image, payload, place
        self.rgb = rgb_of(image)
        self.weights = GREY_WEIGHTS if image.ndim == 2 else CHANNEL_WEIGHTS
        height, width = self.rgb.shape[:2]
        period = period_px(height, width)
        luma = cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
        self.mask = perceptual_mask(luma, period / UNITS)
        coefficients = carrier_coefficients(tile, payload, place.variant)
        self.left, self.right = pattern_factors(tile, coefficients, (height, width), period, place.origin)

    def strength(self, limits: Profile) -> Strength:
        """The largest strength within the limits; more in a small picture that needs and rewards it."""
        sample = Sample(self.rgb, self.mask, self.left, self.right, self.weights)
        usual = sample.largest(limits)
        if limits.needy_psnr_db is None or min(self.rgb.shape[:2]) >= NEEDY_UNDER_PX:
            return usual
        fullest: Strength | None = None
        for quality in HARSH_JPEG_QUALITIES:
            low = self._information(usual, quality)
            if low >= ENOUGH:
                return usual
            fullest = fullest or self._fullest(sample, usual, limits, limits.needy_psnr_db)
            high = self._information(fullest, quality)
            if high >= HOPELESS:
                return usual.towards(fullest, _share(low, high))
        return usual

    def _fullest(self, sample: Sample, usual: Strength, limits: Profile, psnr_db: float) -> Strength:
        """The most that a picture in need is given."""
        cap = max(limits.flat_luma_rms / float(LUMA @ self.weights), usual.amplitude)
        grown = usual.amplitude * max(1.0, sample.headroom(usual, psnr_db, limits.ssim))
        return sample.boosted(Strength(min(grown, cap), usual.boost), psnr_db, limits.ssim, NEEDY_BOOSTS)

    def _information(self, strength: Strength, quality: int) -> float:
        marked = rgb_of(self.add(strength))
        place = self.place
        return surviving_information(self.tile, marked, self.payload, place.variant, place.origin, quality)

    def add(self, strength: Strength) -> AnyImage:
        """Return the marked picture, of the dtype and shape of the original."""
        image, marked = self.image, self.image.copy()
        depth, levels = (cv2.CV_16U, LEVELS_PER_8_BIT) if image.dtype == np.uint16 else (cv2.CV_8U, 1)
        for top in range(0, len(image), BLOCK_ROWS):
            rows = slice(top, top + BLOCK_ROWS)
            shaped = strength.shape(self.mask[rows], self.left[rows] @ self.right)
            planes = (
                [(marked[rows], 1.0)]
                if image.ndim == 2
                else [
                    (marked[rows, :, channel], float(weight)) for channel, weight in enumerate(self.weights)
                ]
            )
            for plane, weight in planes:
                # cv2.add rounds and saturates
                plane[...] = cv2.add(
                    np.ascontiguousarray(plane), shaped * np.float32(weight * levels), dtype=depth
                )
        return marked


@dataclass(frozen=True)
class _Place:
    """Where a tile starts, (x, y) in pixels, and which variant it is."""

    origin: tuple[float, float]
    variant: int


def _share(low: float, high: float) -> float:
    """How far to go towards the fullest strength: information grows with the square of the amplitude."""
    start, end = math.sqrt(max(low, 0.0)), math.sqrt(high)
    return min(1.0, max(0.0, (math.sqrt(ENOUGH) - start) / max(end - start, 1e-6)))


def _draw_place(tile: Tile, payload: bytes, image: AnyImage) -> _Place:
    """Draw origin and variant from key, payload and a sparse sample of the picture: no average lines anything up."""
    picture = hashlib.sha256(np.ascontiguousarray(image[::4, ::4]).tobytes()).digest()
    digest = hmac.new(tile.key, b"countermark place" + payload + picture, hashlib.sha256).digest()
    period = period_px(*image.shape[:2])
    x, y = (int.from_bytes(digest[i : i + 8], "big") / 2.0**64 for i in (0, 8))
    return _Place((x * period, y * period), digest[16] % VARIANTS)


def _without_marks(tile: Tile, image: AnyImage) -> AnyImage:
    """Subtract every mark that is found in place."""
    for _ in range(MOST_REPLACED):
        search = Search([tile], image)
        search.run("fast")
        if search.reading is None or not search.in_place(search.reading.lock):
            break
        image = _without(image, search, search.reading)
    return image


def _without(image: AnyImage, search: Search, reading: Reading) -> AnyImage:
    """Subtract one mark, as strongly as it is there."""
    period = period_px(*image.shape[:2])
    factor = search.nominal_period / period
    height, width = search.view.shape
    # pixel x of the picture lies at (x + 1/2) * factor - 1/2 of what was searched
    origin = tuple(
        (middle + shift * search.nominal_period / UNITS + 0.5) / factor - 0.5
        for middle, shift in zip((width // 2, height // 2), reading.lock.shift, strict=True)
    )
    place = _Place((origin[0], origin[1]), reading.lock.variant)
    layer = _Layer(reading.tile, image, reading.payload, place)
    usual = layer.strength(PROFILES[DEFAULT])
    before, after = (
        mean_presence(
            reading.tile, Search([reading.tile], picture).view.residuals, reading.lock, reading.payload
        )
        for picture in (image, layer.add(Strength(-usual.amplitude, usual.boost)))
    )
    share = before / max(before - after, 1e-6)
    return layer.add(Strength(-usual.amplitude * min(max(share, 0.0), 3.0), usual.boost))

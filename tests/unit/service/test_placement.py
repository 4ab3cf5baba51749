"""Crops are laid back over the registered picture by the geometry of their mark; other pictures are not."""

import cv2
import numpy as np
import pytest

import watermark
from service.generators.builtin import draw
from service.placement import FOUND, covered_share, marked_part, place, zoom_of
from watermark.picture import decode_picture
from watermark.thumbnail import make_thumbnail

KEY, PAYLOAD = bytes(range(32)), bytes(range(8))


@pytest.fixture(scope="module")
def marked() -> np.ndarray:
    return watermark.embed(draw("city at night", 0, 800, 800), PAYLOAD, key=KEY)


@pytest.fixture(scope="module")
def thumbnail(marked: np.ndarray) -> np.ndarray:
    return decode_picture(make_thumbnail(marked)).image


@pytest.fixture(scope="module")
def another() -> np.ndarray:
    return decode_picture(make_thumbnail(draw("mountains", 3, 800, 800))).image


def crop(image: np.ndarray) -> np.ndarray:
    return image[150:470, 300:640]


def turned(image: np.ndarray) -> np.ndarray:
    matrix = cv2.getRotationMatrix2D((400, 400), 20, 1.0)
    return cv2.warpAffine(image, matrix, (800, 800))[220:580, 220:580]


CHANGES = {
    "crop": crop,
    "enlarged": lambda image: cv2.resize(crop(image), None, fx=1.6, fy=1.6),
    "turned": turned,
    "mirrored": lambda image: crop(image)[:, ::-1],
    "mirrored and turned": lambda image: turned(image)[:, ::-1],
    "a quarter turn": lambda image: np.rot90(crop(image)),
    "inverted": lambda image: 255 - image,
    "whole": lambda image: image,
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_part_is_found_and_another_picture_is_not(
    marked: np.ndarray, thumbnail: np.ndarray, another: np.ndarray, name: str
) -> None:
    image = np.ascontiguousarray(CHANGES[name](marked))
    geometry = watermark.detect(image, key=KEY).geometry
    assert geometry is not None
    there = place(image, thumbnail, (800, 800), geometry)
    assert there.found
    assert there.score > FOUND + 0.15
    elsewhere = place(image, another, (800, 800), geometry)
    assert elsewhere.found is False
    assert elsewhere.score < FOUND - 0.15


def test_a_picture_without_detail_is_no_part_of_a_busy_one(thumbnail: np.ndarray) -> None:
    flat = np.full((700, 700, 3), 128, np.uint8)
    upright = watermark.Geometry(rotation_deg=0, scale=1, flipped=False, inverted=False, aspect=1)
    assert place(flat, thumbnail, (800, 800), upright).found is False
    quiet = np.full_like(thumbnail, 90)
    assert place(flat, quiet, (800, 800), upright).found is None
    captioned = flat.copy()
    cv2.putText(captioned, "WHEN IT WORKS", (60, 90), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 5)
    assert place(captioned, quiet, (800, 800), upright).found is None
    absurd = watermark.Geometry(rotation_deg=0, scale=1e6, flipped=False, inverted=False, aspect=1)
    assert place(flat, thumbnail, (800, 800), absurd).found is None


def test_a_busy_picture_is_no_part_of_a_flat_one(thumbnail: np.ndarray) -> None:
    upright = watermark.Geometry(rotation_deg=0, scale=1, flipped=False, inverted=False, aspect=1)
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3)).astype(np.uint8)
    busy = cv2.resize(noise, (800, 800), interpolation=cv2.INTER_CUBIC)
    assert place(busy, np.full_like(thumbnail, 90), (800, 800), upright).found is False


def test_the_mark_tells_how_much_of_the_picture_is_left(marked: np.ndarray) -> None:
    image = cv2.resize(crop(marked), None, fx=1.6, fy=1.6)
    geometry = watermark.detect(image, key=KEY).geometry
    assert geometry is not None
    assert zoom_of(image, (800, 800), geometry) == pytest.approx(1.6, rel=0.03)
    assert covered_share(image, (800, 800), geometry) == pytest.approx(320 * 340 / 800**2, rel=0.06)


def test_the_part_that_carries_the_mark_is_found_where_the_rest_was_replaced(
    marked: np.ndarray, thumbnail: np.ndarray
) -> None:
    image = marked.copy()
    image[:450] = draw("mountains", 3, 800, 800)[:450]
    found = watermark.detect(image, key=KEY, localize=True)
    assert found.geometry is not None
    assert found.presence is not None
    part = marked_part(found.presence, image.shape)
    assert part is not None
    assert 440 <= part[0].start <= 640
    assert place(image, thumbnail, (800, 800), found.geometry, part).found


def test_a_mark_that_is_everywhere_or_nowhere_has_no_part() -> None:
    assert marked_part(np.ones((8, 8), np.float32), (800, 800, 3)) is None
    assert marked_part(np.zeros((8, 8), np.float32), (800, 800, 3)) is None

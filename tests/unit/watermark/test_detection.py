import io
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from watermark import BadImage, BadKey, BadOption, Detection, ImageTooSmall, Mark, detect, embed, key_id

PAYLOAD = b"\x00\x11\x22\x33\x44\x55\x66\x77"


def jpeg(image, quality):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def turn(image, degrees):
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC)


@pytest.fixture(scope="module")
def picture(make_picture):
    return make_picture(10, 480, 560, texture=1.5)


@pytest.fixture(scope="module")
def marked(picture, key):
    return embed(picture, PAYLOAD, key=key)


ATTACKS = {
    "none": lambda im: im,
    "jpeg 50": lambda im: jpeg(im, 50),
    "jpeg 25": lambda im: jpeg(im, 25),
    "half size": lambda im: cv2.resize(im, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "quarter and back": lambda im: cv2.resize(
        cv2.resize(im, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA),
        im.shape[1::-1],
        interpolation=cv2.INTER_CUBIC,
    ),
    "crop 25 %": lambda im: im[55:295, 201:481],
    "crop 50 %, jpeg 60": lambda im: jpeg(im[31:371, 99:495], 60),
    "rotate 5": lambda im: turn(im, 5),
    "rotate 45": lambda im: turn(im, 45),
    "rotate 90": np.rot90,
    "rotate 180": lambda im: im[::-1, ::-1],
    "flip": lambda im: im[:, ::-1],
    "flip, rotate 10": lambda im: turn(np.ascontiguousarray(im[:, ::-1]), 10),
    "aspect": lambda im: cv2.resize(im, None, fx=0.9, fy=1.0, interpolation=cv2.INTER_AREA),
    "dark": lambda im: (im * 0.5).astype(np.uint8),
    "inverted": lambda im: 255 - im,
    "grey": lambda im: np.dstack([cv2.cvtColor(im, cv2.COLOR_RGB2GRAY)] * 3),
    "black rectangle": lambda im: np.where(
        (np.indices(im.shape[:2]) < 240).all(axis=0)[..., None], 0, im
    ).astype(np.uint8),
    "screenshot": lambda im: jpeg(cv2.resize(im, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA), 75),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_reads_after(marked, key, name):
    found = detect(ATTACKS[name](marked), key=key)
    assert found.payload == PAYLOAD
    assert found.present
    assert found.status == "detected"
    assert found.p_value < 1e-6


@settings(max_examples=10, deadline=None)
@given(
    height=st.integers(160, 420),
    width=st.integers(160, 420),
    alpha=st.booleans(),
    seed=st.integers(0, 999),
    payload=st.binary(min_size=8, max_size=8),
)
def test_round_trip_over_sizes_alpha_and_payloads(make_picture, key, height, width, alpha, seed, payload):
    image = make_picture(seed, height, width)
    if alpha:
        image = np.dstack(
            [image, np.where(np.indices((height, width))[0] < height // 3, 0, 255).astype(np.uint8)]
        )
    assert detect(embed(image, payload, key=key), key=key).payload == payload


@pytest.mark.parametrize("shape", [(130, 2600), (1900, 140)])
def test_very_long_pictures_are_read(make_picture, key, shape):
    marked = embed(make_picture(12, *shape, texture=1.5), PAYLOAD, key=key)
    assert detect(marked, key=key).payload == PAYLOAD


def test_geometry_of_an_untouched_picture(marked, key):
    geometry = detect(marked, key=key).geometry
    assert geometry is not None
    assert geometry.rotation_deg == pytest.approx(0, abs=0.1)
    assert geometry.scale == pytest.approx(1, abs=0.01)
    assert geometry.aspect == pytest.approx(1, abs=0.01)
    assert not geometry.flipped
    assert not geometry.inverted


def test_geometry_of_turned_pictures(marked, key):
    left = detect(turn(marked, 12), key=key).geometry
    assert left.rotation_deg == pytest.approx(12, abs=0.3)
    assert not left.flipped
    quarter = detect(np.rot90(marked), key=key).geometry
    assert quarter.rotation_deg == pytest.approx(90, abs=0.1)
    half = detect(cv2.resize(marked, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), key=key).geometry
    assert half.scale == pytest.approx(0.5, abs=0.01)
    narrow = detect(cv2.resize(marked, None, fx=0.9, fy=1.0, interpolation=cv2.INTER_AREA), key=key).geometry
    assert narrow.aspect == pytest.approx(0.9, abs=0.01)
    assert detect(marked[:, ::-1], key=key).geometry.flipped
    assert detect(255 - marked, key=key).geometry.inverted


def test_unmarked_pictures_have_no_mark(make_picture, key):
    for seed in range(5):
        found = detect(make_picture(seed, 200 + 30 * seed, 300), key=key)
        assert found.status == "not_detected"
        assert found.payload is None
        assert found.geometry is None
        assert not found.present
        assert found.p_value > 1e-3


def test_a_wrong_key_finds_nothing(marked):
    for i in range(4):
        found = detect(marked, key=bytes([i]) * 32)
        assert found.payload is None
        assert not found.present


SECOND_KEY = b"the second key.."


def test_two_keys_coexist(make_picture, key):
    image = make_picture(11, 480, 480)
    both = embed(embed(image, PAYLOAD, key=key), PAYLOAD[::-1], key=SECOND_KEY)
    assert detect(both, key=key).payload == PAYLOAD
    assert detect(both, key=SECOND_KEY).payload == PAYLOAD[::-1]
    together = detect(both, key=[key, SECOND_KEY])
    assert (together.payload, together.key_id) == (PAYLOAD, key_id(key))
    assert together.others == (Mark(PAYLOAD[::-1], key_id(SECOND_KEY)),)


def test_a_second_mark_of_the_same_key_is_reported_too(make_picture, key):
    image = make_picture(11, 480, 480, texture=1.5)
    twice = detect(embed(embed(image, PAYLOAD, key=key), PAYLOAD[::-1], key=key), key=key)
    assert {twice.payload, *(mark.payload for mark in twice.others)} == {PAYLOAD, PAYLOAD[::-1]}


def test_one_mark_has_no_other(marked, key):
    for image in (marked, jpeg(marked, 50), turn(marked, 30)):
        assert detect(image, key=key).others == ()


def test_any_key_of_several_is_found(marked, key):
    others = [bytes([i]) * 32 for i in range(3)]
    found = detect(turn(marked, 5), key=[*others, key])
    assert found.payload == PAYLOAD
    assert found.key_id == key_id(key)
    assert detect(marked, key=others).status == "not_detected"
    with pytest.raises(BadKey, match="empty"):
        detect(marked, key=[])


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_grey_and_16_bit_pictures_are_read(picture, key, depth):
    levels = depth(257 if depth == np.uint16 else 1)
    for image in (picture[..., 1], picture, np.dstack([picture, picture[..., 0]])):
        marked = embed(image.astype(depth) * levels, PAYLOAD, key=key)
        assert detect(marked, key=key).payload == PAYLOAD


def test_presence_shows_what_was_painted_over(picture, marked, key):
    patched = marked.copy()
    patched[120:360, 280:] = picture[120:360, 280:]
    presence = detect(patched, key=key, localize=True).presence
    assert presence is not None
    assert presence.dtype == np.float32
    rows, columns = presence.shape
    inside = presence[rows * 150 // 480 : rows * 330 // 480, columns * 320 // 560 :]
    left = presence[:, : columns * 250 // 560]
    assert inside.mean() < 0.2
    assert left.mean() > 0.8


def test_presence_follows_the_picture_when_it_is_turned(marked, picture, key):
    patched = marked.copy()
    patched[:240] = picture[:240]
    presence = detect(np.rot90(patched), key=key, localize=True).presence
    columns = presence.shape[1]
    assert presence[:, : columns // 2 - 1].mean() < 0.2
    assert presence[:, columns // 2 + 1 :].mean() > 0.8


def test_presence_of_a_mark_that_was_found_in_a_part(make_picture, key):
    canvas = make_picture(31, 700, 1200, texture=1.5)
    insert = embed(make_picture(32, 400, 400, texture=1.5), PAYLOAD, key=key)
    canvas[250:650, 750:1150] = insert
    found = detect(canvas, key=key, effort="thorough", localize=True)
    assert found.payload == PAYLOAD
    rows, columns = found.presence.shape
    inside = found.presence[
        rows * 300 // 700 : rows * 600 // 700, columns * 800 // 1200 : columns * 1100 // 1200
    ]
    assert inside.mean() > 0.6
    assert found.presence[:, : columns * 700 // 1200].mean() < 0.2


def test_presence_is_only_given_where_it_was_asked_for(marked, picture, key):
    assert detect(marked, key=key).presence is None
    assert detect(picture, key=key, localize=True).presence is None


def test_fast_effort_skips_the_search(marked, key):
    assert detect(marked, key=key, effort="fast").payload == PAYLOAD
    assert detect(turn(marked, 5), key=key, effort="fast").payload is None


def test_thorough_effort_finds_shear_and_collages(make_picture, marked, key):
    sheared = cv2.warpAffine(
        marked, np.array([[1, 0.08, -20], [0, 1, 0]]), marked.shape[1::-1], flags=cv2.INTER_CUBIC
    )
    assert detect(sheared, key=key, effort="thorough").payload == PAYLOAD


def test_the_answer_is_deterministic_and_thread_safe(marked, key):
    views = [marked, turn(marked, 7), marked[:300, :300], marked[::-1]] * 2
    alone = [detect(view, key=key) for view in views]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda view: detect(view, key=key), views))
    assert alone == together


def hostile():
    y, x = np.mgrid[:300, :300]
    rng = np.random.default_rng(0)
    one = lambda plane: np.dstack([plane.astype(np.uint8)] * 3)
    yield "black", one(np.zeros((200, 200)))
    yield "white", one(np.full((128, 128), 255))
    yield "noise", rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    yield "very wide", rng.integers(0, 256, (128, 5000, 3), dtype=np.uint8)
    yield "very tall and smooth", one(np.tile(np.arange(5000)[:, None] // 20, (1, 128)))
    yield "1 px stripes", one(255 * (x % 2))
    yield "checkerboard", one(255 * ((x + y) % 2))
    yield "dots in a lattice", one(255 * ((x % 8 == 0) & (y % 8 == 0)))
    yield "waves", one(127 + 120 * np.sin(x / 3) * np.cos(y / 5))
    yield "one pixel", one((x == 150) & (y == 150)) * 255
    yield "transparent", np.zeros((200, 200, 4), np.uint8)


@pytest.mark.parametrize(("name", "image"), list(hostile()))
def test_hostile_pictures_neither_crash_nor_alarm(key, name, image):
    found = detect(image, key=key)
    assert isinstance(found, Detection)
    assert not found.present
    marked = embed(image, PAYLOAD, key=key)
    assert marked.shape == image.shape
    assert detect(marked, key=key).payload in {PAYLOAD, None}


def test_bad_arguments(picture, key):
    with pytest.raises(BadImage):
        detect(picture.astype(np.float32), key=key)
    with pytest.raises(ImageTooSmall):
        detect(picture[:63], key=key)
    with pytest.raises(BadKey):
        detect(picture, key=b"short")
    with pytest.raises(BadOption, match="effort"):
        detect(picture, key=key, effort="maximal")

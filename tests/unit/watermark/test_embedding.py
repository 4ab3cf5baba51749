import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import structural_similarity

from watermark import BadOption, ImageTooFlat, detect, embed

PAYLOAD = b"\xde\xad\xbe\xef\x00\x11\x22\x33"


def psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@pytest.mark.parametrize("channels", [3, 4])
def test_strength_0_is_the_identity(make_picture, key, channels):
    image = make_picture(0)
    if channels == 4:
        image = np.dstack([image, image[..., 0]])
    marked = embed(image, PAYLOAD, key=key, strength=0)
    assert np.array_equal(marked, image)
    assert marked is not image


@settings(max_examples=8, deadline=None)
@given(
    height=st.integers(128, 300), width=st.integers(128, 300), alpha=st.booleans(), seed=st.integers(0, 99)
)
def test_shape_type_alpha_and_input_are_kept(make_picture, key, height, width, alpha, seed):
    image = make_picture(seed, height, width)
    if alpha:
        image = np.dstack([image, make_picture(seed + 1, height, width)[..., 0]])
    before = image.copy()
    marked = embed(image, PAYLOAD, key=key)
    assert marked.dtype == np.uint8
    assert marked.shape == image.shape
    assert np.array_equal(image, before)
    assert np.array_equal(marked[..., 3:], image[..., 3:])
    assert (marked[..., :3] != image[..., :3]).any()


@pytest.mark.parametrize("texture", [0.3, 1.0, 3.0])
def test_quality_limits_hold(make_picture, key, texture):
    image = make_picture(3, 512, 600, texture)
    marked = embed(image, PAYLOAD, key=key)
    assert psnr(image, marked) > 42.5
    assert structural_similarity(image, marked, channel_axis=2) > 0.982


def test_flat_areas_stay_quiet(key):
    image = np.full((512, 512, 3), (120, 160, 220), np.uint8)
    change = embed(image, PAYLOAD, key=key).astype(float) - image
    luma = change @ np.array([0.299, 0.587, 0.114])
    assert 0.2 < np.sqrt(np.mean(luma**2)) < 0.45
    assert np.abs(change).max() <= 3


def test_noncontiguous_input_is_accepted(make_picture, key):
    image = make_picture(4, 300, 310)
    assert np.array_equal(
        embed(image[::-1, ::-1], PAYLOAD, key=key), embed(image[::-1, ::-1].copy(), PAYLOAD, key=key)
    )


def test_payload_and_key_change_the_mark(make_picture, key):
    image = make_picture(5, 256, 256)
    marks = [
        embed(image, p, key=k).astype(float) - image
        for p, k in ((PAYLOAD, key), (PAYLOAD[::-1], key), (PAYLOAD, key[::-1]))
    ]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(marks[a].ravel(), marks[b].ravel())[0, 1]) < 0.5


def test_marking_is_deterministic(make_picture, key):
    image = make_picture(6, 200, 260)
    assert np.array_equal(embed(image, PAYLOAD, key=key), embed(image, PAYLOAD, key=key))


@pytest.mark.parametrize("strength", [-0.1, 4.1, float("nan")])
def test_bad_strength_is_refused(make_picture, key, strength):
    with pytest.raises(BadOption, match="strength"):
        embed(make_picture(0), PAYLOAD, key=key, strength=strength)


def test_saturated_pictures_do_not_wrap_around(key):
    for level in (0, 255):
        image = np.full((200, 200, 3), level, np.uint8)
        assert np.abs(embed(image, PAYLOAD, key=key).astype(int) - level).max() < 10


def test_opencv_rounds_as_the_quality_loop_does():
    change = np.linspace(-3, 3, 121, dtype=np.float32).reshape(1, -1)
    plane = np.full((1, 121), 100, np.uint8)
    assert np.array_equal(cv2.add(plane, change, dtype=cv2.CV_8U), np.rint(plane + change).astype(np.uint8))


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [None, 3, 4])
def test_every_mode_keeps_shape_type_and_quality(make_picture, key, depth, channels):
    levels = 257 if depth == np.uint16 else 1
    image = make_picture(7, 300, 340)
    image = image[..., 0] if channels is None else np.dstack([image, image[..., 0]])[..., :channels]
    image = image.astype(depth) * depth(levels)
    marked = embed(image, PAYLOAD, key=key)
    assert marked.dtype == image.dtype
    assert marked.shape == image.shape
    assert np.array_equal(marked[..., 3:], image[..., 3:]) or channels is None
    assert 42.0 < psnr(image / levels, marked / levels) < 60


def test_profiles_trade_quality_for_strength(make_picture, key):
    image = make_picture(8, 420, 400, texture=1.5)
    archival, balanced, robust = (
        psnr(image, embed(image, PAYLOAD, key=key, profile=name))
        for name in ("archival", "balanced", "robust")
    )
    assert archival > 47.5
    assert archival > balanced + 2
    assert balanced > robust + 1
    with pytest.raises(BadOption, match="profile: got 'loud', expected one of archival, balanced, robust"):
        embed(image, PAYLOAD, key=key, profile="loud")


def test_flat_pictures_are_refused_on_request(make_picture, key):
    flat = np.full((256, 256, 3), 127, np.uint8)
    assert (embed(flat, PAYLOAD, key=key) != flat).any()
    with pytest.raises(ImageTooFlat):
        embed(flat, PAYLOAD, key=key, refuse_flat=True)
    assert embed(make_picture(9), PAYLOAD, key=key, refuse_flat=True).any()


def test_one_payload_never_gives_one_pattern_twice(make_picture, key):
    a, b = (make_picture(seed, 256, 256) for seed in (20, 21))
    marks = [embed(image, PAYLOAD, key=key).astype(float) - image for image in (a, b)]
    # what an average of many pictures would collect
    assert abs(np.corrcoef(marks[0].ravel(), marks[1].ravel())[0, 1]) < 0.3


def test_replacing_takes_the_old_mark_out(make_picture, key):
    image = make_picture(22, 420, 480, texture=1.5)
    once = embed(image, PAYLOAD, key=key)
    both = embed(once, PAYLOAD[::-1], key=key)
    replaced = embed(once, PAYLOAD[::-1], key=key, replace=True)
    assert {mark.payload for mark in detect(both, key=key).others} != set()
    found = detect(replaced, key=key)
    assert found.payload == PAYLOAD[::-1]
    assert found.others == ()
    # nearer to the original than two marks are
    assert psnr(image, replaced) > psnr(image, both) + 1.5


def test_replacing_leaves_an_unmarked_picture_to_one_mark(make_picture, key):
    image = make_picture(23, 300, 300)
    assert np.array_equal(embed(image, PAYLOAD, key=key, replace=True), embed(image, PAYLOAD, key=key))


def test_another_keys_mark_is_not_replaced(make_picture, key):
    other = b"the second key.."
    image = embed(make_picture(24, 420, 420, texture=1.5), PAYLOAD, key=other)
    marked = embed(image, PAYLOAD[::-1], key=key, replace=True)
    assert detect(marked, key=other).payload == PAYLOAD

"""The visible label: its size, its place, that it is drawn once, and that a reader of text reads it."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

import watermark
from service.generators.builtin import draw
from watermark.labels.profile import load_profile, plan_labels, profile_names
from watermark.labels.strokes import STROKES
from watermark.labels.visible import draw_label, shows_label

PICTURE = draw("a harbour town", 0, 640, 400)
TEXTS = ("AI生成", "AI-generated", "AI 생성")


def test_no_text_changes_nothing():
    assert draw_label(PICTURE, (), 0.05) is PICTURE


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("shape", [(400, 640), (640, 400), (128, 128), (1000, 300)])
def test_capitals_and_signs_are_at_least_as_high_as_the_share(text, shape):
    black = np.zeros((*shape, 3), np.uint8)
    label = draw_label(black, (text,), 0.05)
    rows = np.flatnonzero((label[..., 0] > 127).any(1))
    needed = int(np.ceil(min(shape) * 0.05))
    height = rows[-1] - rows[0] + 1
    assert needed <= height <= needed * 1.4 + 1  # g hangs below the line


@pytest.mark.parametrize("sign", sorted(STROKES))
def test_each_sign_alone_fills_the_height(sign):
    label = draw_label(np.zeros((1000, 1000, 3), np.uint8), (sign,), 0.05)
    rows = np.flatnonzero((label[..., 0] > 127).any(1))
    assert 49 <= rows[-1] - rows[0] + 1 <= 52


def test_every_text_of_a_profile_can_be_drawn():
    """A sign that neither strokes nor Pillow's font has would come out as an empty box."""
    for name in profile_names():
        rule = load_profile(name).visible
        for sign in rule.text if rule else "":
            assert sign.isascii() or sign in STROKES, (name, sign)


def test_only_the_lower_right_corner_changes_and_the_picture_given_does_not():
    before = PICTURE.copy()
    label = draw_label(PICTURE, ("AI生成",), 0.05)
    assert np.array_equal(PICTURE, before)
    changed = np.argwhere((label != PICTURE).any(2))
    rows, columns = PICTURE.shape[:2]
    assert changed[:, 0].min() > rows * 0.85
    assert changed[:, 1].min() > columns * 0.7
    assert tuple(changed.max(0)) == (rows - 1, columns - 1)


def test_it_is_opaque_on_a_transparent_picture():
    clear = np.zeros((200, 200, 4), np.uint8)
    label = draw_label(clear, ("AI生成",), 0.05)
    assert label[-1, -1, 3] == 255
    assert label[0, 0, 3] == 0


def test_a_picture_that_shows_it_is_not_drawn_on_again():
    plan = plan_labels(profile_names())
    once = draw_label(PICTURE, plan.texts, plan.height_share)
    marked = watermark.embed(once, bytes(8), key=bytes(32))
    out = io.BytesIO()
    Image.fromarray(marked).save(out, "JPEG", quality=75)
    copy = np.asarray(Image.open(out))
    assert draw_label(copy, plan.texts, plan.height_share) is copy


@pytest.mark.parametrize("grey", [0, 24, 128, 255])
@pytest.mark.parametrize("shape", [(400, 640), (1, 1), (20, 20), (1, 5000), (128, 128)])
def test_a_flat_corner_is_no_label(grey, shape):
    for text in TEXTS:
        assert not shows_label(np.full((*shape, 3), grey, np.uint8), (text,), 0.05)


def test_another_label_is_not_this_one():
    other = draw_label(PICTURE, ("AI-generated",), 0.05)
    assert not shows_label(other, ("AI生成",), 0.05)
    assert not shows_label(cv2.flip(draw_label(PICTURE, ("AI生成",), 0.05), 1), ("AI生成",), 0.05)


def test_the_watermark_survives_beside_it():
    label = draw_label(PICTURE, TEXTS, 0.05)
    marked = watermark.embed(label, b"12345678", key=bytes(32))
    assert watermark.detect(marked, key=bytes(32)).payload == b"12345678"
    assert shows_label(marked, TEXTS, 0.05)

"""What the built-in generator does to a picture: changed where the mask is, itself where it is not."""

import numpy as np
import pytest

from service.generators.builtin import draw
from service.repainting import fitted, recoloured, repaint

BASE, FRESH = draw("sea", 0, 200, 300), draw("a red forest", 0, 200, 300)


def test_far_from_the_mask_nothing_changes_and_under_it_everything_does() -> None:
    mask = np.zeros((200, 300), np.bool_)
    mask[50:100, 50:100] = True
    made = repaint((BASE,), mask, FRESH)
    assert np.array_equal(made[mask], FRESH[mask])
    assert np.array_equal(made[150:], BASE[150:])
    assert made.dtype == np.uint8


def test_an_empty_mask_is_the_identity_and_a_full_one_a_new_picture() -> None:
    assert np.array_equal(repaint((BASE,), np.zeros((200, 300), np.bool_), FRESH), BASE)
    assert np.array_equal(repaint((BASE,), np.ones((200, 300), np.bool_), FRESH), FRESH)


def test_transparent_parts_are_a_mask() -> None:
    alpha = np.full((200, 300), 255, np.uint8)
    alpha[:40] = 0
    made = repaint((np.dstack([BASE, alpha]),), None, FRESH)
    assert np.array_equal(made[:40], FRESH[:40])
    assert np.array_equal(made[100:], BASE[100:])


def test_without_a_mask_the_colours_move_and_the_shapes_stay() -> None:
    made = repaint((BASE,), None, FRESH)
    before, after = (np.abs(p.mean((0, 1)) - FRESH.mean((0, 1))).sum() for p in (BASE, made))
    assert after < before / 2
    grey = [p.mean(axis=2).ravel() for p in (BASE, made)]
    assert np.corrcoef(*grey)[0, 1] > 0.8


def test_a_second_picture_gives_the_colours() -> None:
    blue = np.zeros_like(BASE)
    blue[..., 2] = 200
    made = repaint((BASE, blue), None, FRESH)
    assert made[..., 2].mean() > made[..., 0].mean() + 50


@pytest.mark.parametrize(
    ("shape", "size"), [((200, 300), (128, 128)), ((130, 500), (400, 400)), ((7, 9), (128, 384))]
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_fitted_covers_any_size(shape: tuple[int, int], size: tuple[int, int], channels: int) -> None:
    image = np.full((*shape, channels), 200, np.uint8)
    made = fitted(image, *size)
    assert made.shape == (*size, channels)
    assert (made == 200).all()


def test_a_flat_picture_can_be_recoloured() -> None:
    flat = np.full((64, 64, 3), 128, np.uint8)
    assert recoloured(flat, FRESH).shape == flat.shape

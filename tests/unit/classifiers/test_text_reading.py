"""The parts of the text reader by themselves: size looked at, boxes, strips, order."""

import cv2
import numpy as np
import pytest

from classifiers.text_detector import GRID, ROUNDING, TextBox, _boxes, seen_size
from classifiers.text_order import Line, glued, in_order
from classifiers.text_recognizer import MAX_WIDTH, cut_strips, stands


def _box(x: float, y: float, width: float, height: float) -> TextBox:
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
    return TextBox(np.array(corners, np.float32), 0.9)


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        ((1024, 1024), (544, 544)),
        ((100, 100), (96, 96)),
        ((1, 1), (GRID, GRID)),
        ((2048, 512), (1088, 256)),
        ((16384, 1), (10144, GRID)),
    ],
)
def test_the_size_looked_at_keeps_the_shape_and_the_number_of_pixels(
    size: tuple[int, int], seen: tuple[int, int]
) -> None:
    assert seen_size(*size, 544) == seen
    assert seen_size(*size[::-1], 544) == seen[::-1]


def test_no_shape_costs_more_than_a_tenth_over_a_square() -> None:
    rng = np.random.default_rng(3)
    for width, height in rng.integers(1, 16385, (300, 2)):
        wide, high = seen_size(int(width), int(height), 544)
        assert wide * high <= ROUNDING * 544 * 544
        assert wide % GRID == high % GRID == 0


def test_an_area_becomes_a_box_grown_by_the_border_that_was_shaved_off() -> None:
    probability = np.zeros((96, 96), np.float32)
    probability[40:50, 20:60] = 0.9
    ((corners, score),) = _boxes(probability)
    # 39 x 9 between the outermost pixels, one more each way by dilation: grown by 40 * 10 * 1.6 / (2 * 50)
    border = 40 * 10 * 1.6 / 100
    assert np.ptp(corners[:, 0]) == pytest.approx(40 + 2 * border, abs=1.5)
    assert np.ptp(corners[:, 1]) == pytest.approx(10 + 2 * border, abs=1.5)
    assert score > 0.7


def test_text_inside_a_ring_of_text_is_a_box_of_its_own() -> None:
    probability = np.zeros((128, 128), np.float32)
    cv2.circle(probability, (64, 64), 55, 0.9, 6)
    probability[58:68, 45:85] = 0.9
    assert len(_boxes(probability)) >= 1
    centres = [corners.mean(0) for corners, _ in _boxes(probability)]
    assert any(np.abs(centre - (65, 63)).max() < 3 for centre in centres)


def test_weak_and_small_areas_are_no_boxes() -> None:
    probability = np.zeros((64, 64), np.float32)
    probability[10:20, 10:50] = 0.35  # over the threshold of the map, under that of a box
    probability[40:41, 10:12] = 0.9
    assert _boxes(probability) == []


def test_a_strip_is_upright_and_48_pixels_high() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:70, 40:100] = 255
    (strip,) = cut_strips(image, _box(40, 50, 60, 20))
    assert strip.shape == (48, 144, 3)
    assert strip.mean() > 240


def test_a_standing_box_is_laid_down_so_that_its_top_comes_first() -> None:
    image = np.zeros((200, 300, 3), np.uint8)
    image[50:80, 40:60] = 255  # the upper half of a box 20 wide and 60 high
    box = _box(40, 50, 20, 60)
    assert stands(box)
    (strip,) = cut_strips(image, box)
    assert strip.shape == (48, 144, 3)
    assert strip[:, :60].mean() > 240
    assert strip[:, 84:].mean() < 15


def test_an_endless_line_is_cut_into_pieces() -> None:
    image = np.zeros((16, 8000, 3), np.uint8)
    strips = cut_strips(image, _box(0, 0, 8000, 16))
    assert len(strips) == 13
    assert all(strip.shape[1] <= MAX_WIDTH for strip in strips)


def test_a_box_outside_the_picture_gives_nothing() -> None:
    assert cut_strips(np.zeros((20, 20, 3), np.uint8), _box(30, 30, 10, 5)) == []


def test_reading_order_is_rows_then_columns() -> None:
    lines = [
        Line(_box(100, 12, 50, 20), "two", "as it is"),
        Line(_box(0, 60, 50, 20), "three", "as it is"),
        Line(_box(0, 10, 50, 20), "one", "as it is"),
    ]
    assert in_order(lines) == ["one", "two", "three"]
    assert in_order([]) == []


def test_reading_order_follows_the_way_up_of_most_lines() -> None:
    upside_down = [
        Line(_box(0, 10, 50, 20), "two", "upside down"),
        Line(_box(0, 60, 50, 20), "one", "upside down"),
    ]
    assert in_order(upside_down) == ["one", "two"]
    downwards = [Line(_box(0, 0, 20, 90), "two", "as it is"), Line(_box(60, 0, 20, 90), "one", "as it is")]
    assert in_order(downwards) == ["one", "two"]
    mirrored = [Line(_box(0, 0, 50, 20), "two", "mirrored"), Line(_box(80, 0, 50, 20), "one", "mirrored")]
    assert in_order(mirrored) == ["one", "two"]


@pytest.mark.parametrize(
    ("texts", "whole"),
    [
        (["K", "I", "L", "L"], "KILL"),
        (["KI", "LL", "the lights"], "KILL the lights"),
        (["open", "the window"], "open the window"),
        (["one long line", "another line"], "one long line another line"),
        ([], ""),
    ],
)
def test_pieces_are_glued_and_lines_are_not(texts: list[str], whole: str) -> None:
    assert glued(texts) == whole

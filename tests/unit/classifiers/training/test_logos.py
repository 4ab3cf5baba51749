import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from classifiers.errors import TrainingDataInvalid
from classifiers.image_logos import load_network
from classifiers.logo_finder import PIECE, STRIDE, describer_input, find_spots
from classifiers.logo_marks import SIDE
from classifiers.training.logo_data import (
    CANVAS,
    alike,
    load_backgrounds,
    load_icons,
    make_batch,
    make_pieces,
    split_icons,
)
from classifiers.training.logo_export import describer_example, export_float, finder_example, quantise
from classifiers.training.logo_network import Describer, Finder
from classifiers.training.logo_scenes import STYLES, Icon, background, distract, place, weather
from classifiers.training.train_logos import train_describer, train_finder


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine make seconds of milliseconds."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _icons(count: int) -> list[Icon]:
    icons = []
    for row in range(count):
        rng = np.random.default_rng(row)
        shape = np.zeros((SIDE, SIDE), np.uint8)
        cv2.fillPoly(shape, [rng.integers(0, SIDE, (5, 2)).astype(np.int32)], 255)
        cv2.circle(shape, tuple(int(v) for v in rng.integers(20, 108, 2)), 14, 255, -1)
        icons.append(Icon(f"mark{row}", shape, (200, 30, 60)))
    return icons


def _pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [
        cv2.resize(
            rng.integers(0, 255, (9, 12, 3), dtype=np.uint8), (320, 240), interpolation=cv2.INTER_CUBIC
        )
        for _ in range(3)
    ]


@pytest.mark.parametrize("style", STYLES)
def test_a_seed_gives_the_same_scene_and_the_mark_is_where_it_is_said_to_be(style: str) -> None:
    ground = np.full((CANVAS, CANVAS, 3), 120, np.uint8)
    first, placed = place(np.random.default_rng(5), ground, _icons(1)[0], 50, style=style)
    second, _ = place(np.random.default_rng(5), ground, _icons(1)[0], 50, style=style)
    np.testing.assert_array_equal(first, second)
    changed = np.abs(first.astype(int) - ground).max(axis=2) > 8
    ys, xs = np.nonzero(changed)
    assert abs(xs.mean() - placed.x) < 0.4 * placed.side
    assert abs(ys.mean() - placed.y) < 0.4 * placed.side
    assert placed.style == style
    assert (ground == 120).all()


def test_weather_of_strength_zero_is_jpeg_at_95_and_keeps_the_shape() -> None:
    picture = _pictures()[0]
    calm = weather(np.random.default_rng(0), picture, strength=0.0)
    assert calm.shape == picture.shape
    assert np.abs(calm.astype(int) - picture).mean() < 3
    rough = [weather(np.random.default_rng(seed), picture) for seed in range(6)]
    assert max(float(np.abs(one.astype(int) - picture).mean()) for one in rough) > 5


def test_backgrounds_and_decoys_have_the_asked_for_size() -> None:
    rng = np.random.default_rng(2)
    for pictures in ([], _pictures()):
        ground = background(rng, pictures, CANVAS)
        assert ground.shape == (CANVAS, CANVAS, 3)
        drawn, (x, y, side) = distract(rng, ground)
        assert (drawn != ground).any()
        assert 0 < x < CANVAS
        assert 0 < y < CANVAS
        assert side < CANVAS


def test_pieces_hold_the_mark_in_their_middle() -> None:
    icons = _icons(30)
    seen, decoys = make_pieces(np.random.default_rng(1), icons, [], np.arange(30))
    assert seen.shape == (30, PIECE, PIECE, 3)
    assert decoys.shape[1:] == (PIECE, PIECE, 3)
    middle = seen[:, 12:-12, 12:-12].astype(float).std(axis=(1, 2, 3)).mean()
    border = seen[:, :6].astype(float).std(axis=(1, 2, 3)).mean()
    assert middle > border


def test_targets_mark_the_cell_of_the_centre() -> None:
    batch = make_batch(np.random.default_rng(4), _icons(20), _pictures(), 20)
    assert batch.scenes.shape == (20, CANVAS, CANVAS, 3)
    peaks = (batch.heat == 1).sum(axis=(1, 2))
    assert set(peaks.tolist()) == {0, 1}
    scene = int(peaks.argmax())
    row, column = np.argwhere(batch.heat[scene] == 1)[0]
    assert np.abs(batch.boxes[scene, 1:, row, column]).max() <= 2
    assert -0.8 < batch.boxes[scene, 0, row, column] < 0.9
    assert 0 < row < CANVAS // STRIDE
    assert 0 < column < CANVAS // STRIDE


def test_lookalikes_of_kept_marks_are_in_neither_part() -> None:
    icons = _icons(6)
    twin = Icon("twin", icons[2].shape, (0, 0, 0))
    assert alike([*icons, twin])[2, 6]
    train, kept = split_icons([*icons, twin], {"mark2"})
    assert [icon.slug for icon in kept] == ["mark2"]
    assert {icon.slug for icon in train} == {"mark0", "mark1", "mark3", "mark4", "mark5"}


def test_a_few_steps_reduce_both_losses() -> None:
    icons, pictures = _icons(8), _pictures()
    _, losses = train_finder(icons, pictures, steps=16, scenes=6)
    assert np.mean(losses[-4:]) < 0.97 * np.mean(losses[:4])
    mistakes = np.random.default_rng(0).integers(0, 255, (4, PIECE, PIECE, 3), dtype=np.uint8)
    _, losses = train_describer(icons, pictures, mistakes, steps=16, marks=8)
    assert np.mean(losses[-4:]) < 0.9 * np.mean(losses[:4])


def test_the_export_answers_as_torch_and_int8_nearly() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    finder, describer = Finder().eval(), Describer().eval()
    picture = rng.standard_normal((1, 3, 4 * STRIDE, 6 * STRIDE), dtype=np.float32)
    pieces = describer_input(rng.integers(0, 255, (3, PIECE, PIECE, 3), dtype=np.uint8))
    exported = load_network(export_float(finder, finder_example(), any_size=True))
    with torch.no_grad():
        np.testing.assert_allclose(exported(picture), finder(torch.from_numpy(picture)).numpy(), atol=1e-3)
        expected = describer(torch.from_numpy(pieces)).numpy()
    model = export_float(describer, describer_example(), any_size=False)
    np.testing.assert_allclose(load_network(model)(pieces), expected, atol=1e-3)
    small = quantise(model, [pieces])
    assert len(small) < len(model)
    assert (load_network(small)(pieces) * expected).sum(axis=1).min() > 0.98


def test_the_finder_needs_no_mark_to_answer() -> None:
    levels = [np.zeros((40, 24, 3), np.uint8), np.zeros((20, 12, 3), np.uint8)]
    spots = find_spots(
        levels, lambda batch: np.zeros((1, 4, batch.shape[2] // 8, batch.shape[3] // 8), np.float32), 3
    )
    assert len(spots) == 3


def test_folders_that_are_not_what_they_should_be(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataInvalid, match="simple-icons"):
        load_icons(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "icons").mkdir()
    (tmp_path / "data" / "simple-icons.json").write_text(json.dumps([{"slug": "a", "hex": "FF0000"}]))
    with pytest.raises(TrainingDataInvalid, match="0 SVGs"):
        load_icons(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "icons" / f"{name}.svg").write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9L3 9z"/></svg>'
        )
    assert [(icon.slug, icon.colour) for icon in load_icons(tmp_path)] == [
        ("a", (255, 0, 0)),
        ("b", (0, 0, 0)),
    ]
    with pytest.raises(TrainingDataInvalid, match="none"):
        load_backgrounds(tmp_path / "nothing")
    Image.new("RGB", (8, 8)).save(tmp_path / "icons" / "c.png")
    with pytest.raises(TrainingDataInvalid, match="no picture|got"):
        load_backgrounds(tmp_path / "icons")

"""The demonstration of the image path: its verdict and its drawings; the training has a test of its own."""

from pathlib import Path

import numpy as np
import pytest

from classifiers.training.demonstrate_pictures import Served, missed, table
from classifiers.training.picture_scenes import CLASSES, draw, write_folders


def figures(fp32: float, int8: float) -> dict[str, object]:
    kept = int8 >= fp32 - 0.005
    return {
        "int8": {
            "kept": kept, "fp32": 0.99, "int8": 0.99, "test_fp32": fp32, "test_int8": int8,
            "fp32_ms": 4.0, "int8_ms": 2.0, "fp32_bytes": 4_000_000, "int8_bytes": 1_000_000,
        },
        "test": {"accuracy": int8 if kept else fp32, "pictures": 1000},
        "val": {"pictures": 600},
        "settings": {"side": 64},
        "best_epoch": 9,
        "epochs": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fp32", "int8", "expected"),
    [
        (0.99, 0.986, []),
        (0.98, 0.98, []),
        (0.979, 0.979, ["accuracy 97.90%"]),
        (0.99, 0.984, ["int8 0.60 points lower"]),
        (0.97, 0.9, ["accuracy 97.00%", "int8 7.00 points lower"]),
    ],
)
def test_a_missed_bar_is_named_in_the_table(fp32: float, int8: float, expected: list[str]) -> None:
    told = figures(fp32, int8)
    assert [text.partition(",")[0] for text in missed(told)] == [text.partition(",")[0] for text in expected]
    written = table(
        told,
        Served(int8, 0.99, 0.01),
        {"fp32_ms": 100.0, "int8_ms": 40.0, "fp32_mb": 94.0, "int8_mb": 24.0},
    )
    assert f"{fp32:.2%} | {int8:.2%} |" in written
    assert all(text in written for text in expected)
    assert ("Bars missed: none." in written) == (not expected)


def test_drawings_are_the_same_for_a_seed_and_differ_between_parts(tmp_path: Path) -> None:
    for out in ("one", "two"):
        write_folders(tmp_path / out, {"train": 2, "test": 2}, 48, 5)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.jpg"))
    assert len(files) == 2 * 2 * len(CLASSES)
    contents = [(tmp_path / "one" / file).read_bytes() for file in files]
    assert contents == [(tmp_path / "two" / file).read_bytes() for file in files]
    assert len(set(contents)) == len(contents)
    picture = draw("splatter", 48, np.random.default_rng(1))
    assert (picture.dtype, picture.shape) == (np.uint8, (48, 48, 3))

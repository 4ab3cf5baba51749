"""No text of the training data is in the package: weights, lists and code are, the prompts are not."""

import gzip
import io
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from classifiers.training.copied_texts import copied, is_long_enough, tokens_of
from classifiers.training.dataset import data_files, load_rows

PACKAGE = Path(str(resources.files("classifiers")))
TEXTS = [
    "A cat sits on the green mat.",
    "一只猫坐在绿色的垫子上面",
    "two words",
    "a dog runs after the red ball",
]


def _packaged() -> Iterator[Path]:
    for package in ("classifiers", "safety", "service", "watermark"):
        folder = PACKAGE.parent / package
        yield from (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


@pytest.mark.parametrize(
    "content",
    [
        b'TEXT = "a cat sits on the green mat"',
        b"x: A CAT, SITS on\nthe GREEN mat!",
        "【一只猫坐在 绿色的垫子上面】".encode(),
        gzip.compress(b'{"text": "A cat sits on the green mat."}'),
        bytes(range(256)) + b"A cat sits on the green mat." + bytes(range(256)),
    ],
    ids=["source", "case", "chinese", "gzip", "binary"],
)
def test_a_copied_text_is_found_in_any_dress(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    assert [where for _, where in copied(TEXTS, [path])] == [path]


def test_a_text_inside_an_archive_of_arrays_is_found(tmp_path: Path) -> None:
    packed = io.BytesIO()
    np.savez_compressed(packed, meta=np.frombuffer(json.dumps(TEXTS[0]).encode(), np.uint8))
    (tmp_path / "weights.npz").write_bytes(packed.getvalue())
    assert len(copied(TEXTS, [tmp_path / "weights.npz"])) == 1


def test_parts_of_texts_and_short_texts_are_none(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text("two words; a cat sits on the green sofa; 一只猫坐在绿色", encoding="utf-8")
    assert copied(TEXTS, [path]) == []
    assert not is_long_enough(tokens_of("four words are few"))
    assert is_long_enough(tokens_of("five words are enough here"))


@pytest.mark.corpus
def test_no_text_of_the_training_data_is_in_the_package() -> None:
    shared = Path(__file__).parents[5] / "shared" / "data" / "prompts"
    if not shared.is_dir():
        pytest.skip("the shared folder beside the checkout is not present")
    texts = [row.text for path in data_files(shared).values() for row in load_rows(path)]
    assert len(texts) > 50_000
    found = copied(texts, _packaged())
    assert [(text, path.name) for text, path in found] == []

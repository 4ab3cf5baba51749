import gzip
import json
from pathlib import Path

import pytest

from classifiers.errors import TrainingDataInvalid
from classifiers.training.dataset import (
    DISTURBING,
    HEADS,
    OTHER_WEIGHT,
    OWN_UNSAFE,
    Row,
    data_files,
    load_rows,
    targets,
)


def _head(name: str, row: Row) -> tuple[float, float]:
    target, weight = targets(row)
    at = HEADS.index(name)
    return float(target[at]), round(float(weight[at]), 3)


def _row(*labels: str, source: str = "somewhere", **given: object) -> Row:
    return Row("text", frozenset(labels), source, **given)  # type: ignore[arg-type]


def test_a_harmless_row_is_harmless_for_every_head() -> None:
    target, weight = targets(_row(harmless=True))
    assert target.sum() == 0
    assert (weight == 1).all()


def test_a_labelled_row_is_unsafe_and_says_little_about_other_categories() -> None:
    row = _row("sexual")
    assert _head("unsafe", row) == (1, 1)
    assert _head("sexual", row) == (1, 1)
    assert _head("illicit", row) == (0, OTHER_WEIGHT)


def test_neighbours_that_annotators_confuse_are_masked() -> None:
    assert _head("violence/graphic", _row("violence")) == (0, 0)
    assert _head("hate", _row("harassment")) == (0, 0)


def test_our_own_sentences_are_certain_about_other_categories() -> None:
    assert _head("illicit", _row("sexual", source=OWN_UNSAFE)) == (0, 1)


@pytest.mark.parametrize("label", ["trademark", "public_figure", "artist_style", "political"])
def test_brands_people_styles_and_parties_are_not_unsafe(label: str) -> None:
    row = _row(label)
    assert _head("unsafe", row)[0] == 0
    assert _head(label, row) == (1, 1)


def test_user_prompts_without_labels_are_mostly_harmless() -> None:
    target, weight = targets(_row(source="pickapic_train", weak=True))
    assert target.sum() == 0
    assert 0 < weight.max() < 1


def test_a_weak_row_without_labels_is_not_used() -> None:
    assert targets(_row(weak=True))[1].sum() == 0


def test_dark_pictures_stand_between_harmless_and_unsafe() -> None:
    assert _head("unsafe", _row("disturbing", source=OWN_UNSAFE))[0] == pytest.approx(DISTURBING)
    assert _head("violence", _row("disturbing", source=OWN_UNSAFE))[1] == 0


def test_labels_outside_the_categories_still_count_as_unsafe() -> None:
    assert _head("unsafe", _row("privacy")) == (1, 1)


def test_plain_and_gzipped_files_are_read(tmp_path: Path) -> None:
    line = json.dumps({"text": "a cat", "labels": [], "safe": True, "lang": "en", "source": "cats"}) + "\n"
    (tmp_path / "one.jsonl").write_text(line, encoding="utf-8")
    with gzip.open(tmp_path / "two.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(line * 2)
    files = data_files(tmp_path)
    assert [len(load_rows(path)) for path in files.values()] == [1, 2]
    assert list(files) == ["one", "two"]
    assert load_rows(files["one"])[0] == Row("a cat", frozenset(), "cats", harmless=True)


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "a"}\n{"labels": []}\n', encoding="utf-8")
    with pytest.raises(TrainingDataInvalid, match="line 2"):
        load_rows(path)


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataInvalid, match="expected some"):
        data_files(tmp_path)

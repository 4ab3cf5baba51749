"""`countermark classify`: rows in, the same rows out; a bad one does not stop the others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from classifiers import CATEGORIES, ClassifierUnavailable, Scores
from service import cli_classify
from tests.unit.service.conftest import Run


class Words:
    """Scores a text by its first word: `0.7 ...` is 0.7; "hang" raises."""

    model = "words@1"

    def score(self, text: str) -> Scores:
        unsafe = float(text.split(maxsplit=1)[0])
        return Scores(unsafe, dict.fromkeys(CATEGORIES, 0.0) | {"hate": unsafe}, self.model)


class Bright:
    """Scores a picture by its mean."""

    model = "bright@1"

    def score(self, image: Any) -> Scores:
        return Scores(float(image.mean()) / 255, dict.fromkeys(CATEGORIES, 0.0), self.model)


def words() -> Words:
    return Words()


def bright() -> Bright:
    return Bright()


def absent() -> Bright:
    raise ClassifierUnavailable("image classifier: got no acme, expected it; install it")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "countermark.toml"
    path.write_text(
        f'prompt_classifiers = ["{__name__}:words"]\n'
        f'image_classifiers = ["{__name__}:bright", "{__name__}:absent"]\n'
    )
    return path


def test_a_text_is_judged_by_the_classifiers_of_the_settings(run: Run, config: Path) -> None:
    done = run("classify", "0.1 fine", "--json", "--config", config)
    row = json.loads(done.out)
    assert (done.status, row["unsafe"], row["action"]) == (0, 0.1, "allow")
    assert set(row["categories"]) == set(CATEGORIES)
    done = run("classify", "0.9 bad", "--config", config)
    assert (done.status, done.out.split()[0]) == (1, "block")


ROWS = (
    b'\xef\xbb\xbf{"text": "0.1 a", "id": 7}\n\n{"text": "0.9 \\ud800"}\nnot json\n{"text": 5}\n[1]\n\xff\n'
    b'{"text": "hang"}\n{"text": "0.2 b"}'
)


def test_rows_come_back_with_their_judgement_and_bad_ones_are_named(
    run: Run, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_bytes(ROWS)
    done = run("classify", "--jsonl", "rows.jsonl", "--config", config)
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [(row["text"][:3], row["unsafe"], row["action"]) for row in rows] == [
        ("0.1", 0.1, "allow"),
        ("0.9", 0.9, "block"),
        ("0.2", 0.2, "allow"),
    ]
    assert rows[0]["id"] == 7
    assert [line.split("line ")[1].split(":")[0] for line in done.err.splitlines()[:-1]] == [
        "4",
        "5",
        "6",
        "7",
        "8",
    ]
    assert "5 of 8 rows could not be judged" in done.err
    assert done.status == 2
    as_document = run("classify", "--jsonl", "rows.jsonl", "--json", "--config", config)
    assert json.loads(as_document.out) == rows


def test_a_file_without_faults_ends_with_status_0(run: Run, config: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "0.9 x"}\n' * 3)
    done = run("classify", "--jsonl", "rows.jsonl", "--config", config)
    assert (done.status, len(done.out.splitlines()), done.err) == (0, 3, "")
    (tmp_path / "empty.jsonl").write_text("")
    assert json.loads(run("classify", "--jsonl", "empty.jsonl", "--json", "--config", config).out) == []


def test_a_line_without_end_is_a_bad_row_and_not_a_full_memory(
    run: Run, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_classify, "MAX_LINE_BYTES", 64)
    long = '{"text": "0.1 ' + "x" * 500 + '"}\n'
    (tmp_path / "rows.jsonl").write_text(long + '{"text": "0.3 next"}\n' + long.strip())
    done = run("classify", "--jsonl", "rows.jsonl", "--config", config)
    assert [json.loads(line)["unsafe"] for line in done.out.splitlines()] == [0.3]
    assert ("line 1:" in done.err, "line 3:" in done.err, done.status) == (True, True, 2)


def test_a_picture_is_judged_in_every_way_it_can_be_seen(run: Run, config: Path, tmp_path: Path) -> None:
    pixels = np.zeros((64, 64, 4), np.uint8)  # black and transparent: white where it lies on white
    Image.fromarray(pixels).save(tmp_path / "a.png")
    done = run("classify", "--image", "a.png", "--json", "--config", config)
    row = json.loads(done.out)
    assert (row["unsafe"], row["action"], done.status) == (1.0, "block", 1)
    assert "not checking with" in done.err
    assert "install it" in done.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give one of"),
        (("x", "--jsonl", "y"), "give one of"),
        (("  ",), "empty"),
        (("--jsonl", "none.jsonl"), "cannot be read"),
        (("--image", "none.png"), "cannot be read"),
        (("--jsonl", "."), "cannot be read"),
    ],
)
def test_what_cannot_be_judged_ends_with_a_sentence(
    run: Run, config: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run("classify", *arguments, "--config", config)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_a_classifier_that_cannot_be_built_is_told_once_and_not_for_every_row(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_text('prompt_classifiers = ["prompt_typo"]')
    (tmp_path / "rows.jsonl").write_text('{"text": "0.9 x"}\n' * 3)
    done = run("classify", "--jsonl", "rows.jsonl", "--config", "c.toml")
    assert (done.status, done.out, done.err.count("prompt_typo': asked for, but it cannot be built")) == (
        2,
        "",
        1,
    )

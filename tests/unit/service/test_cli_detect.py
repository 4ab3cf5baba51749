"""`countermark detect` over several files: one verdict each, in their order, whatever the others are."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import watermark
from service import command_io
from service.generators.builtin import draw
from tests.unit.service.conftest import Run

KEY = bytes(range(16))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Marked, no picture, unmarked, too small, absent, marked."""
    names = ["a.png", "note.png", "plain.png", "small.png", "absent.png", "b.png"]
    cover = draw("forest", 1, 256, 256)
    for name, payload in (("a.png", b"picture1"), ("b.png", b"picture2")):
        Image.fromarray(watermark.embed(cover, payload, key=KEY)).save(tmp_path / name)
    (tmp_path / "note.png").write_text("no picture")
    Image.fromarray(cover).save(tmp_path / "plain.png")
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(tmp_path / "small.png")
    (tmp_path / "key").write_text(KEY.hex())
    return [tmp_path / name for name in names]


@pytest.mark.parametrize("chunk", [64, 2])
def test_each_file_has_its_verdict(
    run: Run, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(command_io, "CHUNK_FILES", chunk)
    done = run("detect", *files, "--json", "--key-file", tmp_path / "key")
    rows = json.loads(done.out)
    assert [row["file"] for row in rows] == [str(file) for file in files]
    assert [row.get("payload") for row in rows] == [
        b"picture1".hex(),
        None,
        None,
        None,
        None,
        b"picture2".hex(),
    ]
    assert ["error" in row for row in rows] == [False, True, False, True, True, False]
    assert "64 px" in rows[3]["error"]
    assert done.status == 2


def test_the_status_is_the_worst(run: Run, files: list[Path], tmp_path: Path) -> None:
    key = ("--key-file", tmp_path / "key")
    assert run("detect", files[0], files[5], *key).status == 0
    assert run("detect", files[0], files[2], *key).status == 1

"""service.stores._checkpoint_file: one line a checkpoint, rotation that never loses the newest."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safety.checkpoint import LogKey
from service.stores import _checkpoint_file
from service.stores._checkpoint_file import CheckpointFile

KEY = LogKey(b"k" * 32)
NOTES = [KEY.sign(size, bytes(32), datetime(2026, 11, 22, tzinfo=UTC)) for size in range(30)]


def test_notes_come_back_in_order(tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "c")
    assert file.read() is None
    for checkpoint in NOTES[:4]:
        file.append(checkpoint, durable=checkpoint.size == 3)
    assert file.read() == [checkpoint.note for checkpoint in NOTES[:4]]
    lines = (tmp_path / "c").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == file.read()


def test_rotation_keeps_the_newest_and_bounds_the_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_checkpoint_file, "ROTATE_BYTES", 1500)
    file = CheckpointFile(tmp_path / "c")
    for checkpoint in NOTES:
        file.append(checkpoint)
        notes = file.read()
        assert notes is not None
        assert notes[-1] == checkpoint.note
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * 1500 + 2 * 400
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "c.old"]
    assert notes == [checkpoint.note for checkpoint in NOTES[-len(notes) :]]


def test_lines_that_are_not_notes_are_handed_on(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b'rubbish\n["list"]\n\xff\n' + b"[" * 50_000 + b"\n\nunfinished")
    notes = CheckpointFile(tmp_path / "c").read()
    assert notes is not None
    assert notes[:3] == ["rubbish", '["list"]', "\ufffd"]
    assert len(notes) == 5


def test_a_partly_written_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = CheckpointFile(tmp_path / "c")
    file.append(NOTES[0])
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:50]))
    with pytest.raises(OSError, match="only in part"):
        file.append(NOTES[1])
    monkeypatch.undo()
    file.append(NOTES[2])
    assert file.read() == [NOTES[0].note, NOTES[2].note]

"""The checkpoint file beside an audit log: the memory that notices entries cut off its end.

One line per checkpoint: the signed note (safety.checkpoint) as a JSON string, so a torn or damaged line
spoils only itself; `jq -r . FILE` prints the notes. Appended after every entry with one write and no fsync:
it survives the death of the process; a power cut may cost the last lines, which leaves the log "behind",
never broken. Copy new lines to another machine (`tail -F`) to be able to notice a rollback of everything.

At ROTATE_BYTES the file becomes FILE.old, replacing the one before: older checkpoints say nothing that newer
ones do not. Rename and append are atomic, so several processes may do both; the newest checkpoint is never
lost.
"""

import errno
import json
import os
from pathlib import Path

from safety.checkpoint import Checkpoint

ROTATE_BYTES = 4 * 1024 * 1024  # about 15,000 checkpoints of 275 bytes: 40 ms to read back


class CheckpointFile:
    """Appends to and reads one checkpoint file; OSError when the disk does not do its part."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._old = path.with_name(path.name + ".old")

    def append(self, checkpoint: Checkpoint, *, durable: bool = False) -> None:
        """Add one checkpoint; `durable` waits for the disk."""
        line = (json.dumps(checkpoint.note, ensure_ascii=False) + "\n").encode()
        descriptor = self._open()
        try:
            size = os.fstat(descriptor).st_size
            if size > ROTATE_BYTES:
                self._path.replace(self._old)
                os.close(descriptor)
                descriptor = self._open()
                size = 0
            if os.write(descriptor, line) != len(line):
                os.ftruncate(descriptor, size)
                raise OSError(errno.ENOSPC, "the checkpoint was written only in part", str(self._path))
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def read(self) -> list[str] | None:
        """Return the notes of both files, oldest first; None when there is neither.

        A line that is not JSON is returned as it is, to be counted as damaged. An unfinished last line is
        what a power cut leaves and is passed over.
        """
        lines: list[bytes] = []
        found = False
        for path in (self._old, self._path):
            try:
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            found = True
            lines += data.split(b"\n")[:-1]
        return [_note(line) for line in lines] if found else None

    def drop_unfinished_line(self) -> None:
        """Cut off what a power cut left after the last complete line, before the next one is glued to it."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            os.truncate(self._path, whole)

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _note(line: bytes) -> str:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, str) else line.decode("utf-8", "replace")

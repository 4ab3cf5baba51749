"""Key files: read whole, written once, for the owner alone."""

import os
from pathlib import Path

from service.errors import StartupError


def read_file(path: Path) -> bytes:
    """Return a file's bytes.

    Raises:
        StartupError: it cannot be read.

    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StartupError(f"{path}: cannot be read ({error.strerror}).") from error


def write_private(path: Path, data: bytes) -> None:
    """Write a new file of mode 0600 durably; OSError where there is one already."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

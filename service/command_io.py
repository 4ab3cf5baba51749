"""What the commands share: files in and out, keys and log of an installation, one verdict a file.

A file that cannot be judged does not stop the others; what cannot be used at all ends the command with status 2 and
one sentence on standard error.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import typer

OK, NEGATIVE, CANNOT_JUDGE = 0, 1, 2

CHUNK_FILES, CHUNK_BYTES = 64, 200_000_000
"""Pictures that are judged together: as many files, or more bytes of pixels than that."""


def judge_each(
    inputs: Iterable[Path],
    one: Callable[[bytes], dict[str, Any]],
    line: Callable[[dict[str, Any]], str],
    json_: bool,
    *,
    positive: Callable[[dict[str, Any]], bool | None],
) -> NoReturn:
    """Judge every file; a file that cannot be judged does not stop the others, but the status is 2.

    `positive` answers None for a verdict that could not be reached.
    """
    from watermark.errors import WatermarkError

    def outcome(file: Path) -> dict[str, Any] | Exception:
        try:
            return one(read_capped(file))
        except (WatermarkError, OSError) as error:
            return error

    files = list(inputs)
    _report(files, map(outcome, files), line, json_, positive)


def judge_together(
    inputs: Iterable[Path],
    read: Callable[[bytes], Any],
    judge: Callable[[list[Any]], list[dict[str, Any]]],
    line: Callable[[dict[str, Any]], str],
    json_: bool,
    *,
    positive: Callable[[dict[str, Any]], bool | None],
) -> NoReturn:
    """As `judge_each`, for what goes faster many at a time; `read` raises for what `judge` could not take."""
    from watermark.errors import WatermarkError

    def outcomes(files: list[Path]) -> Iterator[dict[str, Any] | Exception]:
        waiting: list[Any | Exception] = []
        for number, file in enumerate(files, 1):
            try:
                waiting.append(read(read_capped(file)))
            except (WatermarkError, OSError) as error:
                waiting.append(error)
            images = [item for item in waiting if not isinstance(item, Exception)]
            if (
                number == len(files)
                or len(waiting) == CHUNK_FILES
                or sum(i.size for i in images) > CHUNK_BYTES
            ):
                rows = iter(judge(images))
                yield from (item if isinstance(item, Exception) else next(rows) for item in waiting)
                waiting = []

    files = list(inputs)
    _report(files, outcomes(files), line, json_, positive)


def _report(
    files: list[Path],
    outcomes: Iterable[dict[str, Any] | Exception],
    line: Callable[[dict[str, Any]], str],
    json_: bool,
    positive: Callable[[dict[str, Any]], bool | None],
) -> NoReturn:
    """Print one verdict a file, as they come, and end with the worst status."""
    from rich.console import Console
    from rich.progress import track

    rows, worst = [], OK
    shown = track(
        zip(files, outcomes, strict=True),
        "judging",
        total=len(files),
        console=Console(stderr=True),
        transient=True,
        disable=len(files) < 2 or not sys.stderr.isatty(),
    )
    for file, outcome in shown:
        if isinstance(outcome, Exception):
            message = (outcome.strerror or str(outcome)) if isinstance(outcome, OSError) else str(outcome)
            row = {"file": str(file), "error": message}
            text, worst = f"could not judge: {message}", CANNOT_JUDGE
        else:
            row = {"file": str(file)} | outcome
            status = {True: OK, False: NEGATIVE, None: CANNOT_JUDGE}[positive(row)]
            text, worst = line(row), max(worst, status)
        rows.append(row)
        if not json_:
            say(f"{file}: {text}")
    if json_:
        say(json.dumps(rows[0] if len(rows) == 1 else rows))
    raise typer.Exit(worst)


def open_audit(data_dir: Path | None, config: Path | None) -> Any:
    """Open the log of an installation that exists: a mistyped directory must not read as an empty, sound log."""
    from service.runtime import AUDIT_FILE, open_stores
    from service.settings import load_settings

    settings = load_settings(config, data_dir=data_dir)
    if not (settings.data_dir / AUDIT_FILE).exists():
        fail(f"{settings.data_dir / AUDIT_FILE}: there is no audit log; give the right --data-dir.")
    _, _, audit = open_stores(settings)
    return audit


def read_csv(path: Path) -> list[str]:
    """Return the lines of a CSV in UTF-8, or end the command with a sentence."""
    try:
        return path.read_text("utf-8-sig").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{path}: cannot be read as UTF-8 text ({error}).")


def watermark_keys(key_file: Path | None, data_dir: Path | None, config: Path | None) -> tuple[bytes, ...]:
    """Return the key of `key_file`, else all keys of the installation, the one that marks first."""
    from service.keys import load_or_create_keys, read_key_file
    from service.settings import load_settings

    if key_file is not None:
        return (read_key_file(key_file),)
    return load_or_create_keys(load_settings(config, data_dir=data_dir), datetime.now(UTC)).all_watermarks


def format_of(path: Path) -> str:
    """Return the writable format that the name's suffix says."""
    from watermark.picture import WRITABLE

    suffix = path.suffix.lower().removeprefix(".")
    format_ = {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix)
    if format_ not in WRITABLE:
        fail(f"{path}: expected a name that ends in .png, .jpg, .webp, .avif, .tiff or .gif.")
    return format_


def read_capped(path: Path) -> bytes:
    """Read a file that is not larger than an upload may be; OSError and TooManyBytes are the caller's."""
    from watermark.errors import TooManyBytes
    from watermark.picture import Limits

    if path.is_file() and path.stat().st_size > Limits().max_bytes:
        raise TooManyBytes(f"file: got {path.stat().st_size} bytes, expected at most {Limits().max_bytes}.")
    return path.read_bytes()


def read_file(path: Path) -> bytes:
    """Read a file, or end the command with a sentence."""
    try:
        return read_capped(path)
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror}).")


def write_file(path: Path, data: bytes) -> None:
    """Write a file, or end the command with a sentence."""
    try:
        path.write_bytes(data)
    except OSError as error:
        fail(f"{path}: cannot be written ({error.strerror}).")


def say(text: str) -> None:
    """Print to standard output."""
    typer.echo(text)


def fail(message: str) -> NoReturn:
    """Print a sentence to standard error and end with status 2."""
    typer.echo(f"countermark: {message}", err=True)
    raise typer.Exit(CANNOT_JUDGE)

"""`countermark classify`: judge a text, a file of texts, or a picture, without recording anything."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, NEGATIVE, OK, fail, read_file, say

MAX_LINE_BYTES = 8 << 20
"""Longest line of a JSONL file: 32,000 characters, each written as an escape, and other members beside them."""


def classify(
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]")] = None,
    jsonl: Annotated[Path | None, typer.Option(help='one object a line with "text"')] = None,
    image: Annotated[Path | None, typer.Option(help="a picture")] = None,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Judge a prompt, every row of a JSONL file, or a picture; not recorded."""
    from service.runtime import open_guard
    from service.settings import load_settings

    if sum(given is not None for given in (text, jsonl, image)) != 1:
        fail("classify: give one of TEXT, --jsonl FILE and --image FILE.")
    guard = open_guard(load_settings(config, data_dir=data_dir))
    if jsonl is not None:
        _judge_rows(jsonl, guard, as_array=json_)
        return
    if image is not None:
        row = _judge_picture(image, guard)
    elif text is not None and text.strip():
        row = {"text": text} | _row([guard.check_prompt(text)])
    else:
        fail("classify: the text is empty.")
    _warn_of_missing(guard)
    if json_:
        say(json.dumps(row))
    else:
        say(f"{row['action']}  unsafe {row['unsafe']:.3f}  {', '.join(row['flagged'])}")
        for reason in row["reasons"]:
            say(f"  {reason}")
    raise typer.Exit(NEGATIVE if row["action"] in {"block", "review"} else OK)


def _judge_rows(path: Path, guard: Any, *, as_array: bool) -> None:
    """Print each row with its judgement as soon as it is there; a bad one is told, and the rest goes on."""
    from safety.errors import CannotDecide, CheckMissing

    good = bad = 0
    for number, raw in _numbered_lines(path):
        given, error = _parsed(raw), "expected a JSON object with a string in 'text'"
        if given is not None:
            try:
                judged = given | _row([guard.check_prompt(given["text"])])
            except CheckMissing:
                raise  # no row can be judged
            except CannotDecide as failure:
                given, error = None, str(failure)
        if given is None:
            typer.echo(f"countermark: {path}, line {number}: {error}.", err=True)
            bad += 1
            continue
        if not good:
            _warn_of_missing(guard)
        opening = ("," if good else "[") if as_array else ""
        say(opening + json.dumps(judged))
        good += 1
    if as_array:
        say("]" if good else "[]")
    if bad:
        typer.echo(f"countermark: {path}: {bad} of {good + bad} rows could not be judged.", err=True)
        raise typer.Exit(CANNOT_JUDGE)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Read one row; None where it is no JSON object in UTF-8 with a string in "text"."""
    try:
        given = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) and isinstance(given.get("text"), str) else None


def _numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, from 1, with a bar on a terminal; one that is too long comes as nothing."""
    from rich.console import Console
    from rich.progress import Progress

    try:
        with (
            path.open("rb") as file,
            Progress(
                console=Console(stderr=True),
                transient=True,
                disable=not (sys.stderr.isatty() and path.is_file()),
            ) as bar,
        ):
            task = bar.add_task("judging", total=path.stat().st_size)
            number = 0
            while line := file.readline(MAX_LINE_BYTES):
                number += 1
                size, whole = len(line), line.endswith(b"\n") or len(line) < MAX_LINE_BYTES
                while not whole and (rest := file.readline(MAX_LINE_BYTES)):
                    size, whole = size + len(rest), rest.endswith(b"\n")
                    line = b""
                if line.strip() or size >= MAX_LINE_BYTES:
                    yield number, line
                bar.advance(task, size)
    except OSError as error:
        fail(f"{path}: cannot be read ({error.strerror}).")


def _judge_picture(path: Path, guard: Any) -> dict[str, Any]:
    from service.gateway import visible
    from watermark.picture import decode_picture

    picture = decode_picture(read_file(path))
    return {"file": str(path)} | _row([guard.check_image(view) for view in visible(picture.image)])


def _row(decisions: list[Any]) -> dict[str, Any]:
    """Give what is printed of the decisions on one text, or on one picture in each way in which it can be seen."""
    from safety.decision import hardest

    names = decisions[0].categories
    return {
        "unsafe": max(one.unsafe for one in decisions),
        "action": hardest(decisions),
        "categories": {name: max(one.categories[name] for one in decisions) for name in names},
        "flagged": list(dict.fromkeys(name for one in decisions for name in one.flagged)),
        "reasons": list(dict.fromkeys(reason.text for one in decisions for reason in one.reasons)),
    }


def _warn_of_missing(guard: Any) -> None:
    for name, reason in guard.missing.items():
        typer.echo(f"countermark: WARNING: not checking with {name}: {reason}", err=True)

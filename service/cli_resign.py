"""`countermark resign`: timestamps for what was signed without one."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, NEGATIVE, OK, fail, say


def resign(
    out: Annotated[Path, typer.Option("--out", help="folder for the files with a timestamp")],
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Sign again, with a timestamp, the pictures that left without one while the authority was down.

    Each file is registered beside the one that left, and overwrites no other. Exit status 1: some still wait. What is
    in the queue was signed under `timestamp_policy = "sign_without"`.
    """
    from service.errors import CannotRecord
    from service.keys import load_or_create_keys
    from service.runtime import open_registry, open_signer, resign_queue, utc_now
    from service.settings import load_settings
    from watermark.errors import TimestampError, WatermarkError

    settings = load_settings(config, data_dir=data_dir)
    queue = resign_queue(settings)
    if settings.timestamp_url is None:
        fail(f"timestamp_url: not set; {len(queue)} pictures wait for a timestamp, name an authority.")
    registry = open_registry(settings)
    signer = open_signer(settings, load_or_create_keys(settings, utc_now()))
    rows: list[dict[str, str]] = []
    status = OK
    out.mkdir(parents=True, exist_ok=True)
    try:
        for waiting, job in queue.jobs():
            if job is None:
                rows.append({"file": str(waiting), "error": "cannot be read; it stays where it is"})
                status = CANNOT_JUDGE
                continue
            try:
                made = signer.stamp(job)
                registry.release(job.release(made, utc_now()))
            except TimestampError as error:
                rows.append({"countermark_id": job.soft_binding, "error": str(error)})
                status = max(status, NEGATIVE)
                break  # the next one would wait for the same authority
            except (WatermarkError, CannotRecord) as error:
                rows.append({"countermark_id": job.soft_binding, "error": str(error)})
                status = CANNOT_JUDGE
                continue
            target = _write_new(out, job.soft_binding, job.mime.removeprefix("image/"), made.data)
            queue.done(waiting)
            rows.append(
                {"countermark_id": job.soft_binding, "file": str(target), "manifest_id": made.manifest_id}
            )
    finally:
        signer.close()
        registry.close()
    left = len(queue)
    if json_:
        say(json.dumps({"pictures": rows, "left": left}))
    else:
        for row in rows:
            say(f"{row.get('countermark_id', row.get('file'))}: {row.get('error') or row['file']}")
        say(f"{left} pictures wait for a timestamp" if left else "nothing waits for a timestamp")
    raise typer.Exit(status)


def _write_new(folder: Path, name: str, suffix: str, data: bytes) -> Path:
    """Write a file that was not there; further ones of a name are numbered from 2."""
    path, number = folder / f"{name}.{suffix}", 1
    while True:
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            number += 1
            path = folder / f"{name}-{number}.{suffix}"
        except OSError as error:
            fail(f"{path}: cannot be written ({error.strerror}); the picture still waits.")
        else:
            return path

"""`countermark resign`: timestamps for what was signed without one."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, NEGATIVE, OK, fail, say, write_file


def resign(
    out: Annotated[Path, typer.Option("--out", help="folder for the files with a timestamp")],
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Sign again, with a timestamp, the pictures that left without one while the authority was down.

    Exit status 1: some still wait. What is in the queue was signed under `timestamp_policy = "sign_without"`.
    """
    from service.keys import load_or_create_keys
    from service.resign_queue import SigningJob
    from service.runtime import open_signer, resign_queue, utc_now
    from service.settings import load_settings
    from watermark.errors import TimestampError, WatermarkError

    settings = load_settings(config, data_dir=data_dir)
    queue = resign_queue(settings)
    if settings.timestamp_url is None:
        fail(f"timestamp_url: not set; {len(queue)} pictures wait for a timestamp, name an authority.")
    signer = open_signer(settings, load_or_create_keys(settings, utc_now()))
    rows: list[dict[str, str]] = []
    status = OK
    out.mkdir(parents=True, exist_ok=True)
    try:
        for job in queue.jobs():
            if not isinstance(job, SigningJob):
                rows.append({"file": str(job), "error": "cannot be read; it stays where it is"})
                status = CANNOT_JUDGE
                continue
            try:
                made = signer.stamp(job)
            except TimestampError as error:
                rows.append({"countermark_id": job.soft_binding, "error": str(error)})
                status = max(status, NEGATIVE)
                break  # the next one would wait for the same authority
            except WatermarkError as error:
                rows.append({"countermark_id": job.soft_binding, "error": str(error)})
                status = CANNOT_JUDGE
                continue
            target = out / f"{job.soft_binding}.{job.mime.removeprefix('image/')}"
            write_file(target, made.data)
            queue.done(job)
            rows.append(
                {"countermark_id": job.soft_binding, "file": str(target), "manifest_id": made.manifest_id}
            )
    finally:
        signer.close()
    left = len(queue)
    if json_:
        say(json.dumps({"pictures": rows, "left": left}))
    else:
        for row in rows:
            say(f"{row.get('countermark_id', row.get('file'))}: {row.get('error') or row['file']}")
        say(f"{left} pictures wait for a timestamp" if left else "nothing waits for a timestamp")
    raise typer.Exit(status)

"""The `countermark` command.

Exit status: 0 ok, 1 a negative verdict (blocked, nothing found, a broken log), 2 could not judge. `--json`
prints one JSON document: an object for one input, an array for several. Heavy modules are imported inside
the commands, so that `--help` answers at once.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_audit import audit_app
from service.cli_classify import classify
from service.cli_comply import comply
from service.cli_detect import detect
from service.cli_options import Config, DataDir, Json, KeyFile
from service.cli_policy import policy_app
from service.cli_receipt import receipt_app
from service.cli_resign import resign
from service.cli_resolve import resolve
from service.cli_review import review_app
from service.cli_similar import similar
from service.cli_verify import verify
from service.command_io import (
    CANNOT_JUDGE,
    NEGATIVE,
    OK,
    fail,
    format_of,
    open_audit,
    read_file,
    say,
    watermark_keys,
    write_file,
)

app = typer.Typer(
    name="countermark",
    help="Provenance and safety for AI-generated images: check, mark, verify, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(audit_app, name="audit")
app.add_typer(policy_app, name="policy")
app.add_typer(receipt_app, name="receipt")
app.add_typer(review_app, name="review")
app.command()(classify)
app.command()(resolve)
app.command()(comply)
app.command()(resign)
app.command()(detect)
app.command()(similar)
app.command()(verify)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="address to listen on \\[default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(help="port to listen on, 0 picks a free one \\[default: 8000]")
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Start the service."""
    from service.server import serve as run
    from service.settings import load_settings

    run(load_settings(config, host=host, port=port, data_dir=data_dir))


@app.command()
def embed(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="its suffix decides the format: png, jpg, webp, avif, tiff, gif"),
    ],
    payload: Annotated[str, typer.Option(metavar="HEX16", help="64 bits as 16 hex digits")],
    quality: Annotated[
        str, typer.Option(help="limits on the change: archival, balanced or robust")
    ] = "balanced",
    replace: Annotated[
        bool, typer.Option(help="take out a mark of the same key that is there already")
    ] = False,
    refuse_flat: Annotated[
        bool, typer.Option(help="refuse a picture that is flat nearly everywhere")
    ] = False,
    key_file: KeyFile = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Put the invisible watermark alone into a picture (no metadata, no manifest, no record)."""
    import watermark
    from watermark.picture import decode_picture, encode_picture

    try:
        bits = bytes.fromhex(payload)
    except ValueError:
        bits = b""
    if len(bits) != 8 or len(payload) != 16:
        fail(f"--payload: got {payload!r}, expected 16 hex digits.")
    format_ = format_of(target)
    key, *_ = watermark_keys(key_file, data_dir, config)
    picture = decode_picture(read_file(source))
    marked = watermark.embed(
        picture.image, bits, key=key, profile=quality, replace=replace, refuse_flat=refuse_flat
    )
    write_file(target, encode_picture(marked, format_, icc=picture.icc))


@app.command()
def mark(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="its suffix decides the format: png, jpg, webp, avif, tiff, gif"),
    ],
    prompt: Annotated[
        str | None, typer.Option(help="the prompt it was made from; checked, not stored")
    ] = None,
    generator: Annotated[str, typer.Option(help="name of the system that made it")] = "",
    generator_version: Annotated[str, typer.Option(help="its version")] = "",
    profile: Annotated[
        list[str] | None,
        typer.Option(help="labelling profile beside the installation's: eu, california, china, india, korea"),
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="a watermark of ours that is there already gives way to a new one")
    ] = False,
    refuse_flat: Annotated[
        bool, typer.Option(help="refuse a picture that is flat nearly everywhere")
    ] = False,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Check a picture, mark it in all three ways and register it, as the gateway does."""
    from service.errors import Refused
    from service.gateway import new_request_id
    from service.labelling import parse_profiles
    from service.runtime import build_runtime
    from service.settings import load_settings
    from service.trail import Trail
    from service.wire import check_system_name

    format_, data = format_of(target), read_file(source)
    parts = build_runtime(load_settings(config, data_dir=data_dir))
    try:
        trail = Trail(request_id=new_request_id(), kind="mark")
        picture = parts.gateway.mark(
            data,
            prompt,
            check_system_name(generator),
            trail,
            format_=format_,
            version=check_system_name(generator_version, "generator_version"),
            profiles=parse_profiles(",".join(profile or ())),
            replace_mark=replace,
            refuse_flat=refuse_flat,
        )
    except Refused as error:
        row: dict[str, Any] = {
            "action": "block",
            "stage": error.decision.stage,
            "flagged": error.categories,
        }
        say(json.dumps(row) if json_ else str(error))
        raise typer.Exit(NEGATIVE) from error
    finally:
        parts.close()
    write_file(target, picture.data)
    row = {"countermark_id": picture.id, "mime": picture.mime, "action": trail.action, "file": str(target)}
    say(json.dumps(row) if json_ else f"{target}: marked, record {picture.id}")


@app.command()
def report(
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="first day, UTC")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="last day, UTC")] = None,
    format_: Annotated[str, typer.Option("--format", help="html, pdf, csv or json")] = "html",
    out: Annotated[
        Path | None, typer.Option("--out", help="file to write \\[default: standard output]")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="short for --format json")] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write the moderation report of a period; without dates, the last 30 days."""
    from service.report_files import REPORT_MIME, build_period_report, choose_period, render

    format_ = "json" if json_ else format_
    if format_ not in REPORT_MIME:
        fail(f"--format: got {format_!r}, expected one of {', '.join(REPORT_MIME)}.")
    now = datetime.now(UTC)
    days = choose_period(first and first.date(), last and last.date(), now.date())
    data = render(build_period_report(open_audit(data_dir, config), days, now), format_)
    if out is not None:
        write_file(out, data)
    else:
        sys.stdout.buffer.write(data)


def main() -> None:
    """Run the command; an error of ours becomes one line and status 2."""
    from classifiers.errors import ClassifierError
    from safety.errors import SafetyError
    from service.errors import ServiceError
    from watermark.errors import WatermarkError

    try:
        app()
    except (ServiceError, SafetyError, WatermarkError, ClassifierError) as error:
        typer.echo(f"countermark: {error}", err=True)
        sys.exit(CANNOT_JUDGE)
    except BrokenPipeError:
        sys.exit(OK)


if __name__ == "__main__":
    main()

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

from service.command_io import (
    CANNOT_JUDGE,
    NEGATIVE,
    OK,
    fail,
    format_of,
    judge_each,
    lines_of,
    open_audit,
    read_file,
    say,
    watermark_key,
    write_file,
)

app = typer.Typer(
    name="countermark",
    help="Provenance and safety for AI-generated images: check, mark, verify, report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
audit_app = typer.Typer(help="Verify, export and prove the tamper-evident log.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")

Inputs = Annotated[list[Path], typer.Argument(metavar="IN...", help="picture files")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="keys, registry and audit log \\[default: countermark-data]")
]
Config = Annotated[Path | None, typer.Option("--config", help="settings in a TOML file")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="watermark key in hex \\[default: the one in the data directory]"),
]


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
        Path, typer.Argument(metavar="OUT", help="its suffix decides the format: png, jpg, webp")
    ],
    payload: Annotated[str, typer.Option(metavar="HEX16", help="64 bits as 16 hex digits")],
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
    key = watermark_key(key_file, data_dir, config)
    picture = decode_picture(read_file(source))
    write_file(
        target, encode_picture(watermark.embed(picture.image, bits, key=key), format_, icc=picture.icc)
    )


@app.command()
def detect(
    inputs: Inputs,
    json_: Json = False,
    key_file: KeyFile = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Look for the invisible watermark alone."""
    import watermark
    from watermark.picture import decode_picture

    key = watermark_key(key_file, data_dir, config)

    def one(data: bytes) -> dict[str, Any]:
        found = watermark.detect(decode_picture(data).image, key=key)
        geometry = found.geometry
        return {
            "status": found.status,
            "present": found.present,
            "payload": found.payload.hex() if found.payload else None,
            "p_value": found.p_value,
            "rotation_deg": geometry.rotation_deg if geometry else None,
            "scale": geometry.scale if geometry else None,
            "flipped": geometry.flipped if geometry else None,
        }

    def line(row: dict[str, Any]) -> str:
        return f"{row['status'].replace('_', ' ')}  {row['payload'] or '-'}  p={row['p_value']:.1e}"

    judge_each(inputs, one, line, json_, positive=lambda row: bool(row["present"]))


@app.command()
def mark(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="its suffix decides the format: png, jpg, webp")
    ],
    prompt: Annotated[
        str | None, typer.Option(help="the prompt it was made from; checked, not stored")
    ] = None,
    generator: Annotated[str, typer.Option(help="name of the system that made it")] = "",
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Check a picture, mark it in all three ways and register it, as the gateway does."""
    from service.errors import Refused
    from service.gateway import new_request_id
    from service.runtime import build_runtime
    from service.settings import load_settings
    from service.trail import Trail
    from service.wire import check_system_name

    format_, data = format_of(target), read_file(source)
    parts = build_runtime(load_settings(config, data_dir=data_dir))
    try:
        trail = Trail(request_id=new_request_id(), kind="mark")
        picture = parts.gateway.mark(data, prompt, check_system_name(generator), trail, format_=format_)
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
def verify(inputs: Inputs, json_: Json = False, data_dir: DataDir = None, config: Config = None) -> None:
    """Say what can be proven about where a picture came from."""
    from service.keys import load_or_create_keys
    from service.runtime import open_verifier, utc_now
    from service.settings import load_settings

    settings = load_settings(config, data_dir=data_dir)
    verifier = open_verifier(settings, load_or_create_keys(settings, utc_now()))

    def one(data: bytes) -> dict[str, Any]:
        report: dict[str, Any] = verifier.verify(data).model_dump(mode="json")
        return report

    def line(report: dict[str, Any]) -> str:
        rows = [report["summary"]]
        for name, title in (
            ("c2pa", "Content Credentials"),
            ("watermark", "Invisible watermark"),
            ("metadata", "Metadata"),
        ):
            rows.append(f"  {title:<20} {report['signals'][name]['status'].replace('_', ' ')}")
        if report["signals"]["c2pa"]["development_signer"]:
            rows.append(
                "  signed with a DEVELOPMENT key, which nobody outside this installation has reason to trust"
            )
        record = report["record"]
        rows.append(
            f"  {'Registry record':<20} "
            + (f"{record['id']} (by {record['found_by']})" if record else "none")
        )
        rows += [f"  {f['severity']}: {f['text']}" for f in report["findings"]]
        return "\n".join(rows)

    positive = {"ours", "ai_generated", "credentials"}
    judge_each(inputs, one, line, json_, positive=lambda report: report["verdict"] in positive)


@app.command()
def classify(  # noqa: C901 - two inputs, two outputs
    text: Annotated[str | None, typer.Argument(metavar="[TEXT]")] = None,
    jsonl: Annotated[Path | None, typer.Option(help='one object a line with "text"')] = None,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Judge a prompt, or every row of a JSONL file; not recorded."""
    from safety import Guard, Policy
    from service.settings import load_settings

    if (text is None) == (jsonl is None):
        fail("classify: give either TEXT or --jsonl FILE.")
    settings = load_settings(config, data_dir=data_dir)
    guard = Guard(Policy.load(settings.policy) if settings.policy else Policy.default())

    def judge(value: str) -> dict[str, Any]:
        decision = guard.check_prompt(value)
        return {
            "unsafe": decision.unsafe,
            "action": decision.action,
            "categories": dict(decision.categories),
            "flagged": list(decision.flagged),
            "reasons": [r.text for r in decision.reasons],
        }

    if text is not None:
        if not text.strip():
            fail("classify: the text is empty.")
        row = judge(text)
        if json_:
            say(json.dumps({"text": text} | row, ensure_ascii=True))
        else:
            say(f"{row['action']}  unsafe {row['unsafe']:.3f}  {', '.join(row['flagged'])}")
            for reason in row["reasons"]:
                say(f"  {reason}")
        raise typer.Exit(NEGATIVE if row["action"] in {"block", "review"} else OK)
    assert jsonl is not None  # noqa: S101 - one of the two was given
    rows = []
    for number, raw in enumerate(lines_of(jsonl), 1):
        try:
            given = json.loads(raw)
            value = given["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        if not isinstance(value, str):
            fail(f"{jsonl}, line {number}: expected a JSON object with a string in 'text'.")
        row = given | judge(value)
        if json_:
            rows.append(row)
        else:
            say(json.dumps(row, ensure_ascii=True))
    if json_:
        say(json.dumps(rows, ensure_ascii=True))


@audit_app.command("verify")
def audit_verify(
    json_: Json = False,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option(help="a checkpoint that was kept elsewhere; may be given several times"),
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Recompute every hash of the log and name the first entry that does not fit."""
    notes = [read_file(path).decode("utf-8", "replace") for path in checkpoint or ()]
    report = open_audit(data_dir, config).verify(witnessed=notes)
    if json_:
        say(report.model_dump_json())
    elif report.ok:
        say(f"ok: {report.size} entries, root {report.root_hex}, checkpoint {report.checkpoint.status}")
    else:
        where = "" if report.first_bad_index is None else f" at entry {report.first_bad_index}"
        say(f"BROKEN{where}: {report.reason}")
    raise typer.Exit(OK if report.ok else NEGATIVE)


@audit_app.command("export")
def audit_export(
    target: Annotated[
        Path | None, typer.Argument(metavar="[OUT]", help="\\[default: standard output]")
    ] = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Write the log as JSON lines, with the signed checkpoint first."""
    log = open_audit(data_dir, config)
    if target is None:
        log.export(sys.stdout)
        return
    try:
        with target.open("w", encoding="utf-8") as file:
            log.export(file)
    except OSError as error:
        fail(f"{target}: cannot be written ({error.strerror}).")


@audit_app.command("prove")
def audit_prove(
    index: Annotated[int, typer.Argument(help="entry number, from 0")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Print the inclusion proof of one entry as JSON."""
    log = open_audit(data_dir, config)
    if not 0 <= index < log.size():
        fail(f"index: got {index}, the log has {log.size()} entries, counted from 0.")
    say(json.dumps(log.prove(index), indent=2))


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
    from safety.errors import SafetyError
    from service.errors import ServiceError
    from watermark.errors import WatermarkError

    try:
        app()
    except (ServiceError, SafetyError, WatermarkError) as error:
        typer.echo(f"countermark: {error}", err=True)
        sys.exit(CANNOT_JUDGE)
    except BrokenPipeError:
        sys.exit(OK)


if __name__ == "__main__":
    main()

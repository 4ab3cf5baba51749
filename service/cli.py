"""The `countermark` command.

Exit status: 0 ok, 1 a negative verdict (blocked, nothing found, a broken log), 2 could not judge. `--json`
prints one JSON document: an object for one input, an array for several. Heavy modules are imported inside
the commands, so that `--help` answers at once.
"""

import json
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer

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

OK, NEGATIVE, CANNOT_JUDGE = 0, 1, 2
Result = TypeVar("Result")


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
        _fail(f"--payload: got {payload!r}, expected 16 hex digits.")
    format_ = _format_of(target)
    key = _watermark_key(key_file, data_dir, config)
    picture = decode_picture(_read(source))
    _write(target, encode_picture(watermark.embed(picture.image, bits, key=key), format_, icc=picture.icc))


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

    key = _watermark_key(key_file, data_dir, config)

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

    _each(inputs, one, line, json_, positive=lambda row: bool(row["present"]))


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

    format_, data = _format_of(target), _read(source)
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
        _print(json.dumps(row) if json_ else str(error))
        raise typer.Exit(NEGATIVE) from error
    finally:
        parts.close()
    _write(target, picture.data)
    row = {"countermark_id": picture.id, "mime": picture.mime, "action": trail.action, "file": str(target)}
    _print(json.dumps(row) if json_ else f"{target}: marked, record {picture.id}")


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
    _each(inputs, one, line, json_, positive=lambda report: report["verdict"] in positive)


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
        _fail("classify: give either TEXT or --jsonl FILE.")
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
            _fail("classify: the text is empty.")
        row = judge(text)
        if json_:
            _print(json.dumps({"text": text} | row, ensure_ascii=True))
        else:
            _print(f"{row['action']}  unsafe {row['unsafe']:.3f}  {', '.join(row['flagged'])}")
            for reason in row["reasons"]:
                _print(f"  {reason}")
        raise typer.Exit(NEGATIVE if row["action"] in {"block", "review"} else OK)
    assert jsonl is not None  # noqa: S101 - one of the two was given
    rows = []
    for number, raw in enumerate(_lines(jsonl), 1):
        try:
            given = json.loads(raw)
            value = given["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            value = None
        if not isinstance(value, str):
            _fail(f"{jsonl}, line {number}: expected a JSON object with a string in 'text'.")
        row = given | judge(value)
        if json_:
            rows.append(row)
        else:
            _print(json.dumps(row, ensure_ascii=True))
    if json_:
        _print(json.dumps(rows, ensure_ascii=True))


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
    notes = [_read(path).decode("utf-8", "replace") for path in checkpoint or ()]
    report = _audit(data_dir, config).verify(witnessed=notes)
    if json_:
        _print(report.model_dump_json())
    elif report.ok:
        _print(f"ok: {report.size} entries, root {report.root_hex}, checkpoint {report.checkpoint.status}")
    else:
        where = "" if report.first_bad_index is None else f" at entry {report.first_bad_index}"
        _print(f"BROKEN{where}: {report.reason}")
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
    log = _audit(data_dir, config)
    if target is None:
        log.export(sys.stdout)
        return
    try:
        with target.open("w", encoding="utf-8") as file:
            log.export(file)
    except OSError as error:
        _fail(f"{target}: cannot be written ({error.strerror}).")


@audit_app.command("prove")
def audit_prove(
    index: Annotated[int, typer.Argument(help="entry number, from 0")],
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Print the inclusion proof of one entry as JSON."""
    log = _audit(data_dir, config)
    if not 0 <= index < log.size():
        _fail(f"index: got {index}, the log has {log.size()} entries, counted from 0.")
    _print(json.dumps(log.prove(index), indent=2))


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
        _fail(f"--format: got {format_!r}, expected one of {', '.join(REPORT_MIME)}.")
    now = datetime.now(UTC)
    days = choose_period(first and first.date(), last and last.date(), now.date())
    data = render(build_period_report(_audit(data_dir, config), days, now), format_)
    if out is not None:
        _write(out, data)
    else:
        sys.stdout.buffer.write(data)


# ---- shared by the commands


def _each(
    inputs: Iterable[Path],
    one: Callable[[bytes], dict[str, Any]],
    line: Callable[[dict[str, Any]], str],
    json_: bool,
    *,
    positive: Callable[[dict[str, Any]], bool],
) -> NoReturn:
    """Judge every file; a file that cannot be judged does not stop the others, but the status is 2."""
    from rich.console import Console
    from rich.progress import track

    from watermark.errors import WatermarkError

    files = list(inputs)
    rows, worst = [], OK
    shown = track(
        files,
        "judging",
        console=Console(stderr=True),
        transient=True,
        disable=len(files) < 2 or not sys.stderr.isatty(),
    )
    for file in shown:
        row: dict[str, Any]
        try:
            row = {"file": str(file)} | one(_read_or_raise(file))
            worst = max(worst, OK if positive(row) else NEGATIVE)
            text = line(row)
        except (WatermarkError, OSError) as error:
            message = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
            row, text, worst = (
                {"file": str(file), "error": message},
                f"could not judge: {message}",
                CANNOT_JUDGE,
            )
        rows.append(row)
        if not json_:
            _print(f"{file}: {text}")
    if json_:
        _print(json.dumps(rows[0] if len(rows) == 1 else rows))
    raise typer.Exit(worst)


def _audit(data_dir: Path | None, config: Path | None) -> Any:
    """Open the log of an installation that exists: a mistyped directory must not read as an empty, sound log."""
    from service.runtime import AUDIT_FILE, open_stores
    from service.settings import load_settings

    settings = load_settings(config, data_dir=data_dir)
    if not (settings.data_dir / AUDIT_FILE).exists():
        _fail(f"{settings.data_dir / AUDIT_FILE}: there is no audit log; give the right --data-dir.")
    _, _, audit = open_stores(settings)
    return audit


def _watermark_key(key_file: Path | None, data_dir: Path | None, config: Path | None) -> bytes:
    from service.keys import load_or_create_keys, read_key_file
    from service.settings import load_settings

    if key_file is not None:
        return read_key_file(key_file)
    return load_or_create_keys(load_settings(config, data_dir=data_dir), datetime.now(UTC)).watermark


def _format_of(path: Path) -> str:
    formats = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp"}
    if path.suffix.lower() not in formats:
        _fail(f"{path}: expected a name that ends in .png, .jpg or .webp.")
    return formats[path.suffix.lower()]


def _read_or_raise(path: Path) -> bytes:
    from watermark.errors import TooManyBytes
    from watermark.picture import Limits

    if path.is_file() and path.stat().st_size > Limits().max_bytes:
        raise TooManyBytes(f"file: got {path.stat().st_size} bytes, expected at most {Limits().max_bytes}.")
    return path.read_bytes()


def _read(path: Path) -> bytes:
    try:
        return _read_or_raise(path)
    except OSError as error:
        _fail(f"{path}: cannot be read ({error.strerror}).")


def _lines(path: Path) -> Iterable[str]:
    try:
        with path.open(encoding="utf-8") as file:
            for line in file:
                if line.strip():
                    yield line
    except (OSError, UnicodeDecodeError) as error:
        _fail(f"{path}: cannot be read as UTF-8 text ({error}).")


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        _fail(f"{path}: cannot be written ({error.strerror}).")


def _print(text: str) -> None:
    typer.echo(text)


def _fail(message: str) -> NoReturn:
    typer.echo(f"countermark: {message}", err=True)
    raise typer.Exit(CANNOT_JUDGE)


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

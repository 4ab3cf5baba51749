"""`countermark audit`: the tamper-evident log, for its keeper and for auditors who have only a copy of it."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import NEGATIVE, OK, fail, open_audit, read_file, say

MAX_PROOF_BYTES = 1 << 20  # a proof has one entry and at most 60 hashes; only an export is larger

audit_app = typer.Typer(help="Verify, export, prove and check the tamper-evident log.", no_args_is_help=True)


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


@audit_app.command("key")
def audit_key(data_dir: DataDir = None, config: Config = None) -> None:
    """Print the public key that the log's checkpoints are signed with, to hand to auditors."""
    from safety.checkpoint import verifier_key

    say(verifier_key(open_audit(data_dir, config).public_key))


@audit_app.command("check")
def audit_check(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="an export or a proof")],
    key: Annotated[str, typer.Option(help="the log's public key, as `audit key` printed it to you")],
    json_: Json = False,
) -> None:
    """Check an export or a proof, without the log, against the public key that you trust."""
    from safety.audit_export import check_proof, verify_export
    from safety.checkpoint import parse_verifier_key

    public_key = parse_verifier_key(key)
    proof = _proof(source)
    report: dict[str, Any]
    if proof is not None:
        good = check_proof(proof, public_key)
        reason = "the entry is in the log" if good else "the proof does not hold under this key"
        report = {"kind": "proof", "ok": good, "reason": reason}
    else:
        try:
            with source.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
                report = {"kind": "export"} | verify_export(lines, public_key).model_dump(mode="json")
        except OSError as error:
            fail(f"{source}: cannot be read ({error.strerror}).")
    say(json.dumps(report) if json_ else f"{'ok' if report['ok'] else 'BROKEN'}: {report['reason']}")
    raise typer.Exit(OK if report["ok"] else NEGATIVE)


def _proof(path: Path) -> dict[str, Any] | None:
    """Return the proof document in the file; None where it holds something else, such as an export."""
    if path.is_file() and path.stat().st_size > MAX_PROOF_BYTES:
        return None
    try:
        document = json.loads(read_file(path))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "proof" in document else None

"""`countermark verify`: the verification protocol on files, with a signed receipt where one is asked for."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Inputs, Json
from service.command_io import OK, fail, judge_each, say, write_file

_ROWS = (
    ("c2pa", "Content Credentials"),
    ("watermark", "Invisible watermark"),
    ("metadata", "Metadata"),
    ("fingerprint", "Fingerprint"),
)


def _print_schema(asked: bool) -> None:
    if asked:
        from service.verification_report import report_schema

        say(json.dumps(report_schema(), indent=2))
        raise typer.Exit(OK)


def verify(
    inputs: Inputs,
    json_: Json = False,
    pixels: Annotated[
        bool, typer.Option(help="without: only labels and signatures, in milliseconds, no watermark")
    ] = True,
    receipt: Annotated[
        Path | None, typer.Option(metavar="OUT", help="also write a signed receipt (JWS) of the one file")
    ] = None,
    pdf: Annotated[
        Path | None, typer.Option(metavar="OUT", help="also write the report as a PDF, its receipt inside")
    ] = None,
    schema: Annotated[  # noqa: ARG001 - its callback ends the command
        bool,
        typer.Option(
            "--schema",
            callback=_print_schema,
            is_eager=True,
            help="print the JSON Schema of a report and end",
        ),
    ] = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Say what can be proven about where a picture came from.

    Exit status: 0 where an origin is proven (a picture of this service, or intact Content Credentials of a trusted
    signer), 1 where none is (labels, likeness, copied or broken marks, nothing), 2 where a file could not be judged.
    """
    from service.keys import load_or_create_keys
    from service.runtime import open_verifier, utc_now
    from service.settings import load_settings

    if (receipt or pdf) and len(inputs) != 1:
        fail(f"--receipt and --pdf: got {len(inputs)} files, expected one; run the command once a file.")
    settings = load_settings(config, data_dir=data_dir)
    verifier = open_verifier(settings, load_or_create_keys(settings, utc_now()))

    def one(data: bytes) -> dict[str, Any]:
        report = verifier.verify(data, pixels=pixels)
        if receipt or pdf:
            _write_receipt(report, settings, receipt, pdf)
        row: dict[str, Any] = report.model_dump(mode="json")
        return row

    judge_each(inputs, one, _in_words, json_, positive=_proven)


def _proven(report: dict[str, Any]) -> bool:
    """Whether an origin is proven: labels and likeness are none, nor is a signature that nobody has reason to trust."""
    c2pa = report["signals"]["c2pa"]
    trusted = c2pa["status"] == "valid" and c2pa["trusted"] and not c2pa["development_signer"]
    return report["verdict"] == "ours" or (report["verdict"] in {"ai_generated", "credentials"} and trusted)


def _write_receipt(report: Any, settings: Any, receipt: Path | None, pdf: Path | None) -> None:
    from service.receipt_pdf import report_to_pdf
    from service.runtime import open_receipts

    issuer = open_receipts(settings)
    signed = issuer.issue(report)
    if receipt is not None:
        write_file(receipt, signed.encode() + b"\n")
    if pdf is not None:
        write_file(pdf, report_to_pdf(report, address=issuer.address, time=issuer.clock(), receipt=signed))


def _in_words(report: dict[str, Any]) -> str:
    rows = [report["summary"]]
    for name, title in _ROWS:
        rows.append(f"  {title:<20} {report['signals'][name]['status'].replace('_', ' ')}")
    if report["signals"]["c2pa"]["development_signer"]:
        rows.append(
            "  signed with a DEVELOPMENT key, which nobody outside this installation has reason to trust"
        )
    record = report["record"]
    named = "none"
    if record:
        unsure = "" if record["confirmed"] else ", not confirmed to be this picture's"
        named = f"{record['id']} (by {record['found_by']}{unsure})"
    rows.append(f"  {'Registry record':<20} {named}")
    rows += [f"  {f['severity']}: {f['text']}" for f in report["findings"]]
    return "\n".join(rows)

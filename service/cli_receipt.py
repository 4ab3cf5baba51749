"""`countermark receipt`: check a signed receipt of verification offline, and keep the keys that sign them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import NEGATIVE, OK, fail, read_file, say

MAX_KEY_SET_BYTES = 1 << 20

receipt_app = typer.Typer(
    help="Check signed receipts of verification, and keep their keys.", no_args_is_help=True
)


@receipt_app.command("verify")
def receipt_verify(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="the receipt; the text at the end of a PDF works too")
    ],
    key: Annotated[
        Path, typer.Option(metavar="JWKS", help="the service's keys, from its /.well-known/jwks.json")
    ],
    image: Annotated[
        Path | None, typer.Option(metavar="IN", help="the picture file that it is said to be about")
    ] = None,
    json_: Json = False,
) -> None:
    """Check a receipt without the service: its signature, and with --image that it is about that file."""
    from service.receipt import MAX_CHARS, read_receipt

    text = read_file(source)
    if len(text) > MAX_CHARS:
        fail(f"{source}: too large to be a receipt.")
    receipt = read_receipt(
        text.decode("utf-8", "replace"), _key_set(key), read_file(image) if image is not None else None
    )
    row: dict[str, Any] = {
        "valid": receipt.valid,
        "reason": receipt.reason,
        "key_id": receipt.key_id,
        "address": receipt.address,
        "time": receipt.time.isoformat() if receipt.time else None,
        "sha256": receipt.sha256,
        "image_compared": image is not None,
        "report": receipt.report.model_dump(mode="json") if receipt.report else None,
    }
    if json_:
        say(json.dumps(row))
    else:
        say(f"{'ok' if receipt.valid else 'NOT VALID'}: {receipt.reason}")
        if receipt.report is not None and receipt.time is not None:
            say(f"  by {receipt.address} at {receipt.time:%Y-%m-%d %H:%M:%S} UTC, key {receipt.key_id}")
            say(f"  about the file with SHA-256 {receipt.sha256}{_whether_compared(image)}")
            say(f"  {receipt.report.verdict}: {receipt.report.summary}")
    raise typer.Exit(OK if receipt.valid else NEGATIVE)


def _whether_compared(image: Path | None) -> str:
    return "" if image is not None else " (no file compared; give it with --image)"


@receipt_app.command("keys")
def receipt_keys(data_dir: DataDir = None, config: Config = None) -> None:
    """Print the public keys as a JSON Web Key Set, as the service publishes them."""
    say(json.dumps(_issuer(data_dir, config).keys.published(), indent=2))


@receipt_app.command("rotate")
def receipt_rotate(data_dir: DataDir = None, config: Config = None) -> None:
    """Make a new key; it signs from now on, and receipts of the earlier keys stay verifiable."""
    issuer = _issuer(data_dir, config)
    say(f"key {issuer.keys.add(issuer.clock()).kid} signs receipts from now on")


def _issuer(data_dir: Path | None, config: Path | None) -> Any:
    from service.runtime import open_receipts
    from service.settings import load_settings

    return open_receipts(load_settings(config, data_dir=data_dir))


def _key_set(path: Path) -> dict[str, Any]:
    data = read_file(path)
    if len(data) > MAX_KEY_SET_BYTES:
        fail(f"{path}: too large to be a key set.")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        fail(f"{path}: expected the JSON of /.well-known/jwks.json.")
    return document

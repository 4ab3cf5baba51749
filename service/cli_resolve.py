"""`countermark resolve`: ask another service for the credentials that a picture has lost."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import CANNOT_JUDGE, NEGATIVE, fail, read_file, say


def resolve(
    source: Annotated[Path, typer.Argument(metavar="IN")],
    server: Annotated[str, typer.Option(help="its address; the host must be in resolution_hosts")],
    keep_picture: Annotated[
        bool, typer.Option("--keep-picture", help="send the ISCC code only, not the picture")
    ] = False,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Ask another service where a picture comes from, and check what it answers against the picture.

    A manifest that cannot be fetched, for one because the service names a host that is not in resolution_hosts, does
    not stop the others. Exit status 1: nothing found; 2: none of what was found could be fetched.
    """
    from service.resolution_client import Found, ResolutionClient, ResolutionFailed
    from service.settings import load_settings
    from service.trust_lists import TrustLists
    from watermark.fingerprint import fingerprint
    from watermark.fingerprint_iscc import ISCC_ALG
    from watermark.manifest import read_manifest
    from watermark.picture import decode_picture

    settings, data = load_settings(config, data_dir=data_dir), read_file(source)
    picture = decode_picture(data)
    trust = TrustLists(b"", settings.trust_anchors_file)

    def checked(one: Found) -> dict[str, Any]:
        row = {"manifest_id": one.manifest_id, "similarity": one.score}
        try:
            stored = client.manifest(one)
        except ResolutionFailed as error:
            return row | {"status": "not_fetched", "error": str(error)}
        report = read_manifest(data, picture.mime, trust=trust, stored_manifest=stored)
        return row | {
            "status": report.status,
            "signer": report.signer,
            "trusted": report.trusted,
            "pixels_match": report.pixels_match,
        }

    try:
        client = ResolutionClient(server, settings.resolution_hosts)
        if keep_picture:
            found = client.by_binding(ISCC_ALG, fingerprint(picture.image).iscc.encode())
        else:
            found = client.by_content(data, picture.mime)
    except ResolutionFailed as error:
        fail(str(error))
    rows = [checked(one) for one in found]
    client.close()
    if json_:
        say(json.dumps({"file": str(source), "server": server, "matches": rows}))
    for row in () if json_ else rows:
        say(_line(row))
    if not rows:
        if not json_:
            say(
                "Nothing found: that service knows no such picture. This does not mean that a person made it."
            )
        raise typer.Exit(NEGATIVE)
    if all("error" in row for row in rows):
        raise typer.Exit(CANNOT_JUDGE)


def _line(row: dict[str, Any]) -> str:
    if "error" in row:
        return f"{row['manifest_id']}: not fetched, {row['error']}"
    trusted = "trusted" if row["trusted"] else "not trusted here"
    return f"{row['manifest_id']}: {row['status']}, signed by {row['signer']} ({trusted})"

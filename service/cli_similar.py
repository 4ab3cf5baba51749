"""`countermark similar`: registered pictures that show something similar."""

import json
from pathlib import Path
from typing import Annotated

import typer

from service.cli_options import Config, DataDir, Json
from service.command_io import NEGATIVE, OK, fail, read_file, say

NOTICE = "Likeness of what pictures show proves nothing about where a picture comes from."
_TELL_EACH = 100
_SHOWN = ("likeness", "countermark_id", "created_at", "generator", "thumbnail_url")


def similar(
    source: Annotated[Path, typer.Argument(metavar="PICTURE")],
    most: Annotated[int, typer.Option(min=1, max=1000, help="how many records to list")] = 10,
    json_: Json = False,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """List the registered pictures that show something similar, by the ResNet checkpoint in `semantic_model`.

    What was registered since the last time is looked at first. Exit status 1: nothing is registered yet.
    """
    from classifiers.picture_vectors import load_vectors
    from service.keys import load_or_create_keys
    from service.registered_pictures import RegisteredPictures
    from service.runtime import REGISTRY_FILE, open_registry, utc_now
    from service.semantic import SemanticIndex
    from service.settings import load_settings
    from service.trust_lists import TrustLists
    from watermark.picture import Limits, decode_picture

    settings = load_settings(config, data_dir=data_dir)
    if settings.semantic_model is None:
        fail("semantic_model: not set; name the folder of a ResNet checkpoint (README, settings).")
    if not (settings.data_dir / REGISTRY_FILE).exists():
        fail(f"{settings.data_dir / REGISTRY_FILE}: there is no registry; give the right --data-dir.")
    limits = Limits(max_bytes=settings.max_upload_bytes, max_pixels=settings.max_pixels)
    image = decode_picture(read_file(source), limits=limits).image
    vectors = load_vectors(settings.semantic_model)
    keys = load_or_create_keys(settings, utc_now())
    trust = TrustLists(keys.identity.root_pem, settings.trust_anchors_file)
    registry = open_registry(settings)
    try:
        pictures = RegisteredPictures(registry, trust)
        index = SemanticIndex(settings.data_dir, vectors, registry, pictures.thumbnail)
        added = index.catch_up(_tell)
        if added >= _TELL_EACH:
            typer.echo(f"looked at {added} new records", err=True)
        if not len(index) and registry.count():
            fail(
                "no registered picture has a thumbnail to compare with; set manifest_thumbnails and mark anew."
            )
        found = [(one, registry.get(one.record_id)) for one in index.search(image, most)]
    finally:
        registry.close()
    rows = [
        {
            "countermark_id": record.id,
            "likeness": round(one.cosine, 4),
            "created_at": record.created_at.isoformat(),
            "generator": record.generator,
            "thumbnail_url": f"{settings.address}/v1/records/{record.id}/thumbnail",
        }
        for one, record in found
        if record is not None
    ]
    if json_:
        say(json.dumps({"file": str(source), "notice": NOTICE, "records": rows}))
    else:
        for row in rows:
            say("  ".join(f"{row[name]:.3f}" if name == "likeness" else str(row[name]) for name in _SHOWN))
        say(NOTICE if rows else "nothing is registered yet")
    raise typer.Exit(OK if rows else NEGATIVE)


def _tell(count: int) -> None:
    if not count % _TELL_EACH:
        typer.echo(f"looking at new records: {count}", err=True)

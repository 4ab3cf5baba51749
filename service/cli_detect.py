"""`countermark detect`: the invisible watermark alone, in one picture or in many at a time."""

import os
from typing import Any

from service.cli_options import Config, DataDir, Inputs, Json, KeyFile
from service.command_io import judge_together, watermark_keys

MOST_THREADS = 8
"""Each thread holds one picture in the forms that the search needs: some 60 MB."""


def detect(
    inputs: Inputs,
    json_: Json = False,
    key_file: KeyFile = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Look for the invisible watermark alone (on a CUDA device where there is one)."""
    import watermark
    from watermark.inputs import SHORTEST_SEARCHED_PX, check_image
    from watermark.picture import decode_picture

    keys = watermark_keys(key_file, data_dir, config)

    def read(data: bytes) -> Any:
        return check_image(decode_picture(data).image, SHORTEST_SEARCHED_PX)

    def judge(images: list[Any]) -> list[dict[str, Any]]:
        threads = min(MOST_THREADS, os.cpu_count() or 1, len(images))
        return [as_row(found) for found in watermark.detect_batch(images, key=keys, threads=threads)]

    def as_row(found: watermark.Detection) -> dict[str, Any]:
        geometry = found.geometry
        return {
            "status": found.status,
            "present": found.present,
            "payload": found.payload.hex() if found.payload else None,
            "key_id": found.key_id,
            "other_payloads": [mark.payload.hex() for mark in found.others],
            "p_value": found.p_value,
            "rotation_deg": geometry.rotation_deg if geometry else None,
            "scale": geometry.scale if geometry else None,
            "flipped": geometry.flipped if geometry else None,
        }

    def line(row: dict[str, Any]) -> str:
        payloads = " and ".join(filter(None, [row["payload"], *row["other_payloads"]])) or "-"
        return f"{row['status'].replace('_', ' ')}  {payloads}  p={row['p_value']:.1e}"

    judge_together(inputs, read, judge, line, json_, positive=lambda row: bool(row["present"]))

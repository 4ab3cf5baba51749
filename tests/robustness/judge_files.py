"""Judge every file of a folder as the service would, under a memory and a CPU limit; one JSON object on stdout.

Run by test_hostile_files.py in a process of its own, so that a crash of native code, memory without bounds or an
endless loop shows as a failed test instead of a dead test run.
"""

import json
import os
import resource
import sys
from pathlib import Path

from watermark.disclosure import read_disclosure
from watermark.errors import PictureError
from watermark.formats import MIME, sniff_format
from watermark.manifest import TrustAnchors, read_manifest
from watermark.manifest_timeline import read_timeline
from watermark.metadata import read_metadata
from watermark.picture import decode_picture

MEMORY_BYTES = 2 << 30
CPU_SECONDS = 200


def judge(data: bytes) -> list[str]:
    """Return [decoding outcome, metadata status, manifest status/integrity/reason]."""
    try:
        kind = sniff_format(data)
    except PictureError as error:
        return [error.code]
    try:
        decode_picture(data)
        outcome = "ok"
    except PictureError as error:
        outcome = error.code
    read_disclosure(data, kind)
    report = read_manifest(data, MIME[kind], trust=TrustAnchors())
    read_timeline(data, MIME[kind], trust=TrustAnchors())
    reason = next(
        (code for code in report.failures if not code.startswith("signingCredential.untrusted")), ""
    )
    return [outcome, read_metadata(data, kind).status, report.status, report.integrity or "", reason]


def main() -> None:
    in_use = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES, in_use + MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    outcomes: dict[str, list[str]] = {}
    for path in sorted(Path(sys.argv[1]).iterdir()):
        try:
            outcomes[path.name] = judge(path.read_bytes())
        except BaseException as error:  # noqa: BLE001 - whatever escapes is the finding
            outcomes[path.name] = ["ESCAPED", f"{type(error).__name__}: {error}"]
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()

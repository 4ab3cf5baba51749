"""Flip single bytes outside the manifest of signed files and count what is caught: `make bench-tampering`.

Prints one row a format: flips tried, flips that the reader or the picture decoder caught, and the time of one check.
The bytes that the C2PA specification leaves unprotected (the manifest itself; in AVIF the ftyp and free boxes) are not
tried.
"""

import argparse
import sys
import time
from datetime import UTC, datetime

import numpy as np

from service.generators.builtin import draw
from tests.signed_regions import protected, with_flip
from watermark.errors import PictureError
from watermark.label import COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, AiLabel
from watermark.manifest import ManifestSigner, Source, TrustAnchors, read_manifest
from watermark.metadata import build_exif, build_xmp
from watermark.picture import MIME, WRITABLE, decode_picture, encode_picture
from watermark.signing import create_development_identity
from watermark.thumbnail import make_thumbnail

ID = "0123456789abcdef"


def main() -> None:
    """Run and end with status 1 when a flip went unnoticed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flips", type=int, default=1000, help="over all formats")
    parser.add_argument("--side", type=int, default=512, help="px of the pictures")
    arguments = parser.parse_args()
    now, rng = datetime.now(UTC), np.random.default_rng(1)
    identity = create_development_identity(now)
    signer, trust = ManifestSigner(identity), TrustAnchors(identity.root_pem)
    label = AiLabel(ID, "p", "s", "1", now, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, edited=True)
    image = draw("a lighthouse on a cliff", 0, arguments.side, arguments.side)
    parent = Source(
        signer.sign(encode_picture(image, "jpeg"), "image/jpeg", label, soft_binding=ID).data, "image/jpeg"
    )
    missed = tried = 0
    print("| format | flips | caught | ms a check |\n|---|--:|--:|--:|")
    for index, kind in enumerate(WRITABLE):
        unsigned = encode_picture(image, kind, exif=build_exif(label), xmp=build_xmp(label))
        data = signer.sign(
            unsigned, MIME[kind], label, soft_binding=ID, sources=[parent], thumbnail=make_thumbnail(image)
        ).data
        count = arguments.flips * (index + 1) // len(WRITABLE) - arguments.flips * index // len(WRITABLE)
        places = rng.choice(protected(data, MIME[kind]), count, replace=False)
        caught, started = 0, time.process_time()
        for at in places:
            caught += not _passes(with_flip(data, int(at), 1 << int(rng.integers(8))), kind, trust)
        spent = (time.process_time() - started) * 1000 / count
        print(f"| {kind} | {count} | {caught} | {spent:.1f} |", flush=True)
        missed, tried = missed + count - caught, tried + count
    print(f"\n{tried} flips, {missed} unnoticed")
    sys.exit(1 if missed else 0)


def _passes(data: bytes, kind: str, trust: TrustAnchors) -> bool:
    """Whether a copy would be reported as whole."""
    report = read_manifest(data, MIME[kind], trust=trust)
    if (report.status, report.integrity) != ("valid", "ok"):
        return False
    try:
        decode_picture(data)
    except PictureError:
        return False
    return True


if __name__ == "__main__":
    main()

"""What each known attack achieves against the invisible watermark as shipped.

    make attack-watermark                                   # drawn pictures
    make attack-watermark ARGS="--images DIR --out DIR --document watermark/SECURITY.md"

The attacker knows everything but the key (watermark_forgery.py). Every row says how many pictures still show the mark
(removal), or show one that was never put there (forging), and what that cost in PSNR: against the marked picture for
removal, against the clean picture for forging. Prints a markdown table; --out writes it with JSON, --document puts it
between the two markers of a document. Everything is seeded.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from tests.benchmarks.watermark.covers import KINDS, draw
from tests.benchmarks.watermark_attacks import (
    SIDE_PX,
    Scene,
    averaging,
    climbing,
    copying,
    flat_request,
    washing,
)
from tests.benchmarks.watermark_forgery import Picture
from tests.benchmarks.watermark_outcomes import Row, report

COUNTS = (5, 20, 100)
BEGIN, END = "<!-- attacks: begin -->", "<!-- attacks: end -->"


def pictures(folder: Path | None, count: int, seed: int) -> list[Picture]:
    """Squares of SIDE_PX: of each file of a folder once or more, mixed with as many drawn ones."""
    names = (
        sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
        if folder
        else []
    )
    kinds, rng = sorted(KINDS), np.random.default_rng(seed)
    found = []
    for number in range(count):
        if names and number % 2 == 0:
            found.append(_square(np.array(Image.open(names[number // 2 % len(names)]).convert("RGB")), rng))
        else:
            found.append(draw(kinds[number // 2 % len(kinds)], seed + number, SIDE_PX, SIDE_PX))
    return found


def _square(picture: Picture, rng: np.random.Generator) -> Picture:
    """A random square crop, brought to SIDE_PX."""
    side = int(rng.integers(min(SIDE_PX, *picture.shape[:2]), min(picture.shape[:2]) + 1))
    y, x = (int(rng.integers(length - side + 1)) for length in picture.shape[:2])
    square = np.ascontiguousarray(picture[y : y + side, x : x + side])
    return cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Run all attacks and write what they achieved."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, help="folder of pictures, mixed half and half with drawn ones")
    parser.add_argument("--victims", type=int, default=6, help="pictures to clean, and as many to forge onto")
    parser.add_argument("--questions", type=int, default=100, help="that a hill climber may ask")
    parser.add_argument("--out", type=Path, help="folder for attacks.md and attacks.json")
    parser.add_argument(
        "--document", type=Path, help="markdown file whose part between the markers is replaced"
    )
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="marked pictures to average")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    most = max(options.counts)
    drawn = pictures(options.images, most + 2 * options.victims, options.seed)
    split = (most, most + options.victims)
    scene = Scene(drawn[: split[0]], drawn[split[0] : split[1]], drawn[split[1] :], options.seed)
    parts: list[Iterator[Row]] = [
        washing(scene),
        copying(scene),
        flat_request(scene),
        averaging(scene, options.counts, same_payload=False),
        averaging(scene, options.counts, same_payload=True),
        climbing(scene, options.questions),
    ]
    rows = []
    for part in parts:
        for row in part:
            rows.append(row)
            print(f"{row.goal}: {row.line()}", file=sys.stderr, flush=True)
    text = report(rows)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "attacks.md").write_text(text)
        (options.out / "attacks.json").write_text(json.dumps([asdict(row) for row in rows], indent=1))
    if options.document:
        before, rest = options.document.read_text().split(BEGIN)
        after = rest.split(END)[1]
        options.document.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


if __name__ == "__main__":
    main()

"""What the two checks of pictures see, and what they cost: text in pictures, and nudity on harmless pictures.

    python -m tests.benchmarks.picture_checks [--images DIR]... [--chinese FONT]... [--lines 12] [--out DIR]

Pictures: those of the folders, the photographs inside scikit-image and scikit-learn, and the builtin generator's. Text:
lines of harmless words of several letter heights, contrasts and directions are drawn onto squares of 1024 px; a line
counts as read where at least 80 % of it stands in what was read (rapidfuzz's partial ratio). Nudity: each picture as it
is, flipped, turned, cropped, and in warmer, skin-like and grey colours; the share at or over the default policy's
scores for `sexual`. No picture of nudity exists here: what the check finds is not measured, only what it finds wrongly.

CPU time is that of the process with one thread, median and least of the runs: other work on the machine slows
a core by up to a half. `--out` writes text.md, text.json, nudity.md and nudity.json there; the cards quote them.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rapidfuzz import fuzz

from classifiers import Scores
from classifiers.image_nudity import NudityClassifier
from classifiers.image_nudity import create_image as create_nudity
from classifiers.image_text import ImageTextClassifier
from classifiers.scores import no_scores
from classifiers.training.picture_text import Picture, Style, latin_fonts, write_line
from classifiers.training.sample_pictures import folder_pictures, packaged_pictures, square
from safety.policy import Policy
from service.generators.builtin import draw

SIDE = 1024
SCENES = ("sea", "city", "forest", "desert", "glass", "marble", "a portrait", "pink dream", "sunset", "snow")
STYLES = (
    *(Style(height, contrast) for height in (8, 10, 12, 16, 20, 28, 48, 120) for contrast in (130, 45)),
    *(Style(24, angle=angle) for angle in (10, -35, 90, 180, 270)),
    Style(24, mirrored=True),
    *(Style(height, language="zh") for height in (12, 16, 24, 48)),
    *(Style(32, angle=angle, language="zh") for angle in (90, 180)),
)
RIGHT = 80
"""Percent of a line that must stand in what was read."""


class Silent:
    """A prompt classifier that costs nothing: the reader alone is measured."""

    model = "none"

    def score(self, text: str) -> Scores:
        return Scores(0.0, no_scores(), self.model)


def cpu_ms(work: Callable[[], object], repeats: int = 9) -> dict[str, float]:
    work()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(1000 * (time.process_time() - start))
    return {"median": round(statistics.median(spent), 1), "least": round(min(spent), 1)}


def measure_text(pictures: Sequence[Picture], chinese: Sequence[Path], lines: int) -> dict[str, Any]:
    reader = ImageTextClassifier(Silent())
    squares = [square(picture, SIDE) for picture in pictures]
    silent = [picture for picture in squares if not reader.read(picture)]
    rng, rows = np.random.default_rng(5), []
    for style in STYLES:
        fonts = latin_fonts() if style.language == "en" else chinese
        if not fonts:
            continue
        read, spent = 0, []
        for _ in range(lines):
            picture, text = write_line(rng, silent[int(rng.integers(len(silent)))], style, fonts)
            start = time.process_time()
            found = " ".join(reader.read(picture))
            spent.append(1000 * (time.process_time() - start))
            wanted, got = text.lower().replace(" ", ""), found.lower().replace(" ", "")
            read += len(got) >= 0.6 * len(wanted) and fuzz.partial_ratio(wanted, got) >= RIGHT
        row = {name: getattr(style, name) for name in Style.__slots__}
        rows.append(row | {"lines": lines, "read": read, "cpu_ms": round(statistics.median(spent), 1)})
    return {
        "pictures": len(squares),
        "pictures in which something was read before lines were drawn": len(squares) - len(silent),
        "cpu_ms without text, 1024x1024": cpu_ms(lambda: reader.read(silent[0])),
        "lines": rows,
    }


def variants(rng: np.random.Generator, picture: Picture) -> Iterator[tuple[str, Picture]]:
    height, width = picture.shape[:2]
    yield "as it is", picture
    yield "flipped", picture[:, ::-1]
    yield "turned", np.rot90(picture)
    for _ in range(2):
        share = rng.uniform(0.35, 0.8)
        high, wide = max(8, int(height * share)), max(8, int(width * share))
        top, left = int(rng.integers(max(1, height - high))), int(rng.integers(max(1, width - wide)))
        yield "cropped", picture[top : top + high, left : left + wide]
    pixels = picture.astype(np.float32)
    grey = pixels.mean(2, keepdims=True)
    skin = 0.45 * pixels + 0.55 * grey * [1.3, 1.0, 0.82] + [25, 5, 0]
    yield "warm", np.clip(pixels * [1.25, 0.95, 0.75] + [20, 5, 0], 0, 255).astype(np.uint8)
    yield "skin-coloured", np.clip(skin, 0, 255).astype(np.uint8)
    yield "grey", np.repeat(grey, 3, 2).astype(np.uint8)


def measure_nudity(groups: dict[str, Sequence[Picture]]) -> dict[str, Any]:
    nudity: NudityClassifier = create_nudity()
    bands = {band.action: band.threshold for band in Policy.default().categories["sexual"].bands}
    rng = np.random.default_rng(5)
    scores: dict[str, list[tuple[str, float, float]]] = {}
    for group, pictures in groups.items():
        for picture in pictures:
            for how, seen in variants(rng, picture):
                raw = nudity.raw(np.ascontiguousarray(seen))
                level = nudity.score(np.ascontiguousarray(seen)).categories["sexual"] if raw > 0.1 else raw
                scores.setdefault(group, []).append((how, raw, level))
    every = [row for rows in scores.values() for row in rows]
    by_how = {how: [row for row in every if row[0] == how] for how in dict.fromkeys(row[0] for row in every)}
    table = {}
    for name, rows in ({"all": every} | scores | by_how).items():
        raws, levels = np.array([row[1] for row in rows]), np.array([row[2] for row in rows])
        table[name] = {
            "pictures": len(rows),
            "raw median": round(float(np.median(raws)), 4),
            "raw 99.5 %": round(float(np.quantile(raws, 0.995)), 3),
            "raw highest": round(float(raws.max()), 3),
            **{f"{action} %": round(100 * float((levels >= at).mean()), 2) for action, at in bands.items()},
        }
    sides = {
        "1024x1024": (1024, 1024),
        "512x512": (512, 512),
        "1024x2048": (1024, 2048),
        "512x8192": (512, 8192),
    }
    spent = {}
    for name, at in sides.items():
        picture = draw("sea", 0, *at)
        spent[name] = cpu_ms(lambda picture=picture: nudity.raw(picture))
    return {"bands": bands, "cpu_ms": spent, "benign": table}


def text_table(found: dict[str, Any]) -> str:
    lines = ["| letters px | contrast | turned | language | read | CPU ms |", "|--:|--:|---|---|--:|--:|"]
    for row in found["lines"]:
        turned = "mirrored" if row["mirrored"] else f"{row['angle']}°" if row["angle"] else ""
        lines.append(
            f"| {row['height']} | {row['contrast']} | {turned} | {row['language']} | "
            f"{100 * row['read'] / row['lines']:.0f} % | {row['cpu_ms']:.0f} |"
        )
    head = [f"- {name}: {value}" for name, value in found.items() if name != "lines"]
    return "\n".join([*head, "", *lines, ""])


def nudity_table(found: dict[str, Any]) -> str:
    names = list(next(iter(found["benign"].values())))
    lines = [f"| harmless pictures | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for name, row in found["benign"].items():
        lines.append(f"| {name} | {' | '.join(str(row[key]) for key in names)} |")
    head = [f"- scores of the default policy: {found['bands']}", f"- CPU ms: {found['cpu_ms']}"]
    return "\n".join([*head, "", *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, action="append", default=[])
    parser.add_argument(
        "--chinese", type=Path, action="append", default=[], help="font file with Chinese signs"
    )
    parser.add_argument("--lines", type=int, default=12, help="lines drawn for each style")
    parser.add_argument("--drawn", type=int, default=96, help="pictures of the builtin generator")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    groups: dict[str, Sequence[Picture]] = {
        f"folder {folder.name}": [_small(picture) for _, picture in folder_pictures([folder])]
        for folder in options.images
    }
    groups["packaged photographs"] = [_small(picture) for _, picture in packaged_pictures()]
    groups["builtin generator"] = [draw(SCENES[n % len(SCENES)], n, 384, 384) for n in range(options.drawn)]
    photographs = [
        picture for name, group in groups.items() if name != "builtin generator" for picture in group
    ]
    drawn = [draw(SCENES[n % len(SCENES)], n, SIDE, SIDE) for n in range(min(8, options.drawn))]
    text = measure_text([*photographs, *drawn], options.chinese, options.lines)
    nudity = measure_nudity(groups)
    tables = {"text": (text_table(text), text), "nudity": (nudity_table(nudity), nudity)}
    for name, (table, found) in tables.items():
        print(f"## {name}\n\n{table}")
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            (options.out / f"{name}.md").write_text(table, encoding="utf-8")
            (options.out / f"{name}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")


def _small(picture: Picture) -> Picture:
    factor = SIDE / max(picture.shape[:2])
    if factor >= 1:
        return picture
    size = tuple(max(1, round(length * factor)) for length in picture.shape[1::-1])
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


if __name__ == "__main__":
    main()

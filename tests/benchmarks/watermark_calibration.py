"""Is the p-value honest? Searches of unmarked pictures under random keys, and of marked ones under wrong keys.

    make calibrate-watermark                                          # 500 searches of drawn pictures
    make calibrate-watermark ARGS="--images DIR --searches 5000 --out DIR --processes 2"

Every search has a key of its own and a picture of its own: drawn (twelve kinds) or a crop from the folder, as it is,
resized, compressed, turned or mirrored. One search in six is of a picture marked under another key. The outcomes are
appended to OUT/searches.jsonl one by one, so that an interrupted run goes on where it stopped; the table and the plot
are made from the whole file. An honest p-value is at most p in a share of at most p of the searches.
"""

import argparse
import io
import json
import sys
from collections.abc import Iterator
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import beta

import watermark
from tests.benchmarks.watermark.covers import KINDS, draw
from watermark.significance import POSSIBLE, PRESENT

Picture = NDArray[np.uint8]
SIDES_PX = (128, 320)
LARGE_SIDES_PX = (512, 1024)
LARGE_EVERY = 40
"""Most pictures are small, because a search of one takes a third of a second; one in 40 is large."""

WRONG_KEY_EVERY = 6
LEVELS = (0.5, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 1e-4, 1e-5, 1e-6)


def search(number: int, folder: Path | None, effort: str) -> dict[str, Any]:
    """Do search `number`; everything random hangs on it alone."""
    rng = np.random.default_rng([number, 4])
    kind, picture = _picture(number, folder, rng)
    wrong_key = number % WRONG_KEY_EVERY == 0
    if wrong_key:
        picture = watermark.embed(picture, rng.bytes(8), key=rng.bytes(32))
    change, picture = _changed(picture, rng)
    found = watermark.detect(picture, key=rng.bytes(32), effort=effort)
    return {
        "number": number,
        "kind": kind,
        "change": change,
        "height": picture.shape[0],
        "width": picture.shape[1],
        "wrong_key": wrong_key,
        "effort": effort,
        "p_value": found.p_value,
        "status": found.status,
        "payload": found.payload.hex() if found.payload else None,
    }


def _picture(number: int, folder: Path | None, rng: np.random.Generator) -> tuple[str, Picture]:
    """Crop a file of the folder (two of three times, if there is one), or draw a picture."""
    least, most = LARGE_SIDES_PX if number % LARGE_EVERY == 1 else SIDES_PX
    height, width = (int(side) for side in rng.integers(least, most + 1, 2))
    files = _files(folder) if folder else []
    if not files or number % 3 == 0:
        kind = sorted(KINDS)[int(rng.integers(len(KINDS)))]
        return kind, draw(kind, number, height, width)
    file = files[int(rng.integers(len(files)))]
    picture = _decoded(file)
    height, width = min(height, picture.shape[0]), min(width, picture.shape[1])
    y, x = int(rng.integers(picture.shape[0] - height + 1)), int(rng.integers(picture.shape[1] - width + 1))
    return file.name, np.ascontiguousarray(picture[y : y + height, x : x + width])


@lru_cache(maxsize=1)
def _files(folder: Path) -> list[Path]:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    return [p for p in found if min(Image.open(p).size) >= SIDES_PX[0]]


@lru_cache(maxsize=64)
def _decoded(file: Path) -> Picture:
    return np.array(Image.open(file).convert("RGB"))


def _changed(picture: Picture, rng: np.random.Generator) -> tuple[str, Picture]:
    """What pictures go through before they are asked about."""
    choice = int(rng.integers(5))
    if choice == 1:
        quality = int(rng.integers(20, 96))
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality)
        return f"JPEG {quality}", np.array(Image.open(file).convert("RGB"))
    if choice == 2:
        factor = float(rng.uniform(0.6, 1.5))
        size = tuple(max(72, round(side * factor)) for side in picture.shape[1::-1])
        return f"resized {factor:.2f}", cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if choice == 3:
        return "mirrored", np.ascontiguousarray(picture[:, ::-1])
    if choice == 4:
        return "turned", np.ascontiguousarray(np.rot90(picture))
    return "none", picture


def table(rows: list[dict[str, Any]]) -> str:
    """Nominal against observed, with 95 % confidence intervals (Clopper and Pearson, Biometrika 26, 1934)."""
    lines = ["| p <= | unmarked: observed | 95 % interval | wrong key: observed |", "|--:|--:|--:|--:|"]
    clean = np.array([row["p_value"] for row in rows if not row["wrong_key"]])
    wrong = np.array([row["p_value"] for row in rows if row["wrong_key"]])
    for level in LEVELS:
        hits = int((clean <= level).sum())
        low, high = interval(hits, len(clean))
        lines.append(
            f"| {level:g} | {hits} of {len(clean)} ({hits / max(1, len(clean)):.3%}) | {low:.3%} to {high:.3%} "
            f"| {int((wrong <= level).sum())} of {len(wrong)} |"
        )
    detected = sum(row["status"] == "detected" for row in rows)
    payloads = sum(row["payload"] is not None for row in rows)
    smallest = min(rows, key=lambda row: row["p_value"])
    possible = sum(row["status"] == "possible" for row in rows)
    lines.append(
        f"\n{len(rows)} searches: {detected} detected at p <= {PRESENT:g} or by a message, {possible} possible at "
        f"p <= {POSSIBLE:g}, {payloads} messages read. Smallest p-value {smallest['p_value']:.1e} ({smallest['kind']}, "
        f"{smallest['width']} x {smallest['height']}, {smallest['change']}). Upper 95 % bound on the rate of false "
        f"alarms: {interval(detected, len(rows))[1]:.2e}."
    )
    return "\n".join(lines) + "\n"


def interval(hits: int, total: int) -> tuple[float, float]:
    """95 % confidence interval of a share."""
    if total == 0:
        return 0.0, 1.0
    low = 0.0 if hits == 0 else float(beta.ppf(0.025, hits, total - hits + 1))
    high = 1.0 if hits == total else float(beta.ppf(0.975, hits + 1, total - hits))
    return low, high


def too_small(rows: list[dict[str, Any]]) -> list[float]:
    """Levels at which p-values are too small beyond doubt: even the interval's lower end lies above the level."""
    values = np.array([row["p_value"] for row in rows])
    return [level for level in LEVELS if interval(int((values <= level).sum()), len(values))[0] > level]


def plot(rows: list[dict[str, Any]], file: Path) -> None:
    """Draw observed share against p-value, on logarithmic axes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5.2, 4.4))
    least = 0.5 / len(rows)
    for wrong_key, label in ((False, "unmarked"), (True, "marked, wrong key")):
        values = np.sort([row["p_value"] for row in rows if row["wrong_key"] == wrong_key])
        if len(values):
            axes.step(values, np.arange(1, len(values) + 1) / len(values), where="post", label=label)
    axes.plot([least, 1], [least, 1], "k--", linewidth=0.8, label="exact; above it: p-values too small")
    axes.set(xscale="log", yscale="log", xlim=(least / 10, 1), ylim=(least, 1.1))
    axes.set(xlabel="p-value of the whole search", ylabel="share of searches at or below")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _work(task: tuple[int, Path | None, str]) -> dict[str, Any]:
    cv2.setNumThreads(1)
    return search(*task)


def outcomes(tasks: list[tuple[int, Path | None, str]], processes: int) -> Iterator[dict[str, Any]]:
    """Run searches here, or in processes of their own."""
    if processes <= 1:
        yield from map(_work, tasks)
        return
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(_work, tasks, chunksize=4)


def main() -> int:
    """Search, then write the table and the plot; status 1 when the p-value is too small somewhere."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, help="folder of unmarked pictures")
    parser.add_argument("--searches", type=int, default=500)
    parser.add_argument("--effort", default="normal")
    parser.add_argument("--out", type=Path, default=Path("out/calibration"))
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    file = options.out / "searches.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    done = {row["number"] for row in rows}
    tasks = [(i, options.images, options.effort) for i in range(options.searches) if i not in done]
    with file.open("a") as log:
        for row in outcomes(tasks, options.processes):
            rows.append(row)
            log.write(json.dumps(row) + "\n")
            log.flush()
            print(f"{len(rows)} of {options.searches} searches", end="\r", file=sys.stderr, flush=True)
    text = table(rows)
    (options.out / "calibration.md").write_text(text)
    plot(rows, options.out / "calibration.png")
    print(text)
    levels = too_small(rows)
    if levels:
        print(
            f"p-values are too small at {', '.join(f'{level:g}' for level in levels)}: raise NORMALS_PER_TEST"
        )
    return 1 if levels else 0


if __name__ == "__main__":
    sys.exit(main())

"""Quality, robustness, false alarms and cost of the invisible watermark, with its peers, in one run.

    make bench-watermark                                              # drawn pictures, everything: two hours
    make bench-watermark ARGS="--quick"                               # fewer of both: a few minutes
    make bench-watermark ARGS="--images DIR --out out/mine"           # pictures of yours instead
    make bench-watermark-peers                                        # once, for the methods of others

Writes OUT/watermark.md, OUT/watermark.json and four SVG plots. Everything is seeded by names.
"""

import argparse
import json
import math
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from tests.benchmarks.watermark import false_alarms, plots, report, timing
from tests.benchmarks.watermark.covers import KINDS, Cover, drawn_covers
from tests.benchmarks.watermark.methods import ours, peers
from tests.benchmarks.watermark.recovery import Run, measure, sweep
from tests.benchmarks.watermark.suite import Entry, left_out, suite

SIZES = [(768, 1024), (512, 640), (1024, 1024), (256, 320), (1536, 2048)]
QUICK_SIZES = [(512, 512)]
QUICK_KINDS = ["sky", "portrait", "texture", "landscape", "illustration", "weave"]
STRENGTHS = (0.5, 0.7, 1.0, 1.4)
READ = {".png", ".jpg", ".jpeg", ".webp", ".avif", ".bmp", ".tif", ".tiff"}


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        entries: distortions for our mark; peer_entries: for the peers, and for the sweep over strengths.
        swept: covers of the sweeps; peer_minutes: each peer begins no picture after these.

    """

    entries: list[Entry]
    peer_entries: list[Entry]
    swept: int
    unmarked: int
    repeats: int
    sides: list[int]
    minutes: float
    peer_minutes: float


def plan_for(options: argparse.Namespace) -> Plan:
    """Choose between the short and the full run."""
    full = suite()
    short = [entry for entry in full if entry.quick]
    minutes = options.minutes or math.inf
    if options.quick:
        return Plan(short, short[::2], 2, options.unmarked or 24, 1, [256, 512, 1024], minutes, 0.5)
    return Plan(
        full,
        short,
        6,
        options.unmarked or 120,
        2,
        [256, 512, 1024, 2048, 4096],
        minutes,
        options.peer_minutes,
    )


def covers_for(options: argparse.Namespace) -> list[Cover]:
    """Pictures of a folder, or drawn ones of every kind and size."""
    if options.images is None:
        if options.quick:
            return list(drawn_covers(QUICK_SIZES, QUICK_KINDS, options.seed))
        return list(drawn_covers(SIZES, list(KINDS), options.seed))
    files = sorted(p for p in options.images.rglob("*") if p.suffix.lower() in READ)
    if not files:
        raise SystemExit(
            f"--images: {options.images} has no pictures, expected files of {', '.join(sorted(READ))}"
        )
    pictures = [np.array(Image.open(p).convert("RGB")) for p in files]
    return [
        Cover(p.name, p.parent.name, image)
        for p, image in zip(files, pictures, strict=True)
        if min(image.shape[:2]) >= 128
    ]


def strengths_of(covers: Sequence[Cover], entries: Sequence[Entry], say: Any) -> list[dict[str, float]]:
    """PSNR and recovery over the short suite at several strengths."""
    points = []
    for strength in STRENGTHS:
        run = measure(
            ours(strength), covers, entries, progress=lambda line, s=strength: say(f"strength {s}: {line}")
        )
        exact = report.outcomes_of(run, [e.name for e in entries])
        psnr_db = statistics.mean(p.quality.psnr_db for p in run.pictures)
        points.append(
            {"strength": strength, "psnr_db": psnr_db, "recovered": exact.count("exact") / len(exact)}
        )
    return points


def measure_all(covers: list[Cover], plan: Plan, say: Any) -> tuple[dict[str, Any], Run, list[Run]]:
    """Run every part; what takes longest comes last."""
    results: dict[str, Any] = {"left_out": left_out()}
    results["multiples"] = timing.multiples(plan.repeats)
    results["by_size"] = timing.by_size(plan.sides)
    results["footprints"] = timing.footprints()
    say("timing done")
    run = measure(ours(), covers, plan.entries, progress=say, most_seconds=60 * plan.minutes)
    done = covers[: len(run.pictures)]
    swept = done[:: max(1, len(done) // plan.swept)][: plan.swept]
    results["sweeps"] = sweep(ours(), swept, say)
    results["strengths"] = strengths_of(swept[: max(1, plan.swept // 2)], plan.peer_entries, say)
    results["unmarked"] = false_alarms.search_unmarked(done, plan.unmarked, min(12, len(done)), say)
    methods, results["absent"] = peers()
    smallest_first = sorted(done, key=lambda c: c.image.size)
    affordable = [c for c in smallest_first if min(c.image.shape[:2]) >= 480] or smallest_first
    peer_runs = [
        measure(m, affordable, plan.peer_entries, progress=say, most_seconds=60 * plan.peer_minutes)
        for m in methods
    ]
    results["runs"] = [r.as_json() for r in (run, *peer_runs)]
    return results, run, peer_runs


def write(results: dict[str, Any], run: Run, peer_runs: list[Run], plan: Plan, out: Path) -> str:
    """Write tables, JSON and plots; return the tables."""
    out.mkdir(parents=True, exist_ok=True)
    text = report.markdown(results, run, plan.entries, peer_runs)
    (out / "watermark.md").write_text(text)
    (out / "watermark.json").write_text(json.dumps(results, indent=1))
    points = []
    for peer in (p for p in peer_runs if p.pictures):
        outcomes = report.outcomes_of(peer, [e.name for e in plan.peer_entries])
        mean = statistics.mean(p.quality.psnr_db for p in peer.pictures)
        points.append((peer.method, mean, outcomes.count("exact") / len(outcomes)))
    plots.recovery_against_psnr(results["strengths"], points, out / "recovery-psnr.svg")
    plots.recovery_against_strength(results["sweeps"], out / "recovery-strength.svg")
    plots.tail(results["unmarked"]["p_values"], out / "p-values.svg")
    plots.time_against_size(results["by_size"], out / "time-size.svg")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write, print the tables; 1 if a wrong message was ever returned or an unmarked picture called marked."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.watermark",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--images", type=Path, help="folder of pictures, searched with its subfolders")
    parser.add_argument("--quick", action="store_true", help="fewer pictures and distortions")
    parser.add_argument(
        "--out", type=Path, default=Path("out/bench-watermark"), help="folder for the results"
    )
    parser.add_argument(
        "--document", type=Path, help="text whose tables and plots (pictures/*.svg beside it) are renewed"
    )
    parser.add_argument("--minutes", type=float, help="begin no picture of the main table after so many")
    parser.add_argument("--peer-minutes", type=float, default=6, help="the same for each peer")
    parser.add_argument("--unmarked", type=int, help="unmarked pictures to search")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn pictures")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    begun = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begun:5.0f} s] {line}", file=sys.stderr, flush=True)

    plan = plan_for(options)
    results, run, peer_runs = measure_all(covers_for(options), plan, say)
    text = write(results, run, peer_runs, plan, options.out)
    print(text)
    print(f"written to {options.out}")
    if options.document:
        report.into_document(text, options.document)
        for plot in options.out.glob("*.svg"):
            shutil.copy(plot, options.document.parent / "pictures" / plot.name)
    wrong = report.outcomes_of(run, [e.name for e in plan.entries]).count("wrong")
    return int(bool(wrong or results["unmarked"]["alarms"]))


if __name__ == "__main__":
    raise SystemExit(main())

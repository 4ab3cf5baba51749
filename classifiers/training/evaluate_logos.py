"""Measure the logo classifier: recall by size, look and damage, false alarms on pictures without marks, CPU time.

    python -m classifiers.training.evaluate_logos --icons DIR --backgrounds DIR --out DIR [--each 3] [--unseen]

`--backgrounds` holds pictures without marks that were neither trained nor calibrated on. Scenes show the shipped
brands, none of which was trained on. `--unseen` measures the brand folder instead: 100 other marks of `--icons` are
dropped into one, and only they are shown. Writes evaluation.json and evaluation.md.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from classifiers.image_logos import NAMED_FROM, LogoClassifier, create_image
from classifiers.training.logo_calibration import on_mark
from classifiers.training.logo_data import (
    load_backgrounds,
    load_icons,
    rehearsal_icons,
    shipped_brands,
    split_icons,
)
from classifiers.training.logo_scenes import STYLES, Picture, Placed
from classifiers.training.logo_trials import SIDE, Trial, crop_picture, draw_empty, draw_trials

_TIMED: Final = 15


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the classifier made of one scene.

    Attributes:
        placed, ground: see `Trial`.
        score: of the picture.
        named: whether the best finding names the right brand.
        found: whether any spot points at the mark, whatever it was taken for.

    """

    placed: Placed
    ground: str
    score: float
    named: bool
    found: bool


_GROUPS: Final[tuple[tuple[str, Callable[[Outcome], bool]], ...]] = (
    ("all", lambda _: True),
    *(
        (
            f"side {low} to {high} %",
            lambda one, low=low, high=high: low <= 100 * one.placed.side / SIDE < high,
        )
        for low, high in ((4, 6), (6, 8), (8, 12), (12, 20), (20, 35), (35, 75))
    ),
    *((f"look: {style}", lambda one, style=style: one.placed.style == style) for style in STYLES),
    ("ground: photo", lambda one: one.ground == "photo"),
    ("ground: plain", lambda one: one.ground == "plain"),
    ("hidden 0 to 10 %", lambda one: one.placed.hidden < 0.1),
    ("hidden 10 to 30 %", lambda one: 0.1 <= one.placed.hidden < 0.3),
    ("hidden over 30 %", lambda one: one.placed.hidden >= 0.3),
    ("turned over 12 degrees", lambda one: abs(one.placed.turned) > 12),
)


def try_scenes(classifier: LogoClassifier, trials: Sequence[Trial], titles: dict[str, str]) -> list[Outcome]:
    """Score scenes; `titles` gives the title of each slug."""
    outcomes = []
    for trial in trials:
        findings = classifier.look(trial.picture)
        outcomes.append(
            Outcome(
                trial.placed,
                trial.ground,
                findings[0].score,
                findings[0].brand == titles[trial.icon.slug],
                any(on_mark(one.x * SIDE, one.y * SIDE, one.side * SIDE, trial.placed) for one in findings),
            )
        )
    return outcomes


def tabulate(outcomes: Sequence[Outcome], empty: Sequence[float]) -> dict[str, Any]:
    """Give recall by group and the rates on pictures without marks, at the score `NAMED_FROM`."""
    at_one = float(np.quantile(empty, 0.99))
    rows = []
    for name, belongs in _GROUPS:
        group = [one for one in outcomes if belongs(one)]
        if group:
            rows.append(
                {
                    "group": name,
                    "scenes": len(group),
                    "pointed_at": _share([one.found for one in group]),
                    "recall": _share([one.score >= NAMED_FROM for one in group]),
                    "named_right": _share([one.score >= NAMED_FROM and one.named for one in group]),
                    "recall_at_1_percent": _share([one.score > at_one for one in group]),
                }
            )
    alarms = _share([score >= NAMED_FROM for score in empty])
    return {"groups": rows, "empty": len(empty), "false_positives": alarms, "score_at_1_percent": at_one}


def cpu_ms(classifier: LogoClassifier, pictures: Sequence[Picture]) -> float:
    """Give the median CPU milliseconds of one picture, `time.process_time` around `score`."""
    spent = []
    for picture in pictures:
        began = time.process_time()
        classifier.score(picture)
        spent.append(1000 * (time.process_time() - began))
    return statistics.median(spent[1:])


def render(result: dict[str, Any]) -> str:
    """Give the result as Markdown."""
    summary = (
        f"{result['brands']} looked for. Of {result['empty']} pictures without a mark "
        f"{100 * result['false_positives']:.2f} % reach .5. {result['cpu_ms']:.0f} ms CPU at 512 x 512, one thread."
    )
    head = "| scenes | n | pointed at | recall | and named right | recall if 1 % of these empty pictures are flagged |"
    lines = [summary, "", head, "|---|--:|--:|--:|--:|--:|"]
    lines += [
        f"| {row['group']} | {row['scenes']} | "
        + " | ".join(
            f"{100 * row[key]:.1f} %"
            for key in ("pointed_at", "recall", "named_right", "recall_at_1_percent")
        )
        + " |"
        for row in result["groups"]
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--each", type=int, default=3, help="scenes of every mark, pieces of every background"
    )
    parser.add_argument("--unseen", action="store_true")
    parser.add_argument("--model-dir", type=Path, default=None)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(options.seed)
    icons = load_icons(options.icons)
    titles = {row["slug"]: row["title"] for row in shipped_brands()}
    known, shown = split_icons(icons, set(titles))
    pictures = load_backgrounds(options.backgrounds)
    with tempfile.TemporaryDirectory() as folder:
        if options.unseen:
            shown = rehearsal_icons(known)[0][:100]
            for icon in shown:
                svg = options.icons / "icons" / f"{icon.slug}.svg"
                (Path(folder) / svg.name).write_bytes(svg.read_bytes())
            titles |= {icon.slug: icon.slug for icon in shown}
        classifier = create_image(folder, options.model_dir)
        outcomes = try_scenes(classifier, list(draw_trials(rng, shown, pictures, options.each)), titles)
        empty = [
            max((one.score for one in classifier.look(picture)), default=0.0)
            for picture in draw_empty(rng, pictures, 2 * options.each)
        ]
        timed = [crop_picture(rng, pictures[row % len(pictures)]) for row in range(_TIMED)]
        result = tabulate(outcomes, empty) | {
            "cpu_ms": cpu_ms(classifier, timed),
            "brands": classifier.model,
        }
    (options.out / "evaluation.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.out / "evaluation.md").write_text(render(result), encoding="utf-8")
    print(render(result))  # noqa: T201


def _share(flags: Sequence[bool]) -> float:
    return sum(flags) / max(1, len(flags))


if __name__ == "__main__":
    main()

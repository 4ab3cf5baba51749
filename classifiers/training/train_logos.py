"""Train the finder and the describer of brand marks on scenes drawn on the fly.

    python -m classifiers.training.train_logos --icons DIR --backgrounds DIR --calibrate DIR --out DIR

`--icons` is an unpacked npm package simple-icons; `--backgrounds` and `--calibrate` are folders of different pictures
without marks. One core, about half an hour. The shipped brands and their lookalikes are never trained on.
"""

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from classifiers.errors import TrainingDataInvalid
from classifiers.image_logos import Calibration, LogoClassifier, describe_brands, load_network
from classifiers.logo_finder import (
    build_pyramid,
    cut_spot,
    describer_input,
    find_spots,
    finder_input,
    render_views,
)
from classifiers.training.logo_calibration import calibrate
from classifiers.training.logo_data import (
    alike,
    load_backgrounds,
    load_icons,
    make_batch,
    make_pieces,
    rehearsal_icons,
    shipped_brands,
    split_icons,
)
from classifiers.training.logo_export import describer_example, export_float, finder_example, quantise
from classifiers.training.logo_network import VECTOR, Describer, Finder, Likeness, describer_loss, finder_loss
from classifiers.training.logo_scenes import Icon, Picture, background, weather
from classifiers.training.logo_trials import Trial, draw_empty, draw_trials

FINDER_STEPS: Final = 700
SCENES: Final = 64
DESCRIBER_STEPS: Final = 1600
MARKS: Final = 96
"""Marks of one step of the describer."""
RATE: Final = 2e-3
MISTAKES: Final = 4000
COHORT: Final = 400
GATE: Final = 0.01
"""Recall that int8 may cost."""
_BANK_EVERY: Final = 100
"""Steps after which the renderings of all training marks are described anew: stale ones mislead."""


def train_finder(
    icons: list[Icon],
    pictures: list[Picture],
    *,
    steps: int = FINDER_STEPS,
    scenes: int = SCENES,
    seed: int = 1,
) -> tuple[Finder, list[float]]:
    """Train a finder on scenes of `icons` over `pictures`: it and the loss of every step."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    finder = Finder().train()
    optimizer, schedule = _optimizer(list(finder.parameters()), steps)
    losses = []
    for _ in range(steps):
        batch = make_batch(rng, icons, pictures, scenes)
        with torch.autocast("cpu", torch.bfloat16):
            out = finder(_images(batch.scenes))
        loss = finder_loss(
            out, torch.from_numpy(batch.heat), torch.from_numpy(batch.weight), torch.from_numpy(batch.boxes)
        )
        _step(loss, optimizer, schedule)
        losses.append(float(loss.detach()))
        _report("finder", losses, steps)
    return finder.eval(), losses


def find_mistakes(
    rng: np.random.Generator, finder: Finder, pictures: list[Picture], count: int
) -> NDArray[np.uint8]:
    """Cut out `count` pieces, uint8 (count, PIECE, PIECE, 3), at which the finder points in pictures without marks."""
    finder.eval()

    def run(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            out: NDArray[np.float32] = finder(torch.from_numpy(batch)).float().numpy()
        return out

    pieces: list[NDArray[np.uint8]] = []
    while len(pieces) < count:
        levels = build_pyramid(weather(rng, background(rng, pictures, 384)))
        pieces.extend(cut_spot(levels, spot) for spot in find_spots(levels, run))
    return np.stack(pieces[:count])


def train_describer(
    icons: list[Icon],
    pictures: list[Picture],
    mistakes: NDArray[np.uint8],
    *,
    steps: int = DESCRIBER_STEPS,
    marks: int = MARKS,
    seed: int = 1,
    describer: Describer | None = None,
) -> tuple[Describer, list[float]]:
    """Train a describer, or train `describer` on: it and the loss of every step.

    Args:
        icons: marks to learn from.
        pictures: what to put them on.
        mistakes: pieces without a mark that the finder points at, uint8 (M, PIECE, PIECE, 3).
        steps: batches.
        marks: marks of one batch.
        seed: decides the scenes and the first weights.
        describer: what to start from; fresh weights when None.

    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    describer = (describer or Describer()).train()
    likeness = Likeness()
    optimizer, schedule = _optimizer([*describer.parameters(), *likeness.parameters()], steps)
    views = np.stack([render_views(icon.shape) for icon in icons])
    same = torch.from_numpy(alike(icons))
    bank = torch.zeros(0, VECTOR)
    members = torch.zeros(0, dtype=torch.long)
    marks = min(marks, len(icons))
    losses = []
    for step in range(steps):
        if step and step % _BANK_EVERY == 0:
            bank = _describe(describer, views[:, step // _BANK_EVERY % 2])
            members = torch.arange(len(icons))
        chosen = rng.choice(len(icons), marks, replace=False)
        seen, decoys = make_pieces(rng, icons, pictures, chosen)
        nothing = np.concatenate((decoys, mistakes[rng.integers(0, len(mistakes), marks // 2)]))
        clean = views[chosen, rng.integers(0, 2, marks)]
        with torch.autocast("cpu", torch.bfloat16):
            vectors = describer(_pieces(np.concatenate((seen, clean, nothing))))
        rows = torch.from_numpy(chosen)
        distinct = ~same[rows][:, torch.cat((rows, members))]
        loss = describer_loss(
            vectors[:marks], vectors[marks : 2 * marks], vectors[2 * marks :], bank, distinct, likeness
        )
        _step(loss, optimizer, schedule)
        losses.append(float(loss.detach()))
        _report("describer", losses, steps)
    return describer.eval(), losses


def _describe(describer: Describer, pieces: NDArray[np.uint8]) -> Tensor:
    """Give the vectors of `pieces`, without training."""
    describer.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        vectors = [describer(_pieces(part)) for part in np.array_split(pieces, 1 + len(pieces) // 256)]
    describer.train()
    return torch.cat(vectors)


def _optimizer(
    parameters: list[torch.nn.Parameter], steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW with a short warm-up and a cosine down to a hundredth."""
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.02)
    warm = max(1, steps // 20)

    def rate(step: int) -> float:
        return min((step + 1) / warm, 0.01 + 0.495 * (1 + math.cos(math.pi * min(1.0, step / steps))))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def _step(
    loss: Tensor, optimizer: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], 5.0)
    optimizer.step()
    schedule.step()


def _report(name: str, losses: list[float], steps: int) -> None:
    if len(losses) % 50 == 0:
        print(f"{name} {len(losses)}/{steps}: {np.mean(losses[-50:]):.3f}", flush=True)  # noqa: T201


def _images(scenes: NDArray[np.uint8]) -> Tensor:
    batch = torch.from_numpy(scenes).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
    return batch.contiguous(memory_format=torch.channels_last)


def _pieces(pieces: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(describer_input(pieces)).contiguous(memory_format=torch.channels_last)


def write_model(
    finder: Finder,
    describer: Describer,
    icons: Sequence[Icon],
    rehearsal: list[Icon],
    mistakes: NDArray[np.uint8],
    trials: Sequence[Trial],
    empty: Sequence[Picture],
    out: Path,
) -> dict[str, Any]:
    """Quantise, describe the shipped brands, calibrate, gate and write the model: what training.json says of it.

    Args:
        finder: trained.
        describer: trained.
        icons: all marks, the shipped brands among them.
        rehearsal: marks that `trials` show, unseen in training.
        mistakes: pieces without a mark; an evenly taken part becomes the cohort.
        trials: scenes of `rehearsal`.
        empty: pictures without marks, unseen in training.
        out: folder for finder.onnx, describer.onnx and brands.npz.

    Raises:
        TrainingDataInvalid: a shipped brand is not among `icons`.

    """
    by_slug = {icon.slug: icon for icon in icons}
    brands = shipped_brands()
    missing = [row["slug"] for row in brands if row["slug"] not in by_slug]
    if missing:
        raise TrainingDataInvalid(
            f"icons: got none for {', '.join(missing)}, expected all of brands.toml; take simple-icons as it says"
        )
    samples = [trial.picture for trial in trials[:: max(1, len(trials) // 40)]]
    models = {
        "float": (
            export_float(finder, finder_example(), any_size=True),
            export_float(describer, describer_example(), any_size=False),
        )
    }
    models["int8"] = (
        quantise(
            models["float"][0], (finder_input(level) for one in samples for level in build_pyramid(one)[:2])
        ),
        quantise(
            models["float"][1],
            (describer_input(part) for part in np.array_split(mistakes[:: max(1, len(mistakes) // 300)], 10)),
        ),
    )
    told: dict[str, Any] = {}
    slugs = {icon.slug: icon.shape for icon in rehearsal}
    shipped = {row["title"]: by_slug[row["slug"]].shape for row in brands}
    for kind, (found, described) in models.items():
        run_finder, run_describer = load_network(found), load_network(described)
        cohort = run_describer(describer_input(mistakes[:: max(1, len(mistakes) // COHORT)]))
        # As many brands as are shipped are looked for while the offset is chosen: more brands, more chances to err.
        looked_for = describe_brands(slugs | shipped, run_describer)
        rough = LogoClassifier(run_finder, run_describer, looked_for, Calibration(1.0, 1.0, 0.0, cohort))
        weights, recall = calibrate(rough, list(looked_for.titles), trials, empty)
        told[kind] = {"recall": recall, **asdict(weights)}
        vectors = describe_brands(shipped, run_describer).vectors
    meta = {"titles": list(shipped), **asdict(weights)}
    np.savez_compressed(
        out / "brands.npz",
        vectors=vectors.astype(np.float16),
        cohort=cohort.astype(np.float16),
        meta=np.frombuffer(json.dumps(meta).encode(), np.uint8),
    )
    for name, model in zip(("finder.onnx", "describer.onnx"), models["int8"], strict=True):
        (out / name).write_bytes(model)
    lost = told["float"]["recall"] - told["int8"]["recall"]
    if lost > GATE:
        raise TrainingDataInvalid(
            f"int8 model: got a recall {lost:.3f} below float32's, expected at most {GATE}; train longer"
        )
    return told


def main() -> None:
    """Train, export, calibrate and report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--icons", type=Path, required=True)
    parser.add_argument("--backgrounds", type=Path, required=True)
    parser.add_argument("--calibrate", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    icons = load_icons(options.icons)
    known, _ = split_icons(icons, {row["slug"] for row in shipped_brands()})
    rehearsal, known = rehearsal_icons(known)
    pictures = load_backgrounds(options.backgrounds)
    rng = np.random.default_rng(options.seed + 1000)
    finder, finder_losses = train_finder(known, pictures, seed=options.seed)
    mistakes = find_mistakes(rng, finder, pictures, MISTAKES)
    describer, describer_losses = train_describer(known, pictures, mistakes, seed=options.seed)
    others = load_backgrounds(options.calibrate)
    told = write_model(
        finder,
        describer,
        icons,
        rehearsal[100:],  # the first 100 are what evaluate_logos --unseen shows
        mistakes,
        list(draw_trials(rng, rehearsal[100:], others, 6)),
        list(draw_empty(rng, others, 8)),
        options.out,
    )
    told |= {
        "marks": len(known),
        "backgrounds": len(pictures),
        "seed": options.seed,
        "finder_loss": finder_losses[::25],
        "describer_loss": describer_losses[::25],
    }
    (options.out / "training.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

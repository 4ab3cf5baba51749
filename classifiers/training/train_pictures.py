"""Train an image classifier on your own labelled folders.

    python -m classifiers.training.train_pictures --data DIR --out DIR

Steps: read the folders and split them (`picture_folders`); train or fine-tune a ResNet, privately where `--epsilon` is
given (`picture_training`); export it to ONNX, quantise it to int8, and keep that only where it is as right on the
validation pictures as the network itself (`picture_export`); fit the temperature; write `model.onnx`, `model.json`,
`mapping.toml`, `figures.json` and `card.md`, which `image_resnet` serves.
"""

import argparse
import hashlib
import json
import logging
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from classifiers.errors import ClassifierError, TrainingDataInvalid
from classifiers.picture_input import network_input, squash
from classifiers.scores import CATEGORIES
from classifiers.training import picture_export as onnx_model
from classifiers.training.picture_folders import load_squares, read_layout
from classifiers.training.picture_network import SIZES, build_network, normalisation
from classifiers.training.picture_report import card, fit_temperature, measure
from classifiers.training.picture_training import CLIP, Recipe, fit

_LOG = logging.getLogger("classifiers.training.train_pictures")

HARMLESS: Final = frozenset({"safe", "neutral", "benign", "harmless", "normal", "other", "none"})
"""Class names that feed no category without being told."""
_MARGIN: Final = 1.25
"""Training pictures are kept a quarter larger than the network reads, so that a crop loses no detail."""


def mapping_of(classes: Sequence[str], told: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Give the categories that each class feeds: as told, or by its name ("safe"; "violence_graphic").

    Raises:
        TrainingDataInvalid: a class that is neither told nor called like a category, or a name that does not exist.

    """
    by_letters = {_letters(category): category for category in CATEGORIES}
    if not set(told) <= set(classes):
        raise TrainingDataInvalid(
            f"mapping: got {sorted(set(told) - set(classes))}, expected classes among {', '.join(classes)}"
        )
    feeds: dict[str, tuple[str, ...]] = {}
    for name in classes:
        if name in told:
            feeds[name] = tuple(told[name])
        elif name.lower() in HARMLESS:
            feeds[name] = ()
        elif _letters(name) in by_letters:
            feeds[name] = (by_letters[_letters(name)],)
        else:
            raise TrainingDataInvalid(
                f"class {name!r}: got no category that it feeds; give --feeds {name}=violence (or what it is), or "
                f"--feeds {name}= where it is harmless"
            )
        wrong = set(feeds[name]) - set(CATEGORIES)
        if wrong:
            raise TrainingDataInvalid(
                f"class {name!r}: got categories {sorted(wrong)}, expected names from {', '.join(CATEGORIES)}"
            )
    return feeds


def run(
    data: Path,
    out: Path,
    *,
    size: str = "50",
    base: Path | None = None,
    side: int = 224,
    epochs: int = 30,
    patience: int = 6,
    batch: int = 32,
    rate: float | None = None,
    validation: float = 0.2,
    seed: int = 7,
    feeds: Mapping[str, Sequence[str]] | None = None,
    epsilon: float | None = None,
    delta: float = 1e-5,
) -> dict[str, Any]:
    """Train from the folders in `data`, write the model to `out`, return the figures.

    Args:
        data: folder of pictures; see the module.
        out: folder for the model.
        size: a name in `SIZES`; not used with `base`.
        base: folder of a transformers ResNet checkpoint to start from.
        side: pixels of the square that the network reads.
        epochs: at most.
        patience: see `Recipe`.
        batch: pictures a step.
        rate: highest learning rate; 1e-3 where not given, or 2e-4 with `base`.
        validation: share that validates where the folders do not say.
        seed: of the split and the training.
        feeds: categories by class name, for names that do not say it.
        epsilon: privacy budget, None for ordinary training.
        delta: the other half of the budget.

    Raises:
        TrainingDataInvalid: data or options that cannot be used.
        ClassifierUnavailable: a package of the extra `train` is not installed.

    """
    classes, parts = read_layout(data, validation, seed)
    mapping = mapping_of(classes, feeds or {})
    counted = {
        part: {name: int((files.label == at).sum()) for at, name in enumerate(classes)}
        for part, files in parts.items()
    }
    if epsilon is not None and not (epsilon > 0 and 0 < delta < 1 / len(parts["train"].paths)):
        raise TrainingDataInvalid(
            f"privacy: got epsilon {epsilon}, delta {delta} for {len(parts['train'].paths)} training pictures, "
            "expected epsilon above 0 and delta below 1 / pictures"
        )
    mean, std = normalisation(base)
    recipe = Recipe(
        side, mean, std, epochs, patience, batch, rate or (2e-4 if base else 1e-3), seed, epsilon, delta
    )
    network = build_network(size, classes, base)
    _LOG.info("%s", ", ".join(f"{part}: {sum(count.values())}" for part, count in counted.items()))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as cache:
        squares = {
            part: load_squares(
                files.paths, round(side * _MARGIN) if part == "train" else side, Path(cache) / part
            )
            for part, files in parts.items()
        }
        trained = fit(
            network, (squares["train"], parts["train"].label), (squares["val"], parts["val"].label), recipe
        )
        _LOG.info("exporting to ONNX and quantising")
        fp32 = onnx_model.export(trained.network, side)
        # Private training vouches for the training pictures, so they must not set the ranges of the quantisation.
        seen = squares["val" if epsilon is not None else "train"]
        chosen = np.random.default_rng(seed).permutation(len(seen))[: onnx_model.CALIBRATION_PICTURES]
        int8 = onnx_model.quantise(fp32, [network_input(squash(seen[at], side), mean, std) for at in chosen])
        logits = {
            part: (
                onnx_model.onnx_logits(fp32, squares[part], side, mean, std),
                onnx_model.onnx_logits(int8, squares[part], side, mean, std),
            )
            for part in parts
            if part != "train"
        }
    quality = {
        part: [measure(one, parts[part].label, classes) for one in pair] for part, pair in logits.items()
    }
    kept = onnx_model.within_gate(*(one["accuracy"] for one in quality["val"]))
    served = int8 if kept else fp32
    temperature = fit_temperature(logits["val"][kept], parts["val"].label)
    told = {
        "version": hashlib.sha256(served).hexdigest()[:12],
        "classes": classes,
        "side": side,
        "mean": mean,
        "std": std,
        "temperature": temperature,
    }
    figures: dict[str, Any] = {
        "name": out.name,
        "classes": list(classes),
        "feeds": mapping,
        "pictures": counted,
        "split": _split_told(data, validation),
        "settings": {"network": "base " + base.name if base else f"resnet {size}, from random weights"}
        | {name: value for name, value in asdict(recipe).items() if name not in {"mean", "std"}},
        "best_epoch": trained.best_epoch,
        "epochs": trained.epochs,
        "temperature": temperature,
        "privacy": None
        if trained.epsilon is None
        else {"epsilon": trained.epsilon, "allowed": epsilon, "delta": delta, "clip": CLIP},
        "int8": {
            "kept": kept,
            "fp32": quality["val"][0]["accuracy"],
            "int8": quality["val"][1]["accuracy"],
            "fp32_ms": onnx_model.cpu_ms(fp32, side),
            "int8_ms": onnx_model.cpu_ms(int8, side),
            "fp32_bytes": len(fp32),
            "int8_bytes": len(int8),
        },
        "bytes": len(served),
    } | {part: pair[kept] for part, pair in quality.items()}
    if "test" in quality:
        figures["int8"] |= {
            f"test_{kind}": quality["test"][at]["accuracy"] for at, kind in enumerate(("fp32", "int8"))
        }
    _write(out, served, told, mapping, figures)
    return figures


def _write(
    out: Path,
    model: bytes,
    told: Mapping[str, Any],
    feeds: Mapping[str, Sequence[str]],
    figures: dict[str, Any],
) -> None:
    """Write the files; the card is last, so that a half-written model does not load."""
    (out / "card.md").unlink(missing_ok=True)
    description = (json.dumps(told, indent=1) + "\n").encode()
    figures["sha256"] = {
        "model.onnx": hashlib.sha256(model).hexdigest(),
        "model.json": hashlib.sha256(description).hexdigest(),
    }
    (out / "model.onnx").write_bytes(model)
    (out / "model.json").write_bytes(description)
    lines = ["# Which class feeds which categories; [] for a harmless one. Every class needs a line."]
    lines += [f"{json.dumps(name)} = {json.dumps(list(to))}" for name, to in feeds.items()]
    (out / "mapping.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (out / "card.md").write_text(card(figures), encoding="utf-8")


def _split_told(data: Path, validation: float) -> str:
    if (data / "val").is_dir():
        return "The folders said which pictures validate."
    return (
        f"A seeded split took about {validation:.0%} of each class for validation; pictures that look alike stayed "
        "together."
    )


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _feed(text: str) -> tuple[str, tuple[str, ...]]:
    name, sign, categories = text.partition("=")
    if not sign or not name:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected CLASS=CATEGORY[,CATEGORY]")
    return name, tuple(one.strip() for one in categories.split(",") if one.strip())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; 0 when a model was written, 2 when it could not be."""
    parser = argparse.ArgumentParser(
        prog="python -m classifiers.training.train_pictures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="DIR/<class>/* or DIR/{train,val,test}/<class>/*"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument(
        "--size", choices=SIZES, default="50", help="network, when it starts from random weights"
    )
    parser.add_argument("--base", type=Path, help="folder of a transformers ResNet checkpoint to start from")
    parser.add_argument("--side", type=int, default=224, help="pixels of the square that the network reads")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--patience", type=int, default=6, help="epochs without a better one before it stops")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, help="highest learning rate; 1e-3, or 2e-4 with --base")
    parser.add_argument("--validation", type=float, default=0.2, help="share that validates")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--feeds", type=_feed, action="append", default=[], metavar="CLASS=CATEGORY[,CATEGORY]",
        help="what a class means, where its name does not say it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--epsilon", type=float, help="train with differential privacy, at most this epsilon")
    parser.add_argument("--delta", type=float, default=1e-5)
    chosen = vars(parser.parse_args(arguments))
    chosen["feeds"] = dict(chosen["feeds"])
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for noisy in ("httpx", "onnx_ir", "onnxscript", "torch.onnx"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    try:
        figures = run(**chosen)
    except ClassifierError as error:
        _LOG.error("%s", error)
        return 2
    _LOG.info("wrote %s; validation accuracy %.2f %%", chosen["out"], 100 * figures["val"]["accuracy"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

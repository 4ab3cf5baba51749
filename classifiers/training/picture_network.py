"""Build the image network that `train_pictures` trains: transformers' ResNet.

Owns its sizes, the loading of a checkpoint to start from, and the changes that private training needs. Rules it
keeps: checkpoints come from a folder of this machine, never from the network, and never bring code; without a
checkpoint all weights are random, and whoever wants ImageNet features brings them as one.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import torch

from classifiers.errors import ClassifierUnavailable, TrainingDataInvalid

IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
"""Of the ImageNet training set, as every ResNet checkpoint since torchvision's uses them."""

SIZES: Final[dict[str, dict[str, Any]]] = {
    "small": {
        "layer_type": "basic",
        "depths": [1, 1, 1, 1],
        "embedding_size": 32,
        "hidden_sizes": [32, 64, 128, 256],
    },
    "18": {
        "layer_type": "basic",
        "depths": [2, 2, 2, 2],
        "embedding_size": 64,
        "hidden_sizes": [64, 128, 256, 512],
    },
    "50": {
        "layer_type": "bottleneck",
        "depths": [3, 4, 6, 3],
        "embedding_size": 64,
        "hidden_sizes": [256, 512, 1024, 2048],
    },
}
"""He et al. 2016 (arXiv 1512.03385), table 1, for 18 and 50. "small" is a ResNet-10 of half the width, 1.2 million
weights: enough for a task of shapes, and trained on one core in minutes."""


class Copy(torch.nn.Module):
    """Pass a copy on, so that the addition in place after it leaves the original alone."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Copy `hidden`."""
        return hidden.clone()


def build_network(size: str, classes: Sequence[str], base: Path | None = None) -> torch.nn.Module:
    """Give a ResNet for `classes`, random or from the checkpoint folder `base` (which then sets the size).

    Raises:
        ClassifierUnavailable: transformers is not installed.
        TrainingDataInvalid: no such size, or `base` holds no ResNet checkpoint.

    """
    try:
        from transformers import ResNetConfig, ResNetForImageClassification  # noqa: PLC0415 - optional, slow to load
    except ImportError as error:
        raise ClassifierUnavailable(
            "training: got no transformers, expected it; pip install 'countermark[train]'"
        ) from error
    names = dict(enumerate(classes))
    labels: dict[str, Any] = {"id2label": names, "label2id": {name: at for at, name in names.items()}}
    if base is None:
        if size not in SIZES:
            raise TrainingDataInvalid(f"network size: got {size!r}, expected one of {', '.join(SIZES)}")
        network: torch.nn.Module = ResNetForImageClassification(ResNetConfig(**SIZES[size], **labels))
        return network
    kind = _json(base / "config.json").get("model_type")
    if kind != "resnet":
        raise TrainingDataInvalid(
            f"{base}: got a checkpoint of type {kind!r}, expected 'resnet'; choose another"
        )
    try:
        network = ResNetForImageClassification.from_pretrained(
            base, local_files_only=True, ignore_mismatched_sizes=True, use_safetensors=True, **labels
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingDataInvalid(
            f"{base}: got a checkpoint that cannot be loaded ({error}), expected config.json and model.safetensors"
        ) from error
    return network


def normalisation(base: Path | None) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give (mean, std) for each colour: those of the checkpoint's preprocessor file, ImageNet's without one."""
    file = None if base is None else base / "preprocessor_config.json"
    if file is None or not file.is_file():
        return IMAGENET_MEAN, IMAGENET_STD
    told = _json(file)
    return tuple(told.get("image_mean", IMAGENET_MEAN)), tuple(told.get("image_std", IMAGENET_STD))


def prepare_for_privacy(network: torch.nn.Module) -> torch.nn.Module:
    """Replace what mixes the pictures of a batch, so that each picture has a gradient of its own.

    Batch normalisation becomes group normalisation (opacus' `ModuleValidator`). transformers adds the shortcut in
    place, which the hooks of opacus do not allow on the output of a layer with weights: a copy goes in between.

    Raises:
        ClassifierUnavailable: opacus is not installed.

    """
    try:
        from opacus.validators import ModuleValidator  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise ClassifierUnavailable(
            "private training: got no opacus, expected it; pip install 'countermark[train]'"
        ) from error
    network = ModuleValidator.fix(network)
    for module in network.modules():
        if type(module).__name__ in {"ResNetBasicLayer", "ResNetBottleNeckLayer"}:
            last: Any = module.layer[-1]  # type: ignore[index]
            last.normalization = torch.nn.Sequential(last.normalization, Copy())
    return network


def _json(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingDataInvalid(f"{file}: {error}; expected a JSON file of a checkpoint") from error
    if not isinstance(told, dict):
        raise TrainingDataInvalid(f"{file}: got {type(told).__name__}, expected a JSON object")
    return told

"""Serve an image classifier that a user trained on labelled folders of their own.

Owns the reading of such a model and its scores; `classifiers.training.train_pictures` makes it. A model is a folder:

    model.onnx     the network (int8 where that was as right as fp32)     } SHA-256 in card.md, checked at load
    model.json     classes, size and normalisation of the input, temperature }
    mapping.toml   which class feeds which categories; yours to edit
    card.md        what it was trained on and what it reaches

Rules it keeps: onnxruntime with one thread, no torch; the probability of a class goes in full to every category that
it feeds, so a category is the sum over its classes; a class without a line in the mapping is an error, because a class
that nobody mapped would be one that nobody sees. `unsafe` is the probability of all classes that feed one of the first
thirteen categories; brands, persons, styles and politics alone are not harm.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ModelUnreadable
from classifiers.installed_models import open_session
from classifiers.model_files import load_model_files
from classifiers.picture_input import check_picture, network_input, squash
from classifiers.scores import CATEGORIES, HARMS, Scores, no_scores

"""OpenAI's thirteen, which count as `unsafe`."""


class ResnetClassifier:
    """Scores a picture with one network."""

    def __init__(
        self, model: bytes, told: dict[str, Any], feeds: dict[str, tuple[str, ...]], name: str
    ) -> None:
        """Open the network.

        Args:
            model: ONNX, input `pixel_values` (1, 3, S, S).
            told: content of `model.json`.
            feeds: categories of each class.
            name: for the audit record.

        Raises:
            ModelUnreadable: one of them is not what `train_pictures` writes.

        """
        try:
            self._session = open_session(model)
            self._classes = tuple(str(one) for one in told["classes"])
            self._side = int(told["side"])
            self._mean = tuple(float(one) for one in told["mean"])
            self._std = tuple(float(one) for one in told["std"])
            self._temperature = float(told["temperature"])
            outputs = self._session.get_outputs()[0].shape
        except Exception as error:
            raise ModelUnreadable(
                f"image model {name}: {type(error).__name__}: {error}; expected the files of train_pictures"
            ) from error
        if outputs[-1] != len(self._classes) or self._temperature <= 0:
            raise ModelUnreadable(
                f"image model {name}: got {outputs[-1]} outputs for {len(self._classes)} classes at temperature "
                f"{self._temperature}, expected one each and a temperature above 0; train again"
            )
        self._feeds = feeds
        self.model: str = name
        fed = {category for names in feeds.values() for category in names}
        self._knows = frozenset(fed | ({"unsafe"} if fed.intersection(HARMS) else set()))

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.

        """
        chances = self.probabilities(image)
        categories = no_scores()
        unsafe = 0.0
        for name, chance in chances.items():
            for category in self._feeds[name]:
                categories[category] = min(1.0, categories[category] + chance)
            if set(HARMS).intersection(self._feeds[name]):
                unsafe = min(1.0, unsafe + chance)
        return Scores(unsafe=unsafe, categories=categories, model=self.model, knows=self._knows)

    def probabilities(self, image: NDArray[np.uint8]) -> dict[str, float]:
        """Give the calibrated probability of each class for `image`, uint8 (H, W, 3) RGB; they add up to 1.

        Raises:
            ImageRejected: not such an array.

        """
        check_picture(image)
        pixels = network_input(squash(image, self._side), self._mean, self._std)
        logits = (
            self._session.run(None, {"pixel_values": pixels})[0][0].astype(np.float64) / self._temperature
        )
        powers = np.exp(logits - logits.max())
        return dict(zip(self._classes, (powers / powers.sum()).tolist(), strict=True))


def read_mapping(text: str, classes: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Read `mapping.toml`: `class = ["category", ...]` for each class, an empty list for a harmless one.

    Raises:
        ModelUnreadable: not TOML, a class is missing or unknown, or a category has no such name.

    """
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ModelUnreadable(f"mapping: {error}; expected TOML such as safe = []") from error
    if set(told) != set(classes):
        raise ModelUnreadable(
            f"mapping: got {sorted(told)}, expected exactly one line for each of {sorted(classes)}"
        )
    for name, categories in told.items():
        if not isinstance(categories, list) or not set(map(str, categories)) <= set(CATEGORIES):
            raise ModelUnreadable(
                f"mapping of {name!r}: got {categories}, expected a list of names from {', '.join(CATEGORIES)}"
            )
    return {name: tuple(told[name]) for name in classes}


def create_image(model_dir: str | Path) -> ResnetClassifier:
    """Load the model in the folder `model_dir`.

    Raises:
        ModelUnreadable: a file is missing or not what it should be, or a digest is not the card's.

    """
    folder = Path(model_dir)
    files = load_model_files(folder, ["model.onnx", "model.json"])
    try:
        told = json.loads(files["model.json"])
        mapping = (folder / "mapping.toml").read_text(encoding="utf-8")
        feeds = read_mapping(mapping, tuple(told["classes"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelUnreadable(
            f"image model {folder}: {type(error).__name__}: {error}; expected model.json and mapping.toml there"
        ) from error
    return ResnetClassifier(
        files["model.onnx"], told, feeds, f"image_resnet@{told.get('version', 'unknown')}"
    )

"""Describe what a picture shows by a vector, with a ResNet checkpoint that the user has.

Owns the way from pixels to the vector: the checkpoint's own processor, the network without its head, the average over
the last feature map, length 1. Two vectors' inner product is the cosine of their angle, at least 0 because that map is
never negative. The rules of classifiers.hub_models hold; here the checkpoint is a folder, never a hub id.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, doi:10.1109/CVPR.2016.90.
Tested on tiny networks with random weights made in the test; published weights were never run here.
"""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from classifiers.errors import ModelUnreadable
from classifiers.hub_models import load_network, load_part, load_transformers
from classifiers.image_transformers import bounded
from classifiers.picture_input import check_picture

_PREPARATION = b"1"  # raised when the same picture and checkpoint shall lead to another vector


class PictureVectors:
    """One network; `model` names checkpoint and preparation: vectors of different ones must not be compared."""

    def __init__(self, network: Any, processor: Any, model: str) -> None:
        """Take a ResNet without head, its image processor, and the name of the two."""
        self._network, self._processor = network, processor
        self.model: str = model

    def embed(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the vector of `image`, uint8 (H, W, 3) RGB: float32 (last width of the network,), length 1.

        Raises:
            ImageRejected: not such an array.
            ModelUnreadable: the network answers with zeros alone or with what is no number.

        """
        check_picture(image)
        pixels = self._processor(Image.fromarray(bounded(image)), return_tensors="pt")["pixel_values"]
        weights = next(self._network.parameters())
        with torch.inference_mode():
            pooled = self._network(pixel_values=pixels.to(weights.device, weights.dtype)).pooler_output
        vector: NDArray[np.float64] = pooled.flatten().double().cpu().numpy()
        length = float(np.linalg.norm(vector))
        if not np.isfinite(length) or not length:
            raise ModelUnreadable(
                f"checkpoint {self.model[:12]}: got a vector of length {length}, expected a direction; "
                "replace its weights"
            )
        return np.asarray(vector / length, np.float32)


def load_vectors(folder: Path) -> PictureVectors:
    """Load a ResNet checkpoint: a folder with config.json, preprocessor_config.json and safetensors.

    Raises:
        ClassifierUnavailable: transformers is not installed.
        ModelUnreadable: not a folder, not a ResNet, or some of its weights are missing.

    """
    library = load_transformers()
    if not (folder / "config.json").is_file():
        raise ModelUnreadable(
            f"checkpoint {folder}: got no config.json there, expected the folder of a ResNet checkpoint"
        )
    told = load_part(library.AutoConfig, folder, local_files_only=True)
    if told.model_type != "resnet":
        raise ModelUnreadable(
            f"checkpoint {folder}: got a network of type {told.model_type!r}, expected 'resnet'"
        )
    processor = load_part(library.AutoImageProcessor, folder, local_files_only=True)
    network = load_network(library.ResNetModel, folder, local_files_only=True, device="cpu")
    return PictureVectors(network, processor, _digest(folder))


def _digest(folder: Path) -> str:
    """Return the SHA-256 (hex) of our preparation and of all that transformers may read in the folder."""
    whole = hashlib.sha256(_PREPARATION)
    for path in sorted([*folder.glob("*.json"), *folder.glob("*.safetensors")]):
        try:
            with path.open("rb") as file:
                whole.update(hashlib.file_digest(file, "sha256").digest() + path.name.encode())
        except OSError as error:
            raise ModelUnreadable(
                f"checkpoint {folder}: got {error}, expected files that can be read"
            ) from error
    return whole.hexdigest()

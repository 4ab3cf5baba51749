"""Judge pictures with ShieldGemma 2, from a checkpoint that the user has.

Owns the mapping of its three policies (dangerous, sexual, violence) to our categories. For each policy the network is
asked whether the picture violates it; the score is the probability of "Yes" against "No" at the first token of the
answer. transformers gives [Yes, No] in that order (`modeling_shieldgemma2.py` of 5.23 picks the two logits so, though
its docstring names column 1 as the violation); at load the two token numbers are checked against the tokenizer.

Tested on a tiny checkpoint with random weights and a tokenizer made in the test. Google's weights could not be had:
its scores on real pictures, its memory and its time were never measured here.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from classifiers.errors import ModelUnreadable
from classifiers.hub_models import load_network, load_part, load_transformers, name_of
from classifiers.picture_input import check_picture
from classifiers.scores import Scores, no_scores

FEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "dangerous": ("illicit",),
    "sexual": ("sexual",),
    "violence": ("violence", "violence/graphic"),
}
"""Our categories by ShieldGemma's policy. Its violence is gore and shocking violence, hence both."""
KNOWS: Final = frozenset({"unsafe", *(name for names in FEEDS.values() for name in names)})


class ShieldGemmaClassifier:
    """Scores pictures one after another: three questions a picture fill a device. Thread-safe by a lock."""

    def __init__(self, network: Any, processor: Any, name: str) -> None:
        """Take the network and its processor."""
        self._network, self._processor = network, processor
        self._lock = threading.Lock()
        self.model: str = name

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.
            ModelUnreadable: the network answers with something else than three probabilities.

        """
        check_picture(image)
        with self._lock, torch.inference_mode():
            asked = self._processor(
                images=[Image.fromarray(image)], policies=list(FEEDS), return_tensors="pt"
            ).to(self._network.device)
            asked["pixel_values"] = asked["pixel_values"].to(self._network.dtype)
            levels = violations(self._network(**asked).probabilities)
        categories = no_scores()
        for policy, level in levels.items():
            categories |= dict.fromkeys(FEEDS[policy], level)
        return Scores(max(levels.values()), categories, self.model, knows=KNOWS)


def violations(probabilities: torch.Tensor) -> dict[str, float]:
    """Give the score of each policy of `FEEDS` from a (3, 2) tensor of [Yes, No], in that order of policies.

    Raises:
        ModelUnreadable: not such a tensor, or not all finite.

    """
    if tuple(probabilities.shape) != (len(FEEDS), 2) or not torch.isfinite(probabilities).all():
        raise ModelUnreadable(
            f"ShieldGemma 2: got probabilities {tuple(probabilities.shape)}, finite: "
            f"{bool(torch.isfinite(probabilities).all())}; expected finite ({len(FEEDS)}, 2); replace the checkpoint"
        )
    return dict(zip(FEEDS, probabilities[:, 0].double().clamp(0, 1).tolist(), strict=True))


def create_image(model: str, device: str = "cpu", *, local_files_only: bool = True) -> ShieldGemmaClassifier:
    """Load the checkpoint `model`, a directory or a hub id in the cache.

    Args:
        model: such as `google/shieldgemma-2-4b-it`.
        device: of torch.
        local_files_only: False fetches the checkpoint from the hub while loading.

    Raises:
        ClassifierUnavailable: transformers is not installed.
        OptionsInvalid: no such device.
        ModelUnreadable: not such a checkpoint, it lacks weights or policies, or "Yes" and "No" are other tokens.

    """
    library = load_transformers()
    processor = load_part(library.ShieldGemma2Processor, model, local_files_only=local_files_only)
    if not set(FEEDS) <= set(processor.policy_definitions) or not processor.chat_template:
        raise ModelUnreadable(
            f"checkpoint {model}: got policies {sorted(processor.policy_definitions)}, expected {', '.join(FEEDS)} and "
            f"a chat template; use a ShieldGemma 2 checkpoint"
        )
    network = load_network(
        library.ShieldGemma2ForImageClassification, model, local_files_only=local_files_only, device=device
    )
    told = [network.yes_token_index, network.no_token_index]
    shown = [processor.tokenizer.decode([number]) for number in told]
    if shown != ["Yes", "No"]:
        raise ModelUnreadable(
            f"checkpoint {model}: got {shown} for its tokens {told}, expected Yes and No; use its own tokenizer"
        )
    return ShieldGemmaClassifier(network, processor, name_of("image_shieldgemma", model, network))

"""Judge pictures with any `image-classification` checkpoint of transformers.

Owns the way from the checkpoint's labels to our categories. Every label must lead somewhere: common names (nsfw,
porn, gore, ...) are known, others are told by the option `categories`; a label that nobody mapped would be one that
nobody sees, so it is refused at load, with all labels listed. Where exactly one label holds (softmax), a category is
the sum over its labels; where several may hold (`problem_type` "multi_label_classification"), the maximum.

How a picture is cut and scaled is the checkpoint's own processor's business: one with a centre crop does not see
the border. Of a picture twice as long as wide or more, overlapping parts are looked at too, the highest number counts.

Tested on tiny checkpoints with random weights made in the test (ViT and ResNet), offline. Published weights were never
run here, and scores are the checkpoint's own probabilities: nobody calibrated them on your pictures.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from classifiers.errors import ModelUnreadable, OptionsInvalid
from classifiers.hub_models import load_network, load_part, load_transformers, name_of
from classifiers.image_nudity import parts_of
from classifiers.picture_input import check_picture
from classifiers.scores import CATEGORIES, HARMS, Scores, no_scores

"""OpenAI's thirteen, which count as `unsafe`."""
KNOWN_LABELS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("normal", "neutral", "safe", "sfw", "benign", "drawing", "drawings"), ()),
    **dict.fromkeys(("unsafe", "harmful"), ("unsafe",)),
    **dict.fromkeys(
        ("nsfw", "porn", "pornography", "hentai", "sexy", "sexual", "nude", "nudity"), ("sexual",)
    ),
    **dict.fromkeys(("explicit", "sexually explicit"), ("sexual",)),
    **dict.fromkeys(("violence", "violent"), ("violence",)),
    **dict.fromkeys(("gore", "gory", "graphic violence"), ("violence", "violence/graphic")),
    **dict.fromkeys(("hate", "hateful"), ("hate",)),
    **dict.fromkeys(("self harm",), ("self-harm",)),
    **dict.fromkeys(("non violence", "nonviolence", "non violent", "nonviolent", "non nude", "non nsfw"), ()),
}
"""What common labels mean, lower case, blanks for `_` and `-`. "unsafe" says harm of no particular kind."""
MAX_STRETCH: Final = 4
LINE_LENGTH: Final = 1024
"""Of a part whose longer side is over `MAX_STRETCH` times the shorter, the sides become at most these: scaling the
shorter side of 1 x 10,000 pixels to 224, as many processors do, would take gigabytes."""


class TransformersClassifier:
    """Scores pictures with one network. Thread-safe: neither network nor processor keeps anything of a call."""

    def __init__(self, network: Any, processor: Any, feeds: Sequence[tuple[str, ...]], name: str) -> None:
        """Take a network, its image processor, and for each of its labels what it feeds."""
        self._network, self._processor, self._feeds = network, processor, feeds
        self._one_holds = network.config.problem_type != "multi_label_classification"
        self.model: str = name
        fed = {category for names in feeds for category in names}
        self._knows = frozenset(fed | ({"unsafe"} if fed.intersection(HARMS) else set()))

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.
            ModelUnreadable: the network answers with something else than numbers.

        """
        check_picture(image)
        levels = dict.fromkeys(self._knows, 0.0)
        for chances in self._chances([bounded(part) for part in parts_of(image)]):
            for name in self._knows:
                fed = [
                    chance for chance, feeds in zip(chances, self._feeds, strict=True) if _says(feeds, name)
                ]
                level = min(1.0, sum(fed) if self._one_holds else max(fed))
                levels[name] = max(levels[name], level)
        unsafe = levels.pop("unsafe", 0.0)
        return Scores(unsafe, no_scores() | levels, self.model, knows=self._knows)

    def _chances(self, parts: list[NDArray[np.uint8]]) -> list[list[float]]:
        """Give the probability of each label for each part."""
        weights = next(self._network.parameters())
        rows: list[list[float]] = []
        for part in parts:
            pixels = self._processor(Image.fromarray(part), return_tensors="pt")["pixel_values"]
            with torch.inference_mode():
                logits = (
                    self._network(pixel_values=pixels.to(weights.device, weights.dtype)).logits[0].double()
                )
            if not torch.isfinite(logits).all():
                raise ModelUnreadable(
                    f"{self.model}: got logits that are not finite, expected numbers; replace its weights"
                )
            chances = torch.softmax(logits, 0) if self._one_holds else torch.sigmoid(logits)
            rows.append(chances.tolist())
        return rows


def map_labels(
    labels: Sequence[str], told: Mapping[str, str | Sequence[str]] | None = None
) -> list[tuple[str, ...]]:
    """Give what each label feeds: names out of `CATEGORIES`, "unsafe", or nothing for a harmless label.

    Args:
        labels: the checkpoint's, in its order.
        told: category or categories by label, before what is known of common labels.

    Raises:
        OptionsInvalid: a label that neither names, one that the checkpoint does not have, an unknown category, or
            labels of which none feeds anything.

    """
    told = told or {}
    if strange := sorted(set(told) - set(labels)):
        raise OptionsInvalid(f"categories: got labels {strange}, expected some of {sorted(labels)}")
    feeds: list[tuple[str, ...]] = []
    unknown: list[str] = []
    for label in labels:
        common = " ".join(label.lower().replace("_", " ").replace("-", " ").split())
        if label in told:
            entry = told[label]
            feeds.append((entry,) if isinstance(entry, str) else tuple(entry))
        elif common in KNOWN_LABELS:
            feeds.append(KNOWN_LABELS[common])
        else:
            unknown.append(label)
    if unknown:
        raise OptionsInvalid(
            f"categories: got no category for the labels {unknown} of {list(labels)}, expected one for each; "
            f'set categories = {{"label" = ["sexual"], ...}}, with [] for a harmless label'
        )
    fed = {category for names in feeds for category in names}
    if not fed or fed - {"unsafe", *CATEGORIES}:
        raise OptionsInvalid(
            f"categories: got {sorted(map(str, fed))}, expected at least one of unsafe, {', '.join(CATEGORIES)}"
        )
    return feeds


def _says(feeds: tuple[str, ...], name: str) -> bool:
    return name in feeds or (name == "unsafe" and bool(set(HARMS).intersection(feeds)))


def bounded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give `image`, or where it is a mere line a copy of at most `LINE_LENGTH` x `LINE_LENGTH` / `MAX_STRETCH`."""
    height, width = image.shape[:2]
    if max(height, width) <= MAX_STRETCH * min(height, width):
        return image
    long = min(max(height, width), LINE_LENGTH)
    short = -(-long // MAX_STRETCH)
    size = (long, short) if width > height else (short, long)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def create_image(
    model: str,
    categories: Mapping[str, str | Sequence[str]] | None = None,
    device: str = "cpu",
    *,
    local_files_only: bool = True,
) -> TransformersClassifier:
    """Load the checkpoint `model`, a directory or a hub id in the cache.

    Args:
        model: such as `Falconsai/nsfw_image_detection`.
        categories: which categories a label feeds, for labels that have no common name.
        device: of torch.
        local_files_only: False fetches the checkpoint from the hub while loading.

    Raises:
        ClassifierUnavailable: transformers is not installed.
        OptionsInvalid: no such device, or labels without a category.
        ModelUnreadable: not such a checkpoint, or it lacks weights.

    """
    library = load_transformers()
    told = load_part(library.AutoConfig, model, local_files_only=local_files_only)
    labels = [str(told.id2label[number]) for number in sorted(told.id2label)]
    if len(labels) < 2 and told.problem_type != "multi_label_classification":
        raise ModelUnreadable(
            f"checkpoint {model}: got the one label {labels}, expected two or more to choose from"
        )
    feeds = map_labels(labels, categories)
    processor = load_part(library.AutoImageProcessor, model, local_files_only=local_files_only)
    network = load_network(
        library.AutoModelForImageClassification, model, local_files_only=local_files_only, device=device
    )
    return TransformersClassifier(network, processor, feeds, name_of("image_transformers", model, network))

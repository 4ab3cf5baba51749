"""Judge a picture by OpenAI's moderation endpoint, or by a server that speaks its format.

    POST {base_url}/moderations   {"model": ..., "input": [{"type": "image_url", "image_url": {"url": "data:..."}}]}
    200  {"results": [{"category_scores": {...}, "category_applied_input_types": {"violence": ["image"], ...}}]}

Every picture leaves this machine, as a JPEG of at most 1536 pixels a side. Of the thirteen categories the service
looks at pictures for six only: self-harm (three), sexual, violence (two). Nothing for minors, hate, brands; its zeros
there are no judgement and are not read. The answer has to say that it applied those six to the picture: a server that
ignores pictures answers zeros too, and they would pass for harmless. `unsafe` is the highest of the six. For
calibration see `prompt_openai`.

Tested against a local server of the documented format (request and answer types of openai-python 3.54). Not tested
against OpenAI's service.
"""

import base64
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt_openai import BASE_URL, MODEL, PATH, open_service, read_results, read_scores
from classifiers.remote import TIMEOUT_S, RemoteService
from classifiers.remote_input import jpeg_bytes
from classifiers.scores import Scores, no_scores

SCORED: Final = (
    "self-harm",
    "self-harm/intent",
    "self-harm/instructions",
    "sexual",
    "violence",
    "violence/graphic",
)
"""What the service scores in pictures (its guide's table of categories)."""


class OpenAIImageClassifier:
    """Scores a picture by the service. Thread-safe."""

    def __init__(self, service: RemoteService, model: str) -> None:
        self._service, self._asked = service, model
        self.model: str = f"image_openai({model})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.
            RemoteFailed: the service did not answer in time with all scores.

        """
        url = "data:image/jpeg;base64," + base64.b64encode(jpeg_bytes(image)).decode("ascii")
        body = {"model": self._asked, "input": [{"type": "image_url", "image_url": {"url": url}}]}
        (answer,) = self._service.ask(PATH, [body])
        (result,) = read_results(self._service, answer, 1)
        self._check_seen(result)
        levels = read_scores(self._service, result, SCORED)
        return Scores(
            unsafe=max(levels.values()),
            categories=no_scores() | levels,
            model=self.model,
            knows=frozenset({"unsafe", *SCORED}),
        )

    def _check_seen(self, result: dict[str, Any]) -> None:
        applied = result.get("category_applied_input_types")
        for name in SCORED:
            kinds = applied.get(name) if isinstance(applied, dict) else None
            if not isinstance(kinds, list) or "image" not in kinds:
                raise self._service.unusable(
                    f"no word that {name!r} was applied to the picture", "that for all six"
                )


def create_image(
    api_key: str = "",
    api_key_file: str = "",
    base_url: str = BASE_URL,
    model: str = MODEL,
    timeout_s: float = TIMEOUT_S,
) -> OpenAIImageClassifier:
    """Build the classifier; sends nothing yet. Options and errors are those of `prompt_openai.create_prompt`."""
    service = open_service("image_openai", base_url, api_key, api_key_file, model, timeout_s)
    return OpenAIImageClassifier(service, model)

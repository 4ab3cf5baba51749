"""Judge a picture by Azure AI Content Safety, version 2023-10-01 of its REST API.

    POST {endpoint}/contentsafety/image:analyze?api-version=2023-10-01
         {"image": {"content": "<base64>"}, "categories": ["Hate", ...], "outputType": "FourSeverityLevels"}
    200  {"categoriesAnalysis": [{"category": "Hate", "severity": 0}, ...]}

Every picture leaves this machine, as a JPEG of 50 to 1536 pixels a side. Four categories in the levels 0, 2, 4 and 6;
how they become scores, and what else holds, is in `prompt_azure`.

Tested against a local server of the documented format. Not tested against Azure's service.
"""

import base64
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.prompt_azure import NAMES, VERSION, open_service, path_of, read_levels
from classifiers.remote import TIMEOUT_S, RemoteService
from classifiers.remote_input import jpeg_bytes
from classifiers.scores import Scores, no_scores

SEVERITIES: Final = (0, 2, 4, 6)
"""Levels of `FourSeverityLevels`, the only ones there are for pictures."""


class AzureImageClassifier:
    """Scores a picture by the service. Thread-safe."""

    def __init__(self, service: RemoteService) -> None:
        self._service = service
        self.model: str = f"image_azure({VERSION})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB.

        Raises:
            ImageRejected: not such an array.
            RemoteFailed: the service did not answer in time with all levels.

        """
        content = base64.b64encode(jpeg_bytes(image)).decode("ascii")
        body = {"image": {"content": content}, "categories": list(NAMES), "outputType": "FourSeverityLevels"}
        (answer,) = self._service.ask(path_of("image"), [body])
        levels = read_levels(self._service, answer, SEVERITIES)
        return Scores(
            unsafe=max(levels.values()),
            categories=no_scores() | levels,
            model=self.model,
            knows=frozenset({"unsafe", *NAMES.values()}),
        )


def create_image(
    endpoint: str, api_key: str = "", api_key_file: str = "", timeout_s: float = TIMEOUT_S
) -> AzureImageClassifier:
    """Build the classifier; sends nothing yet. Options and errors are those of `prompt_azure.create_prompt`."""
    return AzureImageClassifier(open_service("image_azure", endpoint, api_key, api_key_file, timeout_s))

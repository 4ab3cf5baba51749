"""What settings and one request ask to be drawn and written beyond what every mark carries."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import BadRequest
from watermark.errors import MetadataError
from watermark.labels.profile import LabelPlan, plan_labels
from watermark.labels.tc260 import make_aigc
from watermark.labels.visible import draw_label


@dataclass(frozen=True, slots=True)
class Labelling:
    """The installation's labelling rules; a request can add profiles, never take one away.

    Attributes:
        profiles: names of the profiles that every picture is marked by.
        aigc_producer: the provider's code in China's label; empty for the provider's name.
        write_prompt: whether prompts go into AIPromptInformation.

    """

    profiles: tuple[str, ...] = ()
    aigc_producer: str = ""
    write_prompt: bool = False

    def plan(self, asked: tuple[str, ...]) -> LabelPlan:
        """Combine the installation's profiles with those that one request asks for."""
        return plan_labels((*self.profiles, *asked))

    def draw(self, image: NDArray[np.uint8], asked: tuple[str, ...]) -> NDArray[np.uint8]:
        """Return the picture with the visible label of the plan; the same picture where none asks for one."""
        plan = self.plan(asked)
        return draw_label(image, plan.texts, plan.height_share)

    def extras(
        self, asked: tuple[str, ...], *, record_id: str, provider: str, key: bytes, prompt: str | None
    ) -> dict[str, Any]:
        """Return the optional fields of an `AiLabel`."""
        aigc = None
        if self.plan(asked).aigc:
            aigc = make_aigc(self.aigc_producer or provider, record_id, key)
        return {"aigc": aigc, "prompt": prompt if self.write_prompt else None}


def parse_profiles(text: str) -> tuple[str, ...]:
    """Read names of profiles, comma-separated.

    Raises:
        BadRequest: one of them is unknown; the message names the known ones.

    """
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    try:
        return plan_labels(names).profiles
    except MetadataError as error:
        raise BadRequest(f"profile: {error}.", param="profile") from error

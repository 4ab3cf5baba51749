"""Request and answer bodies of the OpenAI-compatible routes (openai-python 3.54 sends and reads these).

Fields that this service does not use are accepted and ignored where that cannot mislead; those whose silent
loss would (streaming, URLs) are refused with what to do instead.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from service.errors import BadRequest

MAX_PROMPT_CHARS = 32_000  # OpenAI's documented limit
_SYSTEM_NAME = re.compile(r"[\w .+/:()-]{1,80}")
_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})")
MIN_SIDE = 128  # px: the smallest picture that can be marked
MAX_SIDE, MAX_RATIO = 3840, 3.0  # px and long to short side: OpenAI's limits
MAX_PIXELS = 3840 * 2160  # of one picture: OpenAI's largest resolution
MAX_PIXELS_ALTOGETHER = 10 * 2048 * 2048  # of all n: bounds the work that one request can ask for


def check_text(text: str) -> str:
    """Refuse what is no text a person can send: NUL bytes, lone surrogates, more than 32,000 characters."""
    if len(text) > MAX_PROMPT_CHARS:
        raise ValueError(f"got {len(text)} characters, the limit is {MAX_PROMPT_CHARS}; shorten the text")
    if "\0" in text:
        raise ValueError("contains a NUL character; remove it")
    if any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("contains half of a surrogate pair; send valid Unicode")
    return text


def check_system_name(name: str, param: str = "generator") -> str:
    """Accept the name or version of a generator: it is written into marks and quoted in reports, so it is no sentence.

    Raises:
        BadRequest: more than 80 characters, or any but letters, digits, spaces and . _ - + / : ( ).

    """
    if name and not _SYSTEM_NAME.fullmatch(name):
        raise BadRequest(
            f"{param}: expected a name of up to 80 letters, digits, spaces or . _ - + / : ( ).",
            param=param,
        )
    return name.strip()


class GenerationBody(BaseModel):
    """`POST /v1/images/generations`."""

    model_config = ConfigDict(extra="ignore")

    prompt: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(max_length=200)] | None = None
    n: Annotated[int, Field(ge=1, le=10)] = 1
    size: Annotated[str, Field(max_length=32)] | None = None
    quality: Annotated[str, Field(max_length=32)] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Literal["png", "webp", "jpeg"] | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    response_format: Literal["b64_json", "url"] | None = None
    stream: bool | None = None

    @field_validator("prompt")
    @classmethod
    def _prompt_is_text(cls, value: str) -> str:
        return check_text(value)

    def width_height(self) -> tuple[int, int] | tuple[None, None]:
        """Return the asked size in pixels, or (None, None) for "auto".

        Raises:
            BadRequest: not WxH, or outside the limits above.

        """
        if self.size in {None, "", "auto"}:
            return None, None
        match = _SIZE.fullmatch(self.size or "")
        if match is None:
            raise BadRequest(f"size: got {self.size!r}, expected WIDTHxHEIGHT or 'auto'.", param="size")
        width, height = int(match[1]), int(match[2])
        if not (min(width, height) >= MIN_SIDE and max(width, height) <= MAX_SIDE):
            raise BadRequest(
                f"size: got {width}x{height}, each side must be {MIN_SIDE}..{MAX_SIDE} px.", param="size"
            )
        if max(width, height) > MAX_RATIO * min(width, height):
            raise BadRequest(f"size: got {width}x{height}, the ratio must be 1:3 to 3:1.", param="size")
        if width * height > MAX_PIXELS or self.n * width * height > MAX_PIXELS_ALTOGETHER:
            raise BadRequest(
                f"size: got {self.n} x {width}x{height}, a request may ask for {MAX_PIXELS / 1e6:.1f} megapixels a "
                f"picture and {MAX_PIXELS_ALTOGETHER / 1e6:.1f} altogether; ask for smaller or fewer pictures.",
                param="size",
            )
        return width, height

    def refuse_unsupported(self) -> None:
        """Refuse what would otherwise be silently dropped."""
        if self.stream:
            raise BadRequest(
                "stream: partial pictures would leave unchecked and unmarked; send stream=false.",
                code="unsupported_parameter",
                param="stream",
            )
        if self.response_format == "url":
            raise BadRequest(
                "response_format: pictures are not stored here, so there are no URLs; use 'b64_json'.",
                code="unsupported_parameter",
                param="response_format",
            )


class ImageUrl(BaseModel):
    """A `data:` URL; others are not fetched."""

    url: str


class TextPart(BaseModel):
    """One text of a multi-modal moderation input."""

    type: Literal["text"]
    text: str


class ImagePart(BaseModel):
    """One picture of a multi-modal moderation input."""

    type: Literal["image_url"]
    image_url: ImageUrl


class ModerationBody(BaseModel):
    """`POST /v1/moderations`."""

    model_config = ConfigDict(extra="ignore")

    input: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=32)]
        | Annotated[
            list[Annotated[TextPart | ImagePart, Field(discriminator="type")]],
            Field(min_length=1, max_length=32),
        ]
    )
    model: Annotated[str, Field(max_length=200)] | None = None

    @field_validator("input")
    @classmethod
    def _inputs_are_text(cls, value: Any) -> Any:
        for item in [value] if isinstance(value, str) else value:
            if isinstance(item, str):
                check_text(item)
            elif isinstance(item, TextPart):
                check_text(item.text)
        return value

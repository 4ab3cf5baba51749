"""Image generators: one file plugs one in.

The module name is the registry: `generator = "builtin"` means `service.generators.builtin.create(**options)`;
`"acme.pictures:create"` reaches another distribution. A generator gets a checked request and returns
pictures as they are; it never marks, checks or stores them.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from service.errors import StartupError


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to draw. `width` and `height` are in pixels, None: the generator's own choice."""

    prompt: str
    n: int
    width: int | None
    height: int | None
    quality: str | None
    background: str | None


@dataclass(frozen=True, slots=True)
class GeneratedImage:
    """One picture: pixels uint8 (H, W, 3) RGB or (H, W, 4) RGBA.

    `source` holds the upstream's file where there was one, so that Content Credentials in it become the
    parent of ours; `source_mime` is its media type.
    """

    image: NDArray[np.uint8]
    source: bytes | None = None
    source_mime: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class EditRequest(GenerationRequest):
    """What to change. Without `width` and `height` the answer has the size of the first picture.

    `images` are 1 to 16 pictures, uint8 (H, W, 3) or (H, W, 4): the first is edited, the others are references. `mask`,
    bool (H, W) of the first picture, is True where it may change; None: everywhere, or as the generator decides.
    """

    images: tuple[NDArray[np.uint8], ...]
    mask: NDArray[np.bool_] | None


class Generator(Protocol):
    """What a plug-in's create() returns. `generate` is called from several threads."""

    name: str
    version: str

    def generate(self, request: GenerationRequest) -> list[GeneratedImage]:
        """Return `request.n` pictures.

        Raises:
            StageFailed: the upstream did not answer with pictures.
            UpstreamRefused: the upstream refused the request.

        """
        ...

    def close(self) -> None:
        """Release connections."""
        ...


@runtime_checkable
class Editor(Protocol):
    """What a generator that can edit has besides; `edit` is called from several threads."""

    def edit(self, request: EditRequest) -> list[GeneratedImage]:
        """Return `request.n` changed pictures; raises as `generate` does."""
        ...


def create_generator(name: str, **options: Any) -> Generator:
    """Build the generator called `name`.

    Raises:
        StartupError: no such plug-in, or it does not accept the options.

    """
    module_name, _, attribute = name.partition(":")
    known = sorted(m.name for m in pkgutil.iter_modules(__path__))
    if not attribute:
        if name not in known:
            raise StartupError(
                f"generator: got {name!r}, expected one of {known} or 'package.module:create'."
            )
        module_name, attribute = f"{__name__}.{name}", "create"
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
        generator = cast("Generator", factory(**options))
    except (ImportError, AttributeError) as error:
        raise StartupError(
            f"generator: cannot load {name!r} ({error}). Install it or choose one of {known}."
        ) from error
    except TypeError as error:
        raise StartupError(
            f"generator: {name!r} does not accept the options {sorted(options)} ({error})."
        ) from error
    missing = [part for part in ("name", "version", "generate", "close") if not hasattr(generator, part)]
    if missing:
        raise StartupError(
            f"generator: {name!r} made something without {', '.join(missing)}; it is no generator."
        )
    return generator

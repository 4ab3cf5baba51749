"""Scores, never decisions: prompt and image classifiers.

One file plugs a classifier in. The module name is the registry: `create_prompt_classifier("ngram")` calls
`classifiers.ngram.create_prompt()`, `create_image_classifier("image_text")` calls
`classifiers.image_text.create_image()`, and `"acme.filters:create"` calls `create` of another distribution.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any, Final, Literal, cast

from classifiers.errors import ClassifierError, ClassifierUnavailable, OptionsInvalid, UnknownClassifier
from classifiers.scores import CATEGORIES, ImageClassifier, PromptClassifier, Scores

__all__ = [
    "CATEGORIES",
    "DEFAULT_IMAGE",
    "DEFAULT_PROMPT",
    "ClassifierError",
    "ClassifierUnavailable",
    "ImageClassifier",
    "OptionsInvalid",
    "PromptClassifier",
    "Scores",
    "UnknownClassifier",
    "create_image_classifier",
    "create_prompt_classifier",
    "known_classifiers",
    "takes_prompt_classifier",
]

DEFAULT_PROMPT: Final[tuple[str, ...]] = ("prompt_encoder", "prompt_names")
"""What judges prompts unless told otherwise, all embedded; the first is the model that knows every category."""
DEFAULT_IMAGE: Final[tuple[str, ...]] = ("image_text", "image_nudity")
"""What judges pictures unless told otherwise, all embedded."""

Kind = Literal["prompt", "image"]

_IMAGE_PREFIX = "image_"


def create_prompt_classifier(name: str = DEFAULT_PROMPT[0], **options: Any) -> PromptClassifier:
    """Build the prompt classifier of that name.

    Raises:
        UnknownClassifier: no module or attribute of that name; the text lists the known ones.
        OptionsInvalid: it does not take these options, or needs one that is not among them.
        ClassifierUnavailable: something that it needs is not installed.
        ModelUnreadable: its weights cannot be read.

    """
    return cast("PromptClassifier", _create(name, "prompt", options))


def create_image_classifier(name: str = DEFAULT_IMAGE[0], **options: Any) -> ImageClassifier:
    """Build the image classifier of that name; raises as `create_prompt_classifier` does."""
    return cast("ImageClassifier", _create(name, "image", options))


def takes_prompt_classifier(name: str) -> bool:
    """Say whether that image plug-in judges text in pictures: its factory has a parameter `prompt_classifier`.

    Raises:
        UnknownClassifier, ClassifierUnavailable: as for `create_image_classifier`.

    """
    return "prompt_classifier" in inspect.signature(_factory(name, "image")).parameters


def known_classifiers(kind: Kind) -> tuple[str, ...]:
    """List the built-in plug-ins of a kind, `"prompt"` or `"image"`.

    An image plug-in is a module called `image_*`; a prompt plug-in is one called `prompt_*`, or `ngram`.
    """
    names = [found.name for found in pkgutil.iter_modules(__path__)]
    if kind == "image":
        return tuple(name for name in names if name.startswith(_IMAGE_PREFIX))
    return tuple(name for name in names if name == "ngram" or name.startswith("prompt_"))


def _create(name: str, kind: Kind, options: dict[str, Any]) -> Any:
    build = _factory(name, kind)
    try:
        inspect.signature(build).bind(**options)
    except TypeError as error:
        raise OptionsInvalid(
            f"{kind} classifier {name!r}: got options {sorted(options)}: {error}; correct its options"
        ) from error
    try:
        return build(**options)
    except ImportError as error:
        raise _unavailable(name, kind, error) from error


def _factory(name: str, kind: Kind) -> Callable[..., Any]:
    foreign, _, attribute = name.partition(":")
    known = known_classifiers(kind)
    if attribute:
        module_name = foreign
    elif name in known:
        module_name, attribute = f"{__name__}.{name}", f"create_{kind}"
    else:
        raise UnknownClassifier(
            f"{kind} classifier: got {name!r}, expected one of {', '.join(known)}, or 'package.module:factory'"
        )
    try:
        return cast("Callable[..., Any]", getattr(importlib.import_module(module_name), attribute))
    except (ImportError, AttributeError) as error:
        if name in known and isinstance(error, ImportError):
            raise _unavailable(name, kind, error) from error
        raise UnknownClassifier(
            f"{kind} classifier: got {name!r}, which cannot be imported ({error}); "
            f"install it, or use one of {', '.join(known)}"
        ) from error


def _unavailable(name: str, kind: Kind, error: ImportError) -> ClassifierUnavailable:
    return ClassifierUnavailable(
        f"{kind} classifier {name!r}: got no {error.name or 'package'} ({error}), expected it; install it"
    )

"""Scores, never decisions: prompt and image classifiers.

One file plugs a classifier in. The module name is the registry: `create_prompt_classifier("ngram")` calls
`classifiers.ngram.create_prompt()`, `create_image_classifier("image_text")` calls
`classifiers.image_text.create_image()`, and `"acme.filters:create"` calls `create` of another distribution.
"""

import importlib
import pkgutil
from typing import Any, cast

from classifiers.errors import ClassifierError, UnknownClassifier
from classifiers.scores import CATEGORIES, ImageClassifier, PromptClassifier, Scores

__all__ = [
    "CATEGORIES",
    "ClassifierError",
    "ImageClassifier",
    "PromptClassifier",
    "Scores",
    "UnknownClassifier",
    "create_image_classifier",
    "create_prompt_classifier",
    "known_classifiers",
]

_IMAGE_PREFIX = "image_"


def create_prompt_classifier(name: str = "ngram", **options: Any) -> PromptClassifier:
    """Build the prompt classifier of that name.

    Raises:
        UnknownClassifier: no module or attribute of that name; the text lists the known ones.
        ModelUnreadable: its weights cannot be read.

    """
    return cast("PromptClassifier", _create(name, "create_prompt", "prompt", options))


def create_image_classifier(name: str = "image_text", **options: Any) -> ImageClassifier:
    """Build the image classifier of that name.

    Raises:
        UnknownClassifier: no module or attribute of that name; the text lists the known ones.
        ModelUnreadable: its weights cannot be read.

    """
    return cast("ImageClassifier", _create(name, "create_image", "image", options))


def known_classifiers(kind: str) -> tuple[str, ...]:
    """List the built-in plug-ins of a kind, `"prompt"` or `"image"`.

    An image plug-in is a module called `image_*`; a prompt plug-in is one called `prompt_*`, or `ngram`.
    """
    names = [found.name for found in pkgutil.iter_modules(__path__)]
    if kind == "image":
        return tuple(name for name in names if name.startswith(_IMAGE_PREFIX))
    return tuple(name for name in names if name == "ngram" or name.startswith("prompt_"))


def _create(name: str, factory: str, kind: str, options: dict[str, Any]) -> Any:
    foreign, _, attribute = name.partition(":")
    known = ", ".join(known_classifiers(kind))
    if attribute:
        module_name, factory = foreign, attribute
    elif name in known_classifiers(kind):
        module_name = f"{__name__}.{name}"
    else:
        raise UnknownClassifier(
            f"{kind} classifier: got {name!r}, expected one of {known}, or 'package.module:factory'"
        )
    try:
        build = getattr(importlib.import_module(module_name), factory)
    except (ImportError, AttributeError) as error:
        raise UnknownClassifier(
            f"{kind} classifier: got {name!r}, which cannot be imported ({error}); "
            f"install it, or use one of {known}"
        ) from error
    return build(**options)

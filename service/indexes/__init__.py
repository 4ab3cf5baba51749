"""Vector indexes: where the registered pictures' 256-bit vectors are looked up, as plug-ins.

One module is one engine: `vector_index = "usearch"` means `service.indexes.usearch.create(folder, space, **options)`;
`"acme.vectors:create"` reaches another distribution. An index is a cache of the registry: it may be thrown away at any
time and is filled again (service.lookalikes). tests/contract runs the same tests against every installed engine.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from service.errors import StartupError

VECTOR_BYTES = 32

Space = Literal["hashes", "features"]
"""Hashes of whole pictures are few, far from each other, and searched exactly: a graph does not lead to such vectors
(24 of 30 blurred copies found). Local features are many and crowded: searched approximately."""

Vectors = NDArray[np.uint8]  # (n, 32)


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to which record of the registry an index is filled: its position (0: none) and its id."""

    position: int = 0
    record_id: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored vector near a searched one: its record (16 hex digits) and the bits in which they differ."""

    record_id: str
    distance: int


class VectorIndex(Protocol):
    """Vectors of 256 bits by Hamming distance, several to a record; used by one thread at a time."""

    @property
    def progress(self) -> Progress:
        """What the last `add` that was kept reached."""

    def add(self, rows: Sequence[tuple[str, Vectors]], progress: Progress) -> None:
        """Add the vectors of these records; adding a record again changes nothing that is found."""

    def search(self, vectors: Vectors, most: int) -> list[list[Hit]]:
        """Return for each vector up to `most` near ones, the nearest first; of features it may miss some."""

    def clear(self) -> None:
        """Forget everything."""

    def save(self) -> None:
        """Keep what was added for the next start."""

    def close(self) -> None:
        """Save and let go; closing twice is fine."""


def create_index(name: str, folder: Path, space: Space, **options: Any) -> VectorIndex:
    """Open one space of the index called `name`; `folder` is shared by its spaces.

    Raises:
        StartupError: no such engine, its package is not installed, or it cannot be opened with these options.

    """
    module_name, _, attribute = name.partition(":")
    known = sorted(module.name for module in pkgutil.iter_modules(__path__))
    if not attribute:
        if name not in known:
            raise StartupError(
                f"vector_index: got {name!r}, expected one of {known} or 'package.module:create'."
            )
        module_name, attribute = f"{__name__}.{name}", "create"
    try:
        index: VectorIndex = getattr(importlib.import_module(module_name), attribute)(
            folder, space, **options
        )
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise StartupError(
            f"vector_index {name!r}: {error}. Install its extra (pip install 'countermark[{name}]') or mend "
            "vector_index_options."
        ) from error
    return index

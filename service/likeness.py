"""Likeness to registered pictures: what verification asks of the fingerprints, and what it keeps of the answer.

The Protocols are all that verification knows of service/lookalikes.py; None stands where nothing is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Status = Literal["match", "similar", "no_match"]


class Comparison(Protocol):
    """One picture against one registered picture (watermark.fingerprint_match)."""

    @property
    def status(self) -> Status:
        """`match`: confirmed by geometry; `similar`: not confirmed; `no_match`: another picture."""

    @property
    def homography(self) -> NDArray[np.float64] | None:
        """3 x 3, from this picture to the registered one."""


class Lookalike(Protocol):
    """A registered picture that was found."""

    @property
    def record_id(self) -> str:
        """Its record."""

    @property
    def comparison(self) -> Comparison:
        """How like it is."""


class LikenessSearch(Protocol):
    """The registered pictures' fingerprints; safe to share between threads."""

    def find(self, image: NDArray[np.uint8], most: int = 10) -> Sequence[Lookalike]:
        """Return the registered pictures that are like `image`, the best first; CannotRecord when it cannot tell."""

    def compare(self, image: NDArray[np.uint8], record_id: str) -> Comparison | None:
        """Compare `image` with one record; None where it has no fingerprint."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How like this picture is to one registered picture.

    Attributes:
        status: `no_match` without a `record_id`: no registered picture is like it.
        record_id: the registered picture that `status` is about.
        alignment: 3 x 3 row by row, from this picture to that one, both with sides of 1.

    """

    status: Status
    record_id: str | None = None
    alignment: tuple[float, ...] | None = None

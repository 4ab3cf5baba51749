"""A stand-in for the fingerprints: answers what a test tells it, with the real interface."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from service.errors import CannotRecord
from service.likeness import Status


@dataclass(frozen=True)
class FakeComparison:
    status: Status
    homography: np.ndarray | None = None


@dataclass(frozen=True)
class FakeLookalike:
    record_id: str
    comparison: FakeComparison


@dataclass
class FakeLikeness:
    """`alike`: record id -> status, the best first; `asked` counts the calls."""

    alike: dict[str, Status] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    broken: bool = False

    def find(self, image: np.ndarray, most: int = 10) -> Sequence[FakeLookalike]:
        self.asked.append("find")
        if self.broken:
            raise CannotRecord("the index does not answer")
        found = [FakeLookalike(one, FakeComparison(status, np.eye(3))) for one, status in self.alike.items()]
        return found[:most]

    def compare(self, image: np.ndarray, record_id: str) -> FakeComparison | None:
        self.asked.append(f"compare {record_id}")
        if self.broken:
            raise CannotRecord("the index does not answer")
        if record_id in self.unknown:
            return None
        return FakeComparison(self.alike.get(record_id, "no_match"), np.eye(3))

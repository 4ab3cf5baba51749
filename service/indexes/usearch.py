"""The embedded index: usearch's HNSW graph over bits, in memory, kept as one file.

HNSW: Malkov and Yashunin, "Efficient and robust approximate nearest neighbor search using hierarchical navigable small
world graphs", 2018. The file's name says up to which record it is filled, so that data and progress cannot part; a
new file replaces the old one by renaming. Several processes may do that: whichever is left is whole.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from usearch.compiled import MetricKind, ScalarKind
from usearch.index import BatchMatches, Index

from service.indexes import VECTOR_BYTES, Hit, Progress, Space, Vectors

_FILE = re.compile(r"vectors-(\d+)-([0-9a-f]{16})\.usearch")
_BITS = 8 * VECTOR_BYTES
_FREE = 2**64 - 1  # usearch's own mark of an empty place: a record with this id, one in 2^64, is not indexed
_CONNECTIONS, _EFFORT_ADD, _EFFORT_SEARCH = 8, 64, 32
"""Searching twice as hard takes twice as long and finds 140 instead of 139 of 145 hard copies (crops to a quarter,
turned by 45 degrees, collages, blur of 4 px, JPEG 10) among 1,029 records."""


def create(folder: str | os.PathLike[str], space: Space) -> "UsearchIndex":
    """Open a space of the index in `folder`; a file that cannot be read counts as none."""
    return UsearchIndex(Path(folder) / space, exact=space == "hashes")


class UsearchIndex:
    """Implements service.indexes.VectorIndex."""

    def __init__(self, folder: Path, *, exact: bool) -> None:
        self._folder, self._exact = folder, exact
        self._index, self._progress = _empty(), Progress()
        self._changed = False
        self._load()

    @property
    def progress(self) -> Progress:
        """Up to which record the vectors in memory reach."""
        return self._progress

    def add(self, rows: Sequence[tuple[str, Vectors]], progress: Progress) -> None:
        """Add vectors in memory; `save` keeps them."""
        for record_id, vectors in rows:
            key = int(record_id, 16)
            if key != _FREE and len(vectors) and not self._index.contains(key):
                self._index.add(np.full(len(vectors), key, np.uint64), vectors, threads=1)
        self._progress, self._changed = progress, True

    def search(self, vectors: Vectors, most: int) -> list[list[Hit]]:
        """Return the nearest of each vector."""
        if not len(vectors) or not len(self._index):
            return [[] for _ in vectors]
        found = self._index.search(np.ascontiguousarray(vectors), most, threads=1, exact=self._exact)
        if isinstance(found, BatchMatches):
            rows = list(zip(found.keys, found.distances, found.counts, strict=True))
        else:
            rows = [(found.keys, found.distances, len(found))]
        return [
            [
                Hit(f"{int(key):016x}", int(distance))
                for key, distance in zip(keys[:count], distances[:count], strict=True)
            ]
            for keys, distances, count in rows
        ]

    def clear(self) -> None:
        """Start anew; the old file is replaced by the next `save`."""
        self._index, self._progress, self._changed = _empty(), Progress(), True

    def save(self) -> None:
        """Write the file anew where anything changed."""
        if not self._changed or not self._progress.position:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = f"vectors-{self._progress.position}-{self._progress.record_id}.usearch"
        draft = self._folder / f".{name}.{os.getpid()}"
        self._index.save(str(draft))
        draft.replace(self._folder / name)
        for _, path in self._files():
            if path.name != name:
                path.unlink(missing_ok=True)
        self._changed = False

    def close(self) -> None:
        """Save."""
        self.save()

    def _load(self) -> None:
        """Take the file that reaches farthest and is whole."""
        for progress, path in self._files():
            try:
                index = _empty()
                index.load(str(path))
            except (
                RuntimeError,
                ValueError,
                OSError,
            ):  # usearch raises RuntimeError on a file that it cannot read
                continue
            if index.ndim == _BITS and index.multi:
                self._index, self._progress = index, progress
                return

    def _files(self) -> list[tuple[Progress, Path]]:
        """Return our files, the one that reaches farthest first."""
        paths = list(self._folder.iterdir()) if self._folder.is_dir() else []
        named = [(match, path) for path in paths if (match := _FILE.fullmatch(path.name))]
        found = [(Progress(int(match[1]), match[2]), path) for match, path in named]
        return sorted(found, key=lambda one: -one[0].position)


def _empty() -> Index:
    return Index(
        ndim=_BITS,
        metric=MetricKind.Hamming,
        dtype=ScalarKind.B1,
        connectivity=_CONNECTIONS,
        expansion_add=_EFFORT_ADD,
        expansion_search=_EFFORT_SEARCH,
        multi=True,
    )

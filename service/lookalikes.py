"""Find the registered picture that a picture is a copy of, and compare a picture with one record.

1. The index (service.indexes) is filled from the registry up to the newest record; one that is ahead of the registry
   or of another one is emptied first.
2. Candidates: records whose PDQ hash is near one of the picture's eight positions, and records that many of its local
   features point to.
3. Each candidate is compared in full (watermark.fingerprint_match); what is not confirmed there is not returned.
4. Where nothing matched, 2 and 3 are done with the mirror image.

The index has two spaces: the PDQ hash and the ISCC code (four times over, to be as long; the two kinds are 128 bits
apart, give or take 30), searched exactly, and the first of the features, searched approximately.
"""

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from service.indexes import VECTOR_BYTES, Progress, Space, VectorIndex, Vectors
from service.stores import RegistryStore
from watermark.errors import BadFingerprint
from watermark.fingerprint import (
    Fingerprint,
    fingerprint_of_work,
    grey_of,
    hashes_of_positions,
    working_picture,
)
from watermark.fingerprint_features import Features
from watermark.fingerprint_iscc import ISCC_BYTES, iscc_from_text
from watermark.fingerprint_match import Comparison, compare

FEATURES_INDEXED, FEATURES_ASKED = 48, 400
"""Of a record's and of a searched picture's 500."""

_NEIGHBOURS = 4
_PDQ_CANDIDATE = 48  # bits: well over a match (31), since the comparison has the last word
_ISCC_CANDIDATE = 10  # of 64 bits
_FARTHEST_VOTE = 70
_LEAST_VOTES = 2.0
_MOST_COMPARED = 5
_MIRROR_EFFORT = (
    200,
    2,
)  # features asked for and candidates compared: mirrored copies are rare, most are whole
_SAVE_AFTER = 256
_REFLECT = np.array([[-1.0, 0, 1], [0, 1, 0], [0, 0, 1]])


@dataclass(frozen=True, slots=True)
class Lookalike:
    """A registered picture that is the same or similar, and how the two compare."""

    record_id: str
    comparison: Comparison


class Lookalikes:
    """The fingerprints of a registry; safe to share between threads."""

    def __init__(self, registry: RegistryStore, indexes: dict[Space, VectorIndex]) -> None:
        self._registry, self._indexes = registry, indexes
        self._lock = threading.Lock()
        self._unsaved = 0

    def find(self, image: NDArray[np.uint8], most: int = 10) -> list[Lookalike]:
        """Return the registered pictures that `image` matches or resembles, the best first.

        Raises:
            CannotRecord: registry or index do not answer.

        """
        self.catch_up()
        if not any(index.progress.position for index in self._indexes.values()):
            return []
        work = working_picture(grey_of(image))
        found = self._compared(fingerprint_of_work(work), self._by_hashes(work), None)
        if not any(one.comparison.status == "match" for one in found):
            found += self._compared(fingerprint_of_work(_mirrored(work)), [], _REFLECT)
        best = {
            one.record_id: one for one in sorted(found, key=_goodness)
        }  # the last, the best, of a record stays
        return sorted(best.values(), key=_goodness, reverse=True)[:most]

    def compare(self, image: NDArray[np.uint8], record_id: str) -> Comparison | None:
        """Compare `image` with the record that its watermark names; None where the record has no fingerprint."""
        stored = self._stored(record_id)
        if stored is None:
            return None
        work = working_picture(grey_of(image))
        straight = compare(fingerprint_of_work(work), stored, expected=True)
        if straight.status == "match":
            return straight
        other = _reflected(compare(fingerprint_of_work(_mirrored(work)), stored, expected=True), _REFLECT)
        return max(straight, other, key=lambda one: _goodness(Lookalike(record_id, one)))

    def find_iscc(self, code: bytes, most: int = 10) -> list[tuple[str, int]]:
        """Return record ids and distances (of 64 bits) of the ISCC codes nearest to `code` (8 bytes)."""
        self.catch_up()
        with self._lock:
            hits = self._indexes["hashes"].search(_iscc_vector(code)[None], most)[0]
        near = {hit.record_id: hit.distance // 4 for hit in reversed(hits)}
        return sorted(
            ((one, bits) for one, bits in near.items() if bits <= _ISCC_CANDIDATE), key=lambda row: row[1]
        )

    def catch_up(self) -> int:
        """Put what was registered since into the index; return how many records that were."""
        with self._lock:
            added = max(self._fill(index, _CUTS[space]) for space, index in self._indexes.items())
            self._unsaved += added
            if self._unsaved >= _SAVE_AFTER:
                for index in self._indexes.values():
                    index.save()
                self._unsaved = 0
            return added

    def close(self) -> None:
        """Keep the index for the next start; closing twice is fine."""
        with self._lock:
            for index in self._indexes.values():
                index.close()

    def _fill(self, index: VectorIndex, cut: Callable[[Fingerprint], Vectors]) -> int:
        progress, added = index.progress, 0
        if progress.position and not self._is_ours(progress):
            index.clear()
            progress = Progress()
        fresh = self._registry.fingerprints(progress.position)
        while rows := list(islice(fresh, _SAVE_AFTER)):
            index.add(
                [(record_id, _vectors(body, cut)) for _, record_id, body in rows],
                Progress(rows[-1][0], rows[-1][1]),
            )
            added += len(rows)
        return added

    def _is_ours(self, progress: Progress) -> bool:
        """Tell whether the registry has the record that the index was filled up to, at its place."""
        first = next(self._registry.fingerprints(progress.position - 1), None)
        return first is not None and (first[0], first[1]) == (progress.position, progress.record_id)

    def _stored(self, record_id: str) -> Fingerprint | None:
        body = self._registry.fingerprint(record_id)
        try:
            return None if body is None else Fingerprint.from_bytes(body)
        except BadFingerprint:
            return None  # of another version: as good as none

    def _compared(
        self, asked: Fingerprint, near: list[str], reflect: NDArray[np.float64] | None
    ) -> list[Lookalike]:
        """Steps 2 and 3 for one of picture and mirror image; `near` are candidates that are known already."""
        found = []
        asked_for, compared = (FEATURES_ASKED, _MOST_COMPARED) if reflect is None else _MIRROR_EFFORT
        candidates = dict.fromkeys([*near, *self._by_features(asked, asked_for)])
        for record_id in list(candidates)[:compared]:
            stored = self._stored(record_id)
            if stored is None:
                continue
            comparison = compare(asked, stored)
            if comparison.status != "no_match":
                found.append(Lookalike(record_id, _reflected(comparison, reflect)))
        return found

    def _by_hashes(self, work: NDArray[np.uint8]) -> list[str]:
        """Return the records whose PDQ hash is near one of the picture's positions, the nearest first."""
        hashes = hashes_of_positions(work)
        with self._lock:
            rows = self._indexes["hashes"].search(_bytes_vectors(hashes), _NEIGHBOURS)
        hits = sorted((hit.distance, hit.record_id) for row in rows for hit in row)
        return list(dict.fromkeys(one for distance, one in hits if distance <= _PDQ_CANDIDATE))

    def _by_features(self, asked: Fingerprint, asked_for: int) -> list[str]:
        """Return the records that the features point to, the likeliest first.

        A feature that many records have says little, so a vote weighs as much as the record is nearer than the
        farthest of the nearest.
        """
        descriptors = Features.from_bytes(asked.features).descriptors[:asked_for]
        with self._lock:
            rows = self._indexes["features"].search(descriptors, _NEIGHBOURS)
        votes: defaultdict[str, float] = defaultdict(float)
        for row in rows:
            reach = min(row[-1].distance, _FARTHEST_VOTE) if len(row) == _NEIGHBOURS else _FARTHEST_VOTE
            for record_id, distance in {hit.record_id: hit.distance for hit in reversed(row)}.items():
                if distance < reach:
                    votes[record_id] += (reach - distance) / reach
        voted = sorted(votes.items(), key=lambda vote: -vote[1])
        return [record_id for record_id, weight in voted if weight >= _LEAST_VOTES]


def _hash_vectors(one: Fingerprint) -> Vectors:
    code = iscc_from_text(one.iscc) or bytes(ISCC_BYTES)
    return np.concatenate([_bytes_vectors([one.pdq]), _iscc_vector(code)[None]])


def _feature_vectors(one: Fingerprint) -> Vectors:
    return Features.from_bytes(one.features).landmarks(FEATURES_INDEXED)


_CUTS: dict[Space, Callable[[Fingerprint], Vectors]] = {"hashes": _hash_vectors, "features": _feature_vectors}


def _vectors(body: bytes, cut: Callable[[Fingerprint], Vectors]) -> Vectors:
    """Return what one space holds of a record: nothing of a fingerprint that cannot be read."""
    try:
        return cut(Fingerprint.from_bytes(body))
    except BadFingerprint:
        return _bytes_vectors([])


def _iscc_vector(code: bytes) -> Vectors:
    return np.frombuffer(code * (VECTOR_BYTES // ISCC_BYTES), np.uint8)


def _bytes_vectors(hashes: list[bytes]) -> Vectors:
    return np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), VECTOR_BYTES)


def _mirrored(work: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(work[:, ::-1])


def _reflected(comparison: Comparison, reflect: NDArray[np.float64] | None) -> Comparison:
    """Let a comparison of the mirror image start from the picture itself."""
    if reflect is None or comparison.homography is None:
        return comparison
    turned = comparison.homography @ reflect
    return replace(comparison, homography=turned / turned[2, 2])


def _goodness(one: Lookalike) -> tuple[int, float, int]:
    """Order by status, by what the features confirm, then by PDQ."""
    comparison = one.comparison
    status = ("no_match", "similar", "match").index(comparison.status)
    return status, comparison.inliers * comparison.agreement, -comparison.distance

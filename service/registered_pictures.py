"""Which registered picture is this a picture of, as far as the registry can show its pictures.

A mark can be copied, so the record that it names is only a candidate: fingerprints compare the picture with the
registered one, and of crops too small for them, the mark's own geometry says where in it to look (service.placement).
"""

import numpy as np
from numpy.typing import NDArray

from service.likeness import Comparison, Likeness, LikenessSearch
from service.placement import covered_share, marked_part, place
from service.stores import RegistryStore
from service.stores.record import Record
from watermark import Detection
from watermark.manifest import Trust
from watermark.manifest_timeline import read_stored_timeline
from watermark.picture import decode_picture

_RECOGNISED_SHARE = 0.35  # of a registered picture's area: what fingerprints surely recognise


class RegisteredPictures:
    """Compares pictures with registered ones; safe to share between threads.

    Args:
        registry: the records.
        trust: whose certificates count while a stored manifest is read.
        lookalikes: the fingerprints; None where nothing is compared by them.

    """

    def __init__(
        self, registry: RegistryStore, trust: Trust, lookalikes: LikenessSearch | None = None
    ) -> None:
        self._registry, self._trust, self._lookalikes = registry, trust, lookalikes

    def thumbnail(self, record_id: str) -> bytes | None:
        """Return a JPEG of the registered picture, from its stored manifest; None where that has none."""
        stored = self._registry.manifest(record_id)
        history = read_stored_timeline(stored, trust=self._trust) if stored else ()
        return history[0].thumbnail if history else None

    def likeness(self, image: NDArray[np.uint8], record_id: str) -> Likeness | None:
        """Compare with a record by fingerprints; None where there are none."""
        if self._lookalikes is None:
            return None
        comparison = self._lookalikes.compare(image, record_id)
        return None if comparison is None else likeness_of(record_id, comparison)

    def likeness_to_marked(
        self, image: NDArray[np.uint8], record: Record, mark: Detection | None
    ) -> Likeness | None:
        """Compare with the record that `mark`, found in `image`, names; None where nothing can be said.

        "No match" accuses somebody of copying the mark, so it needs both the fingerprints and the mark's own geometry
        to say so, or a picture large enough for the fingerprints to know.
        """
        likeness = self.likeness(image, record.id)
        if likeness is not None and likeness.status != "no_match":
            return likeness
        geometry = mark.geometry if mark else None
        if mark is None or geometry is None:
            return likeness
        size, thumbnail = (record.height, record.width), self.thumbnail(record.id)
        if thumbnail is None:
            doubtful = covered_share(image, size, geometry) < _RECOGNISED_SHARE or geometry.inverted
            return None if doubtful or likeness is None else Likeness("no_match", record.id)
        registered = decode_picture(thumbnail).image
        found = place(image, registered, size, geometry).found
        part = marked_part(mark.presence, image.shape) if mark.presence is not None else None
        if not found and part is not None:  # what carries the mark may be ours, and the rest put there since
            found = place(image, registered, size, geometry, part).found
            if found:
                return Likeness("similar", record.id)
        return None if found is None else Likeness("match" if found else "no_match", record.id)


def likeness_of(record_id: str, comparison: Comparison) -> Likeness:
    """Say what a comparison with the record's fingerprint tells."""
    matrix = comparison.homography
    alignment = None if matrix is None else tuple(float(f"{value:.6g}") for value in matrix.ravel())
    return Likeness(comparison.status, record_id, alignment)

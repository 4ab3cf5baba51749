"""What the soft binding routes answer: manifests that a soft binding or a picture leads to.

A soft binding is a claim of whoever asks; a watermark found in the picture or a confirmed likeness is evidence. Both
give manifest ids only: whoever gets a manifest must still validate it against the picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import watermark
from service.errors import BadRequest
from service.keys import Keys
from service.lookalikes import Lookalikes
from service.registered_pictures import RegisteredPictures
from service.stores import RegistryStore
from watermark.fingerprint_iscc import ISCC_ALG, ISCC_BYTES, iscc_from_text
from watermark.manifest import SOFT_BINDING_ALG

FINGERPRINT_ALG = "countermark.features.1"
"""PDQ and local features of watermark.fingerprint: searched by content only, there is no value to ask by."""

WATERMARKS, FINGERPRINTS = (SOFT_BINDING_ALG,), (ISCC_ALG, FINGERPRINT_ALG)

_MATCH_SCORE, _SIMILAR_SCORE, _WATERMARK_SCORE = 90, 50, 100


@dataclass(frozen=True, slots=True)
class Match:
    """One answer: the manifest's URN and, for likeness, 0..100."""

    manifest_id: str
    score: int


class Resolver:
    """Looks manifests up; safe to share between threads."""

    def __init__(
        self, keys: Keys, registry: RegistryStore, lookalikes: Lookalikes, pictures: RegisteredPictures
    ) -> None:
        self._keys, self._registry, self._lookalikes, self._pictures = keys, registry, lookalikes, pictures

    def by_binding(self, alg: str, value: bytes, most: int) -> list[Match]:
        """Return the manifests bound by this value (the bytes that the manifest's text is in UTF-8).

        Raises:
            BadRequest: an algorithm that is not supported here, or a value that is none of its values.

        """
        text = value.decode("utf-8", "replace")
        if alg == SOFT_BINDING_ALG:
            return self._of_records([(text, _WATERMARK_SCORE)])
        if alg != ISCC_ALG:
            known = ", ".join((*WATERMARKS, ISCC_ALG))
            raise BadRequest(f"alg: got {alg[:80]!r}, expected one of {known}.", param="alg")
        code = iscc_from_text(text)
        if code is None:
            raise BadRequest("value: expected the base64 of an ISCC Image-Code as text.", param="value")
        near = self._lookalikes.find_iscc(code, most)
        return self._of_records([(one, round(100 * (1 - bits / (8 * ISCC_BYTES)))) for one, bits in near])[
            :most
        ]

    def by_content(self, image: NDArray[np.uint8], alg: str | None, most: int) -> list[Match]:
        """Return the manifests of the picture that `image` is a copy of: by watermark, then by fingerprint.

        A picture may carry several marks. One whose record shows another picture was copied here: it leads nowhere.

        Raises:
            BadRequest: an algorithm that is not supported here.

        """
        if alg is not None and alg not in {*WATERMARKS, *FINGERPRINTS}:
            raise BadRequest(
                f"alg: got {alg[:80]!r}, expected one of {', '.join((*WATERMARKS, *FINGERPRINTS))}.",
                param="alg",
            )
        found: list[tuple[str, int]] = []
        if alg in {None, *WATERMARKS}:
            found += [(one, _WATERMARK_SCORE) for one in self._marks(image)]
        if alg in {None, *FINGERPRINTS}:
            scores = {"match": _MATCH_SCORE, "similar": _SIMILAR_SCORE}
            found += [
                (one.record_id, scores[one.comparison.status]) for one in self._lookalikes.find(image, most)
            ]
        return self._of_records(found)[:most]

    def _marks(self, image: NDArray[np.uint8]) -> list[str]:
        try:
            found = watermark.detect(image, key=self._keys.all_watermarks, localize=True)
        except watermark.ImageTooSmall:
            return []
        if found.payload is None:
            return []
        led = []
        for payload in (found.payload, *(other.payload for other in found.others)):
            record = self._registry.get(payload.hex())
            if record is None:
                continue
            likeness = self._pictures.likeness_to_marked(image, record, found)
            if likeness is None or likeness.status != "no_match":
                led.append(record.id)
        return led

    def _of_records(self, found: list[tuple[str, int]]) -> list[Match]:
        """Turn record ids into manifest ids, each once, the best score first."""
        best: dict[str, int] = {}
        for record_id, score in found:
            record = self._registry.get(record_id)
            if record is not None:
                best[record.manifest_id] = max(score, best.get(record.manifest_id, 0))
        return [Match(*row) for row in sorted(best.items(), key=lambda row: -row[1])]

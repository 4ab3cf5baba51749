"""The history that a manifest store tells: who signed what, when, from which pictures; for a timeline that people see.

Rules:

* a history is claims: each entry says whether this reader's validation found a fault in it, and the store as a whole is
  judged by `read_manifest`, never here;
* hostile stores are expected: loops and repetitions are walked once, every list and text is cut, and a thumbnail is
  shown only after it was decoded within caps and encoded anew as JPEG.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from c2pa import C2paError, Reader

from watermark.errors import PictureError
from watermark.manifest_reader import BLANK_PNG, OpenStore, Trust, open_store
from watermark.manifest_report import (
    ManifestReport,
    action_names,
    actions_of,
    claim_generator,
    faulty_manifests,
    object_of,
    objects_of,
    recorded_faults,
)
from watermark.picture import Limits, decode_picture
from watermark.thumbnail import make_thumbnail
from watermark.untrusted_text import clean_text

_MAX_CREDENTIALS: Final = 50
_MAX_STEPS: Final = 40  # of one credential
_MAX_INGREDIENTS: Final = 40  # of one credential
_MAX_THUMBNAILS: Final = 12
_THUMBNAIL_LIMITS: Final = Limits(max_bytes=1 << 20, max_pixels=2_000_000, max_side=4096)


@dataclass(frozen=True, slots=True)
class Step:
    """One action as claimed: its name ("c2pa.created"), time and software; None where the claim says nothing."""

    action: str
    when: str | None
    software: str | None
    digital_source_type: str | None


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One picture that went in: how ("parentOf", "inputTo", "componentOf"), its own credential's id, a JPEG or None."""

    title: str
    relationship: str
    manifest_id: str | None
    thumbnail: bytes | None


@dataclass(frozen=True, slots=True)
class Credential:
    """One manifest of the store.

    Attributes:
        manifest_id: its label.
        title: of the picture, as claimed.
        signer: common name in the certificate; shown only while this manifest's validation found no fault.
        signed_at: RFC 3339 time of the timestamp, likewise; whoever its authority is.
        claim_generator: name and version of the program, as claimed.
        sound: whether neither this reader nor whoever took it in as an ingredient found a fault (trust in its
            signer is another question).
        depth: 0 for the picture itself, 1 for what it was made from, and so on.
        steps: actions in order.
        ingredients: what it was made from.
        thumbnail: a JPEG of the picture as this manifest shows it, or None.

    """

    manifest_id: str
    title: str | None
    signer: str | None
    signed_at: str | None
    claim_generator: str | None
    sound: bool
    depth: int
    steps: tuple[Step, ...]
    ingredients: tuple[Ingredient, ...]
    thumbnail: bytes | None


def read_timeline(
    data: bytes, mime: str, *, trust: Trust, stored_manifest: bytes | None = None
) -> tuple[Credential, ...]:
    """List the credentials of a file, the active one first, then breadth first what they were made from.

    Empty where there is none that can be read; never raises on a file. Arguments as for `read_manifest`.
    """
    with open_store(data, mime, trust=trust, stored_manifest=stored_manifest) as store:
        return () if isinstance(store, ManifestReport) else timeline_of(store)


def timeline_of(store: OpenStore, *, thumbnails: bool = True) -> tuple[Credential, ...]:
    """As `read_timeline`, of a store that is open already; decoding thumbnails is what costs time."""
    return _Walk(store.json, store.reader, _MAX_THUMBNAILS if thumbnails else 0).credentials()


def read_stored_timeline(stored_manifest: bytes, *, trust: Trust) -> tuple[Credential, ...]:
    """As `read_timeline`, of a manifest store without its picture."""
    return read_timeline(BLANK_PNG, "image/png", trust=trust, stored_manifest=stored_manifest)


class _Walk:
    """One walk over one store."""

    def __init__(self, store: Mapping[str, Any], reader: Reader, thumbnails: int = _MAX_THUMBNAILS) -> None:
        self._manifests = object_of(store.get("manifests"))
        self._active = store.get("active_manifest", "")
        self._faulty = faulty_manifests(store)
        self._reader = reader
        self._thumbnails_left = thumbnails

    def credentials(self) -> tuple[Credential, ...]:
        found: list[Credential] = []
        queue, seen = [(self._active, 0)], {self._active}
        while queue and len(found) < _MAX_CREDENTIALS:
            label, depth = queue.pop(0)
            manifest = object_of(self._manifests.get(label))
            if not manifest:
                continue
            found.append(self._credential(label, manifest, depth))
            for ingredient in objects_of(manifest.get("ingredients"))[:_MAX_INGREDIENTS]:
                origin = ingredient.get("active_manifest")
                if isinstance(origin, str) and origin not in seen:
                    seen.add(origin)
                    if recorded_faults(ingredient):
                        self._faulty |= {origin}
                    queue.append((origin, depth + 1))
        return tuple(found)

    def _credential(self, label: str, manifest: Mapping[str, Any], depth: int) -> Credential:
        sound = label not in self._faulty
        signature = object_of(manifest.get("signature_info")) if sound else {}
        return Credential(
            manifest_id=clean_text(label),
            title=clean_text(manifest.get("title")) or None,
            signer=clean_text(signature.get("common_name")) or None,
            signed_at=clean_text(signature.get("time"), 40) or None,
            claim_generator=claim_generator(manifest),
            sound=sound,
            depth=depth,
            steps=tuple(
                _step(action) for action in list(actions_of(manifest))[:_MAX_STEPS] if action_names([action])
            ),
            ingredients=tuple(
                self._ingredient(ingredient)
                for ingredient in objects_of(manifest.get("ingredients"))[:_MAX_INGREDIENTS]
            ),
            thumbnail=self._thumbnail(manifest),
        )

    def _ingredient(self, ingredient: Mapping[str, Any]) -> Ingredient:
        origin = ingredient.get("active_manifest")
        return Ingredient(
            title=clean_text(ingredient.get("title")) or "without a title",
            relationship=clean_text(ingredient.get("relationship"), 40),
            manifest_id=clean_text(origin) if isinstance(origin, str) and origin in self._manifests else None,
            thumbnail=self._thumbnail(ingredient),
        )

    def _thumbnail(self, owner: Mapping[str, Any]) -> bytes | None:
        identifier = object_of(owner.get("thumbnail")).get("identifier")
        if not isinstance(identifier, str) or not self._thumbnails_left:
            return None
        self._thumbnails_left -= 1
        out = io.BytesIO()
        try:
            self._reader.resource_to_stream(identifier, out)
            return make_thumbnail(decode_picture(out.getvalue(), limits=_THUMBNAIL_LIMITS).image)
        except (C2paError, PictureError):
            return None


def _step(action: Mapping[str, Any]) -> Step:
    agent = action.get("softwareAgent")
    named = object_of(agent)
    software = (
        f"{clean_text(named.get('name'))} {clean_text(named.get('version'), 40)}"
        if named
        else clean_text(agent)
    )
    return Step(
        action=clean_text(action.get("action"), 60),
        when=clean_text(action.get("when"), 40) or None,
        software=software.strip() or None,
        digital_source_type=clean_text(action.get("digitalSourceType")) or None,
    )

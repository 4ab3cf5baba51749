"""Find registered pictures that show something similar: a matter of content, never of origin.

Rules:
- What is compared is the thumbnail in each record's stored manifest; the registry keeps no pictures.
- The vectors are a cache in one file of the data directory: filled from the registry whenever somebody asks, started
  anew for another checkpoint or another registry, replaced by renaming. A file that cannot be read counts as none.
- Search is exact: a product with all vectors. Records without fingerprint (of old versions) or thumbnail are not found.
"""

import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from classifiers.picture_vectors import PictureVectors
from service.stores import RegistryStore
from service.stores.errors import RegistryUnavailable
from watermark.picture import decode_picture
from watermark.thumbnail import make_thumbnail

FILE = "semantic-index.npz"
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class Likeness:
    """A record and the cosine between its vector and the searched one, 0 to 1."""

    record_id: str
    cosine: float


class SemanticIndex:
    """The vectors of one registry by one checkpoint; used by one thread at a time."""

    def __init__(
        self,
        folder: Path,
        vectors: PictureVectors,
        registry: RegistryStore,
        thumbnail: Callable[[str], bytes | None],
    ) -> None:
        """Open the index in `folder`; `thumbnail` gives a record's JPEG or None."""
        self._path, self._vectors = folder / FILE, vectors
        self._registry, self._thumbnail = registry, thumbnail
        self._position, self._last = 0, ""  # up to which record of the registry we have read
        self._ids: list[str] = []
        self._rows: list[NDArray[np.float32]] = []
        self._load()

    def __len__(self) -> int:
        """Return the number of records that can be found."""
        return len(self._ids)

    def catch_up(self, progress: Callable[[int], None]) -> int:
        """Embed what was registered since, telling the number after each; return how many records that were.

        What was done is kept also where this is interrupted.

        Raises:
            CannotRecord: the registry does not answer, or the file cannot be written.
            ClassifierError: the network cannot be used.

        """
        if self._position and not self._is_ours():
            self._position, self._last, self._ids, self._rows = 0, "", [], []
        added = 0
        try:
            for position, record_id, _ in self._registry.fingerprints(self._position):
                body = self._thumbnail(record_id)
                if body is not None:
                    self._rows.append(self._vectors.embed(decode_picture(body).image))
                    self._ids.append(record_id)
                self._position, self._last = position, record_id
                added += 1
                progress(added)
        finally:
            if added:
                self._save()
        return added

    def search(self, image: NDArray[np.uint8], most: int) -> list[Likeness]:
        """Return up to `most` records, the most similar first; `image` is uint8 (H, W, 3) RGB.

        Raises:
            ClassifierError: the network cannot be used.

        """
        if not self._ids:
            return []
        small = decode_picture(make_thumbnail(image)).image  # as the records' pictures went through it
        cosines = np.stack(self._rows) @ self._vectors.embed(small)
        best = np.argsort(-cosines, kind="stable")[:most]
        return [Likeness(self._ids[at], float(np.clip(cosines[at], 0, 1))) for at in best]

    def _is_ours(self) -> bool:
        first = next(self._registry.fingerprints(self._position - 1), None)
        return first is not None and first[:2] == (self._position, self._last)

    def _load(self) -> None:
        try:
            with np.load(self._path, allow_pickle=False) as file:
                model, last = str(file["model"]), str(file["last"])
                position, ids, rows = int(file["position"]), file["ids"].tolist(), file["vectors"]
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
            return
        whole = rows.ndim == 2 and rows.dtype == np.float32 and len(rows) == len(ids)
        if whole and model == self._vectors.model and all(_ID.fullmatch(str(one)) for one in ids):
            self._position, self._last, self._ids, self._rows = position, last, ids, list(rows)

    def _save(self) -> None:
        draft = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            with open(draft, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                np.savez(
                    file,
                    model=self._vectors.model,
                    position=self._position,
                    last=self._last,
                    ids=np.array(self._ids, "U16"),
                    vectors=np.stack(self._rows) if self._rows else np.zeros((0, 1), np.float32),
                )
            draft.replace(self._path)
        except OSError as error:
            draft.unlink(missing_ok=True)
            raise RegistryUnavailable(
                f"{self._path}: got {error}, expected room for the index of vectors, check disk and folder"
            ) from error

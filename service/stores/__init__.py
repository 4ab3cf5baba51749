"""Where records are kept: the audit log and the registry of marked pictures.

One module is one store and shares no code with the others: `audit_<engine>` gives `create(path, *,
signing_key, clock)` and `registry_<engine>` gives `create(path)`. The protocols below are all that the
service may ask of them; tests/contract runs the same tests against every module of either name.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, Any, Protocol

from safety.audit import AuditReport
from safety.audit_entry import AuditEntry
from safety.checkpoint import Checkpoint
from service.stores.record import Record, Release

__all__ = ["AuditStore", "Record", "RegistryStore", "Release"]


class AuditStore(Protocol):
    """An append-only, tamper-evident log of decisions; safe to share between threads and processes."""

    def append(self, entry: AuditEntry) -> int:
        """Make the entry durable, return its index; AuditAppendFailed: it must count as not written."""

    def entries(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Yield entries start .. stop - 1 with since <= time < until; AuditUnreadable names a bad one."""

    def size(self) -> int:
        """Return the number of entries."""

    def checkpoint(self) -> Checkpoint:
        """Sign the present size and root, note it in the checkpoint file, and return it."""

    def verify(self, *, witnessed: Sequence[str] = ()) -> AuditReport:
        """Verify everything; `witnessed` are checkpoint notes that were kept elsewhere."""

    def prove(self, index: int) -> dict[str, Any]:
        """Return the inclusion proof of one entry (safety.audit_export), checkpoint included."""

    def export_lines(self) -> Iterator[str]:
        """Yield the whole log as JSON lines (safety.audit_export), each ended."""

    def export(self, stream: IO[str]) -> int:
        """Write `export_lines` to a text stream and return the number of entries."""

    def close(self) -> None:
        """Write down the last checkpoint durably and let go of the files; closing twice is fine."""


class RegistryStore(Protocol):
    """Records of marked pictures by id, manifest and file hash; safe between threads and processes."""

    def reserve(self, now: datetime) -> str:
        """Return a fresh random id of 16 hex digits that nobody else was or will be given."""

    def put(self, record: Record) -> None:
        """Store a record once; RegistryConflict when its id has one."""

    def release(self, release: Release) -> None:
        """Store a further file of a record; RegistryConflict when there is no such record."""

    def get(self, record_id: str) -> Record | None:
        """Return the record with this id."""

    def manifest(self, record_id: str) -> bytes | None:
        """Return the manifest store of this record's first file."""

    def fingerprint(self, record_id: str) -> bytes | None:
        """Return the fingerprint (watermark.fingerprint) of this record; None where it has none."""

    def fingerprints(self, after: int = 0) -> Iterator[tuple[int, str, bytes]]:
        """Yield position, record id and fingerprint of what was stored after position `after`, oldest first.

        Positions start at 1 and grow in the order in which records become visible: an index that has read up to
        one has missed nothing before it.
        """

    def by_manifest_id(self, manifest_id: str) -> Record | None:
        """Return the record with a file whose active manifest has this URN; what it says of a file is of that one."""

    def by_sha256(self, sha256: str) -> Record | None:
        """Return the newest record with a file of this SHA-256 (hex); what it says of a file is of that one."""

    def count(self) -> int:
        """Return the number of records."""

    def close(self) -> None:
        """Let go of the files; closing twice is fine."""

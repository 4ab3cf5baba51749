"""The registry of marked pictures in one SQLite file.

Rules:
- An id is random (64 bits from the system), never all zero, and never given twice: `issued` keeps every id
  that was ever handed out, used or not. A record is written once and never overwritten.
- `record` and `manifest` hold the first file of a picture, `release` every further one.
- WAL with synchronous=FULL: what `reserve` and `put` acknowledged survives a power cut.
- Manifests (tens of kB) and fingerprints live in tables of their own, so that scans of one do not read the other.
- A fingerprint's position counts up in the order of commits, so whoever read up to one position has missed
  nothing before it.
- `PRAGMA user_version` is the schema version; an older file is brought up to it in one transaction, a file of a
  newer version is refused, never guessed at.
"""

import os
import re
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal

from safety.checkpoint import format_time
from service.stores.errors import RegistryConflict, RegistryUnavailable, RegistryUnusable
from service.stores.record import Record, Release

SCHEMA_VERSION = 3
APPLICATION_ID = 0x434D5247  # "CMRG": tells a registry from any other SQLite file
LOCK_TIMEOUT_S = 5.0
PAGE_ROWS = 500  # fingerprints read at a time (about 10 MB), so that no reader holds the write-ahead log back

_ID = re.compile(r"[0-9a-f]{16}")
_COLUMNS = tuple(name for name in Record.model_fields if name not in {"manifest", "fingerprint"})
_NAMES = ", ".join(f"record.{name}" for name in _COLUMNS)
_FROM = "record JOIN manifest USING (id) LEFT JOIN fingerprint USING (id)"
_SELECT = f"SELECT {_NAMES}, manifest.body, fingerprint.body FROM {_FROM}"  # noqa: S608 - our own names
_INSERT = f"INSERT INTO record ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608 - same

_SCHEMA = (
    "CREATE TABLE issued (id TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE record (
        id TEXT PRIMARY KEY REFERENCES issued (id), created_at TEXT NOT NULL, kind TEXT NOT NULL,
        tenant TEXT NOT NULL, generator TEXT NOT NULL, generator_version TEXT NOT NULL, provider TEXT NOT
        NULL, mime TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, sha256 TEXT NOT NULL,
        manifest_id TEXT NOT NULL, watermark_key_id TEXT NOT NULL, policy_version TEXT NOT NULL, action TEXT
        NOT NULL, parent TEXT, request_id TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX record_by_manifest_id ON record (manifest_id)",
    "CREATE INDEX record_by_sha256 ON record (sha256)",
    "CREATE TABLE manifest (id TEXT PRIMARY KEY REFERENCES record (id), body BLOB NOT NULL) STRICT",
    f"PRAGMA application_id = {APPLICATION_ID}",
    "PRAGMA user_version = 1",
)
_FILE = ("mime", "sha256", "manifest_id", "manifest")  # what a release has of its own
# What brings a file of version N to N + 1; a new file takes all these steps too.
_UPGRADES = {
    1: (
        """CREATE TABLE fingerprint (
            position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE REFERENCES record (id),
            body BLOB NOT NULL
        ) STRICT""",
        "PRAGMA user_version = 2",
    ),
    2: (
        """CREATE TABLE release (
            position INTEGER PRIMARY KEY AUTOINCREMENT, record_id TEXT NOT NULL REFERENCES record (id),
            created_at TEXT NOT NULL, mime TEXT NOT NULL, sha256 TEXT NOT NULL, manifest_id TEXT NOT NULL,
            manifest BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX release_by_manifest_id ON release (manifest_id)",
        "CREATE INDEX release_by_sha256 ON release (sha256)",
        "PRAGMA user_version = 3",
    ),
}


def create(path: str | os.PathLike[str]) -> "Registry":
    """Open the registry at `path`, made (mode 0600) if it is not there.

    Raises:
        RegistryUnusable: the file cannot be made, is not a registry, or is one of a newer Countermark.

    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(
            path, timeout=LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except (OSError, sqlite3.Error) as error:
        raise RegistryUnusable(
            f"registry {path}: got {error}, expected a registry or room for one, check file and folder"
        ) from error
    return Registry(connection, path)


class Registry:
    """One open registry; implements service.stores.RegistryStore."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection, self._path = connection, path
        self._lock = threading.Lock()

    def reserve(self, now: datetime) -> str:
        """Return a fresh random id of 16 hex digits; an id that is never used costs nothing.

        Raises:
            RegistryUnavailable: the id could not be written down.

        """
        while True:
            record_id = secrets.token_bytes(8).hex()
            if record_id == "0" * 16:
                continue  # reserved for "no payload"
            with self._using() as connection:
                statement = "INSERT OR IGNORE INTO issued (id, at) VALUES (?, ?)"
                if connection.execute(statement, (record_id, format_time(now))).rowcount == 1:
                    return record_id

    def put(self, record: Record) -> None:
        """Store a record and its manifest; an id that came from elsewhere counts as issued from now on.

        Raises:
            RegistryConflict: the id has a record already.
            RegistryUnavailable: it could not be written.

        """
        row = record.model_dump(exclude={"manifest", "fingerprint"}) | {
            "created_at": format_time(record.created_at)
        }
        with self._using() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.execute(
                    "INSERT OR IGNORE INTO issued (id, at) VALUES (?, ?)", (record.id, row["created_at"])
                )
                connection.execute(_INSERT, tuple(row[name] for name in _COLUMNS))
                connection.execute(
                    "INSERT INTO manifest (id, body) VALUES (?, ?)", (record.id, record.manifest)
                )
                if record.fingerprint is not None:
                    connection.execute(
                        "INSERT INTO fingerprint (id, body) VALUES (?, ?)", (record.id, record.fingerprint)
                    )
                connection.execute("COMMIT")
            except sqlite3.IntegrityError as error:
                raise RegistryConflict(
                    f"record {record.id}: got a second record, expected a fresh id, reserve one"
                ) from error
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def release(self, release: Release) -> None:
        """Store a further file of a record.

        Raises:
            RegistryConflict: there is no such record.
            RegistryUnavailable: it could not be written.

        """
        row = release.model_dump() | {"created_at": format_time(release.created_at)}
        with self._using() as connection:
            query = f"INSERT INTO release ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - same
            try:
                connection.execute(query, tuple(row.values()))
            except sqlite3.IntegrityError as error:
                raise RegistryConflict(
                    f"release: got record {release.record_id}, expected one that is registered, put it first"
                ) from error

    def get(self, record_id: str) -> Record | None:
        """Return the record with this id; None also for a text that is no id."""
        return self._one("id = ?", record_id) if _ID.fullmatch(record_id) else None

    def manifest(self, record_id: str) -> bytes | None:
        """Return the manifest store (bytes) of this record's first file."""
        return self._body("manifest", record_id)

    def fingerprint(self, record_id: str) -> bytes | None:
        """Return the fingerprint (bytes) of this record; None also for a record that has none."""
        return self._body("fingerprint", record_id)

    def fingerprints(self, after: int = 0) -> Iterator[tuple[int, str, bytes]]:
        """Yield position, record id and fingerprint of what was stored after position `after`, oldest first."""
        while True:
            with self._using() as connection:
                rows = connection.execute(
                    "SELECT position, id, body FROM fingerprint WHERE position > ? ORDER BY position LIMIT ?",
                    (after, PAGE_ROWS),
                ).fetchall()
            yield from rows
            if len(rows) < PAGE_ROWS:
                return
            after = rows[-1][0]

    def by_manifest_id(self, manifest_id: str) -> Record | None:
        """Return the newest record with a file whose active manifest has this URN, as it is for that file."""
        return self._released("manifest_id", manifest_id) or self._one("manifest_id = ?", manifest_id)

    def by_sha256(self, sha256: str) -> Record | None:
        """Return the newest record with a file of this SHA-256 (hex), as it is for that file."""
        return self._released("sha256", sha256.lower()) or self._one("sha256 = ?", sha256.lower())

    def count(self) -> int:
        """Return the number of records (not of ids)."""
        with self._using() as connection:
            return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _body(self, table: Literal["manifest", "fingerprint"], record_id: str) -> bytes | None:
        if not _ID.fullmatch(record_id):
            return None
        with self._using() as connection:
            query = f"SELECT body FROM {table} WHERE id = ?"  # noqa: S608 - one of our two names
            row = connection.execute(query, (record_id,)).fetchone()
        return row[0] if row else None

    def _released(self, column: Literal["sha256", "manifest_id"], value: str) -> Record | None:
        """Return the record of a further file, with that file's own members in the place of the first one's."""
        if not value.isprintable():
            return None
        with self._using() as connection:
            query = (
                f"SELECT record_id, {', '.join(_FILE)} FROM release WHERE {column} = ? ORDER BY position DESC"  # noqa: S608 - same
            )
            row = connection.execute(f"{query} LIMIT 1", (value,)).fetchone()
        record = self.get(row[0]) if row else None
        return record.model_copy(update=dict(zip(_FILE, row[1:], strict=True))) if record else None

    def _one(self, condition: str, value: str) -> Record | None:
        if not value.isprintable():
            return None  # also keeps lone surrogates, which have no UTF-8, away from SQLite
        with self._using() as connection:
            query = f"{_SELECT} WHERE record.{condition} ORDER BY record.rowid DESC LIMIT 1"
            row = connection.execute(query, (value,)).fetchone()
        names = (*_COLUMNS, "manifest", "fingerprint")
        return Record.model_validate(dict(zip(names, row, strict=True))) if row else None

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """The connection, one thread at a time; what SQLite says becomes RegistryUnavailable."""
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise RegistryUnavailable(
                f"registry {self._path}: got {error}, expected it to answer, try again"
            ) from error


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of an empty file, bring an older one up to date; refuse one that is not ours or newer."""
    connection.execute("BEGIN IMMEDIATE")
    if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        for statement in _SCHEMA:
            connection.execute(statement)
    application, version = _identity(connection)
    while application == APPLICATION_ID and version in _UPGRADES:
        for statement in _UPGRADES[version]:
            connection.execute(statement)
        version += 1
    connection.execute("COMMIT")
    if (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
        connection.close()
        raise RegistryUnusable(
            f"registry {path}: got application {application:#x} version {version}, expected {APPLICATION_ID:#x} "
            f"version {SCHEMA_VERSION}, use the Countermark that made it or choose another data directory"
        )


def _identity(connection: sqlite3.Connection) -> tuple[int, int]:
    application, version = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("application_id", "user_version")
    )
    return application, version

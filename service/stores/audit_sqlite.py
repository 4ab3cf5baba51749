"""The audit log in one SQLite file, with its checkpoint file beside it (`<path>.checkpoints`).

Rules:
- One append is one transaction: BEGIN IMMEDIATE, read what others appended since, insert, COMMIT with
  synchronous=FULL. When `append` returns, the entry survives a power cut and its checkpoint survives the
  process.
- Rows are only ever added: triggers refuse UPDATE, DELETE and any index but the next. They stop accidents;
  seals and checkpoints (safety.audit) expose everything else.
- Nothing is added to a log whose end does not verify, whose checkpoint file is gone, or that is shorter than
  a checkpoint says: appends fail, so the service refuses requests, until someone has looked.
- A damaged file is a verdict, not an exception: `create` returns a log that can be verified, and `verify`
  names the first entry that cannot be read. Only what says nothing about the content (no permission, locked)
  is AuditUnreadable.

The first append of a process reads all leaf hashes (0.6 s of CPU for 100,000 entries); later ones cost O(log n).
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from safety.audit import AuditReport, LogRow, newest_valid, verify_log
from safety.audit_entry import AuditEntry
from safety.audit_export import build_proof, export_lines
from safety.checkpoint import Checkpoint, LogKey, format_time
from safety.errors import AuditAppendFailed, AuditError, AuditUnreadable
from safety.merkle import EMPTY_ROOT, CompactRange, leaf_hash
from service.stores._audit_tables import (
    SCHEMA,
    SCHEMA_VERSION,
    SQLITE_ERRORS,
    connect,
    is_finding,
    read_rows,
    schema_fault,
    structure_fault,
)
from service.stores._checkpoint_file import CheckpointFile

PAGE_ROWS = 1000  # rows read at a time, so that no reader holds the write-ahead log back for long


def create(
    path: str | os.PathLike[str],
    *,
    signing_key: bytes,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> "AuditLog":
    """Open the log at `path`, made (mode 0600) if it is not there; `signing_key` is the 32-byte Ed25519 seed.

    Raises:
        AuditKeyInvalid: the key is not 32 bytes.
        AuditUnreadable: the file can be neither made nor opened. A damaged file is opened: see `verify`.

    """
    log = AuditLog(Path(path), LogKey(signing_key), clock)
    log.prepare()
    return log


class AuditLog:
    """One open log; implements service.stores.AuditStore."""

    def __init__(self, path: Path, key: LogKey, clock: Callable[[], datetime]) -> None:
        self._path, self._key, self._clock = path, key, clock
        self._notes = CheckpointFile(path.with_name(path.name + ".checkpoints"))
        self._lock = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._tree: CompactRange | None = (
            None  # what this process knows to be in the file; None: read it again
        )
        self._closed = False

    @property
    def public_key(self) -> bytes:
        """The key (32 bytes) that others verify checkpoints, proofs and exports with."""
        return self._key.public_key

    def prepare(self) -> None:
        """Make the file and its tables where there are none; leave anything else as it is."""
        try:
            if not self._path.exists():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            with self._path.open("rb") as file:
                empty = not file.read(1)
            if empty:
                self._make_tables()
        except (OSError, *SQLITE_ERRORS) as error:
            raise AuditUnreadable(
                f"audit log {self._path}: got {error}, expected a file or room for one, check the folder and disk"
            ) from error

    def append(self, entry: AuditEntry) -> int:
        """Write one entry durably and return its index.

        Raises:
            AuditAppendFailed: for whatever reason, the entry must count as not written: refuse the request.

        """
        with self._lock:
            try:
                body = entry.canonical()
                size, root = self._insert(body)
                self._notes.append(self._key.sign(size, root, self._clock()))
            except (sqlite3.Error, OSError, AuditError, ValueError) as error:
                self._forget()
                raise AuditAppendFailed(
                    f"audit log {self._path}: got {error}, expected to append, refuse the request and run "
                    "`countermark audit verify`"
                ) from error
            return size - 1

    def entries(
        self,
        start: int = 0,
        stop: int | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Yield entries start .. stop - 1 with since <= time < until (aware times), in log order.

        Raises:
            AuditUnreadable: an entry cannot be read; nothing is verified here beyond that.

        """
        earliest = format_time(since).encode() if since else b""
        latest = format_time(until).encode() if until else b"~"
        for index, body in self._bodies(start, stop):
            if earliest <= _time_of(body) < latest:
                try:
                    entry = AuditEntry.from_canonical(body)
                except AuditUnreadable as error:
                    raise AuditUnreadable(f"entry {index}: {error}") from error
                yield entry

    def size(self) -> int:
        """Return the number of entries; AuditUnreadable when the file does not say."""
        with self._reader() as reader:
            return int(reader.execute("SELECT coalesce(max(idx) + 1, 0) FROM entry").fetchone()[0])

    def checkpoint(self) -> Checkpoint:
        """Sign the present size and root, write it to the checkpoint file durably, and return it.

        Raises:
            AuditUnreadable: the log's end does not verify, so it is not signed for.

        """
        with self._lock:
            try:
                connection = self._connection()
                connection.execute("BEGIN")
                self._tree = tree = self._catch_up(connection)
                connection.execute("COMMIT")
                checkpoint = self._key.sign(tree.size, tree.root(), self._clock())
                self._notes.append(checkpoint, durable=True)
            except (OSError, *SQLITE_ERRORS) as error:
                self._forget()
                raise AuditUnreadable(
                    f"audit log {self._path}: got {error}, expected a log to sign for, verify it"
                ) from error
            except AuditUnreadable:
                self._forget()
                raise
            return checkpoint

    def verify(self, *, witnessed: Sequence[str] = ()) -> AuditReport:
        """Verify rows, checkpoint file, the `witnessed` notes kept elsewhere, and the file's structure.

        Raises:
            AuditUnreadable: there was no looking at it (no permission, locked). Damage is a report, not an
            exception.

        """
        try:
            notes = (
                self._notes.read()
            )  # before the rows: a writer at work then makes it "behind", never "ahead"
        except OSError as error:
            raise AuditUnreadable(
                f"checkpoint file of {self._path}: got {error}, expected to read it, check its permissions"
            ) from error
        known = notes if notes is None or not witnessed else [*notes, *witnessed]
        try:
            with self._reader() as reader:
                report = verify_log(read_rows(reader), known, key=self._key)
                fault = structure_fault(reader) if report.ok else None
        except AuditUnreadable as error:
            if not isinstance(error.__cause__, SQLITE_ERRORS) or not is_finding(error.__cause__):
                raise
            report, fault = verify_log(_unreadable(error), known, key=self._key), None
        if fault is None:
            return report
        reason = (
            f"all {report.size} entries are good, but the file around them was damaged or changed: {fault}"
        )
        return report.model_copy(update={"ok": False, "reason": reason})

    def prove(self, index: int) -> dict[str, Any]:
        """Return the inclusion proof of entry `index` under a fresh checkpoint (safety.audit_export).

        Raises:
            IndexError: there is no such entry.
            AuditUnreadable: the log does not verify.

        """
        checkpoint = self.checkpoint()
        with self._reader() as reader:
            leaves = [
                row[0]
                for row in reader.execute("SELECT leaf FROM entry ORDER BY idx LIMIT ?", (checkpoint.size,))
            ]
            row = reader.execute("SELECT body FROM entry WHERE idx = ?", (index,)).fetchone()
        body = row[0] if row else b""
        return build_proof(index, body, leaves, checkpoint, self.public_key)

    def export_lines(self) -> Iterator[str]:
        """Yield the log as JSON lines under a fresh checkpoint (safety.audit_export)."""
        checkpoint = self.checkpoint()
        bodies = (body for _, body in self._bodies(0, checkpoint.size))
        yield from export_lines(bodies, checkpoint, self.public_key)

    def export(self, stream: IO[str]) -> int:
        """Write `export_lines` to a text stream and return the number of entries."""
        count = -1  # the header is no entry
        for line in self.export_lines():
            stream.write(line)
            count += 1
        return count

    def close(self) -> None:
        """Sign off with a durable checkpoint when this process has written, and let go of the file."""
        with self._lock:
            tree, self._closed = self._tree, True
            if tree is not None:
                try:
                    self._notes.append(self._key.sign(tree.size, tree.root(), self._clock()), durable=True)
                except OSError as error:
                    raise AuditUnreadable(
                        f"checkpoint file of {self._path}: got {error}, expected to write it, check the disk"
                    ) from error
                finally:
                    self._forget()

    def _insert(self, body: bytes) -> tuple[int, bytes]:
        """Commit one row and return the size and root that it brings the log to."""
        leaf = leaf_hash(body)
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        tree = self._catch_up(connection).copy()
        tree.push(leaf)
        root = tree.root()
        row = (tree.size - 1, body, leaf, self._key.seal(tree.size, root))
        connection.execute("INSERT INTO entry (idx, body, leaf, seal) VALUES (?, ?, ?, ?)", row)
        connection.execute("COMMIT")
        self._tree = tree
        return tree.size, root

    def _catch_up(self, connection: sqlite3.Connection) -> CompactRange:
        """Return the tree over all rows of the file, having checked that it goes on from what we know."""
        tree = self._tree.copy() if self._tree else CompactRange()
        if self._tree is None:
            self._notes.drop_unfinished_line()
        known = tree.size
        seal = None
        query = "SELECT idx, leaf, seal FROM entry WHERE idx >= ? ORDER BY idx"
        for index, leaf, seal in connection.execute(query, (max(known - 1, 0),)):  # noqa: B007 - the last seal is used
            if index == known - 1:
                continue  # our own last row: only its seal is looked at
            if index != tree.size or not isinstance(leaf, bytes):
                raise AuditUnreadable(f"entry {tree.size}: got a row {index}, expected the next one in order")
            tree.push(leaf)
        if tree.size and seal != self._key.seal(tree.size, tree.root()):
            raise AuditUnreadable(
                f"the last of {tree.size} entries: got a seal that does not fit, expected our key's"
            )
        if self._tree is None:
            self._check_not_cut(tree.size)
        return tree

    def _check_not_cut(self, size: int) -> None:
        notes = self._notes.read()
        newest = newest_valid(notes or (), self._key)
        if newest is None:
            raise AuditUnreadable(
                "checkpoint file: got no valid checkpoint, expected at least the one made with the log"
            )
        if newest.size > size:
            raise AuditUnreadable(
                f"log: got {size} entries, expected the {newest.size} of its newest checkpoint"
            )

    def _connection(self) -> sqlite3.Connection:
        if self._closed:
            raise AuditUnreadable("log: got a call after close, expected an open log, create it again")
        if self._writer is None:
            if not self._path.exists():
                raise AuditUnreadable("log: got no file, expected the one it was opened with, restore it")
            self._writer = connect(self._path, "rw")
            fault = schema_fault(self._writer)
            if fault is not None:
                raise AuditUnreadable(f"log: {fault}")
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
        return self._writer

    def _forget(self) -> None:
        """Drop connection (an open transaction rolls back) and tree: the next call reads the file again."""
        writer, self._writer, self._tree = self._writer, None, None
        if writer is not None:
            writer.close()

    def _make_tables(self) -> None:
        """Make the tables in rollback-journal mode, so that a crash leaves either nothing or everything."""
        with closing(connect(self._path, "rw")) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():  # nobody else was faster
                if self._notes.read() is None:
                    self._notes.append(self._key.sign(0, EMPTY_ROOT, self._clock()), durable=True)
                for statement in SCHEMA:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("COMMIT")

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection of its own; what SQLite says becomes AuditUnreadable."""
        try:
            with closing(connect(self._path, "ro")) as connection:
                yield connection
        except SQLITE_ERRORS as error:
            raise AuditUnreadable(
                f"audit log {self._path}: got {error}, expected a readable log, verify it"
            ) from error

    def _bodies(self, start: int, stop: int | None) -> Iterator[tuple[int, bytes]]:
        """Yield (index, canonical bytes), a page of rows at a time."""
        position = max(start, 0)
        while stop is None or position < stop:
            limit = PAGE_ROWS if stop is None else min(PAGE_ROWS, stop - position)
            query = "SELECT idx, body FROM entry WHERE idx >= ? ORDER BY idx LIMIT ?"
            with self._reader() as reader:
                page = reader.execute(query, (position, limit)).fetchall()
            for index, body in page:
                if index != position or not isinstance(body, bytes):
                    raise AuditUnreadable(
                        f"entry {position}: got no readable row, run `countermark audit verify`"
                    )
                yield index, body
                position += 1
            if len(page) < limit:
                return


def _unreadable(error: AuditUnreadable) -> Iterator[LogRow]:
    raise error
    yield  # makes this a generator


def _time_of(body: bytes) -> bytes:
    """Return the entry's time as text. An unescaped quote before a member name is never inside a string."""
    start = body.find(b'"time":"') + len(b'"time":"')
    return body[start : body.find(b'"', start)]

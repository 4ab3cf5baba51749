"""The tables of the SQLite audit log, and how to read them from a file that may be damaged.

SQLite reports damage when it happens upon it, anywhere, and with many codes. Here it becomes one of two
things: AuditUnreadable naming nothing but "the next row", which verification turns into a verdict, or, when
SQLite could not look at all (locked, no permission), its own exception.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from safety.audit import LogRow
from safety.errors import AuditUnreadable

SCHEMA_VERSION = 1
LOCK_TIMEOUT_S = 5.0  # an append takes about 1 ms, so this is thousands of writers deep

SCHEMA = (
    """CREATE TABLE entry (
        idx INTEGER PRIMARY KEY, body BLOB NOT NULL, leaf BLOB NOT NULL, seal BLOB NOT NULL
    ) STRICT""",
    """CREATE TRIGGER entry_next BEFORE INSERT ON entry
        WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM entry)
        BEGIN SELECT RAISE(ABORT, 'the audit log only takes the next index'); END""",
    """CREATE TRIGGER entry_no_update BEFORE UPDATE ON entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    """CREATE TRIGGER entry_no_delete BEFORE DELETE ON entry
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
)

# What SQLite says when it could not look (result codes, low byte); all others are findings about the file.
_COULD_NOT_LOOK = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_AUTH,
}

# Beside its own errors, sqlite3 lets a UnicodeDecodeError out when SQLite's message quotes damaged text.
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)


def connect(path: Path, mode: Literal["ro", "rw"]) -> sqlite3.Connection:
    """Open the file, which must be there; transactions are begun and ended by hand."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=LOCK_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = bytes  # damaged text must not raise in the decoder
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def read_rows(connection: sqlite3.Connection) -> Iterator[LogRow]:
    """Yield all rows in order.

    Raises:
        AuditUnreadable: the file does not give the next row.
        sqlite3.Error: SQLite could not look.

    """
    query = "SELECT idx, body, leaf, seal FROM entry"
    expected = 0
    try:
        for row in connection.execute(f"{query} ORDER BY idx"):
            yield _log_row(row)
            expected += 1
    except SQLITE_ERRORS as error:
        if not is_finding(error):
            raise
        # Python's cursor steps one row ahead and drops the good row before a failure: ask for that one alone.
        with suppress(*SQLITE_ERRORS):
            for row in connection.execute(f"{query} WHERE idx = ?", (expected,)):
                yield _log_row(row)
        raise AuditUnreadable(f"SQLite: {error}") from error


def _log_row(row: tuple[Any, ...]) -> LogRow:
    if [type(value) for value in row] != [int, bytes, bytes, bytes]:
        raise AuditUnreadable("its row does not hold a number and three byte strings")
    return LogRow(*row)


def schema_fault(connection: sqlite3.Connection) -> str | None:
    """Say how the tables differ from ours; None when they do not."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        return f"got schema version {version}, expected {SCHEMA_VERSION}, use the Countermark that made it"
    found = {row[0] for row in connection.execute("SELECT sql FROM sqlite_master")}
    ours = {statement.encode() for statement in SCHEMA}
    return None if found == ours else "its tables or triggers are not ours"


def structure_fault(connection: sqlite3.Connection) -> str | None:
    """Say what is damaged around good rows; None when nothing."""
    try:
        fault = schema_fault(connection)
        if fault is not None:
            return fault
        first = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except SQLITE_ERRORS as error:
        if not is_finding(error):
            raise
        return str(error)
    return None if first == b"ok" else str(first, "utf-8", "replace")


def is_finding(error: sqlite3.Error | UnicodeDecodeError) -> bool:
    """Tell whether SQLite's error is about the file's content, not about getting at it."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF not in _COULD_NOT_LOOK

"""service.stores.registry_sqlite: versions, foreign files, and a disk that does not answer."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.stores import Release, registry_sqlite
from service.stores.errors import RegistryUnavailable, RegistryUnusable

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    registry_sqlite.create(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 4")
    connection.close()
    with pytest.raises(
        RegistryUnusable, match=r"version 4, expected 0x434d5247 version 3, use the Countermark"
    ):
        registry_sqlite.create(path)


OLD_TABLES = (
    "CREATE TABLE issued (id TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE record (
        id TEXT PRIMARY KEY REFERENCES issued (id), created_at TEXT NOT NULL, kind TEXT NOT NULL, tenant TEXT NOT
        NULL, generator TEXT NOT NULL, generator_version TEXT NOT NULL, provider TEXT NOT NULL, mime TEXT NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, sha256 TEXT NOT NULL, manifest_id TEXT NOT NULL,
        watermark_key_id TEXT NOT NULL, policy_version TEXT NOT NULL, action TEXT NOT NULL, parent TEXT,
        request_id TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX record_by_manifest_id ON record (manifest_id)",
    "CREATE INDEX record_by_sha256 ON record (sha256)",
    "CREATE TABLE manifest (id TEXT PRIMARY KEY REFERENCES record (id), body BLOB NOT NULL) STRICT",
    "PRAGMA application_id = 1129140807",
    "PRAGMA user_version = 1",
)


VERSION_2 = (
    """CREATE TABLE fingerprint (
        position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE REFERENCES record (id),
        body BLOB NOT NULL
    ) STRICT""",
    "PRAGMA user_version = 2",
)


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "registry.sqlite"
    connection = sqlite3.connect(path)
    for statement in (*OLD_TABLES, *(VERSION_2 if version == 2 else ())):
        connection.execute(statement)
    when = "2026-11-22T12:00:00.000000Z"
    connection.execute("INSERT INTO issued VALUES (?, ?)", ("ab" * 8, when))
    row = ("ab" * 8, when, "mark", "default", "g", "1", "p", "image/png", 128, 128, "cd" * 32, "urn:c2pa:1")
    values = (*row, "wm-1", "default-1", "allow", None, "req_1")
    connection.execute(f"INSERT INTO record VALUES ({', '.join('?' * 17)})", values)
    connection.execute("INSERT INTO manifest VALUES (?, ?)", ("ab" * 8, b"manifest"))
    connection.commit()
    connection.close()
    registry_sqlite.create(path).close()
    registry = registry_sqlite.create(path)
    found = registry.get("ab" * 8)
    assert found is not None
    assert (found.manifest, found.fingerprint, found.created_at) == (b"manifest", None, NOON)
    registry.put(found.model_copy(update={"id": "ef" * 8, "fingerprint": b"print"}))
    assert [one for _, one, _ in registry.fingerprints()] == ["ef" * 8]
    further = {"sha256": "01" * 32, "manifest_id": "urn:c2pa:2", "manifest": b"other", "mime": "image/webp"}
    registry.release(Release(record_id="ab" * 8, created_at=NOON, **further))
    assert registry.by_sha256("01" * 32) == found.model_copy(update=further)
    assert registry.by_sha256("cd" * 32) is not None
    registry.close()


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bookmarks.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url TEXT)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(RegistryUnusable, match="got application 0x0 version 0"):
        registry_sqlite.create(path)
    assert path.read_bytes() == before


def test_commits_wait_for_the_disk(tmp_path: Path) -> None:
    registry = registry_sqlite.create(tmp_path / "registry.sqlite")
    found = [
        registry._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    assert found == ["wal", 2]  # 2 is FULL
    registry.close()


def test_a_locked_registry_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_sqlite, "LOCK_TIMEOUT_S", 0.05)
    registry = registry_sqlite.create(tmp_path / "registry.sqlite")
    other = sqlite3.connect(tmp_path / "registry.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(RegistryUnavailable, match="locked"):
        registry.reserve(NOON)
    other.execute("ROLLBACK")
    other.close()
    assert registry.reserve(NOON)
    registry.close()
    with pytest.raises(RegistryUnavailable, match="closed"):
        registry.reserve(NOON)

"""service.stores.registry_sqlite: versions, foreign files, and a disk that does not answer."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.stores import registry_sqlite
from service.stores.errors import RegistryUnavailable, RegistryUnusable

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_newer_version_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    registry_sqlite.create(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 2")
    connection.close()
    with pytest.raises(
        RegistryUnusable, match=r"version 2, expected 0x434d5247 version 1, use the Countermark"
    ):
        registry_sqlite.create(path)


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

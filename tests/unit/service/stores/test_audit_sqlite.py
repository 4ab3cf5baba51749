"""service.stores.audit_sqlite: damage to its files, at every level, is a verdict that names the first bad entry."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safety.audit import AuditReport
from safety.audit_entry import AuditEntry
from safety.errors import AuditAppendFailed, AuditUnreadable
from service.stores import _audit_tables, audit_sqlite
from service.stores.audit_sqlite import AuditLog

SEED = b"k" * 32
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
N = 24
LONG = 7  # this entry has overflow pages


def entry(number: int) -> AuditEntry:
    detail = "long " * 790 if number == LONG else ""
    return AuditEntry(
        time=NOON,
        request_id=f"req_{number:04}",
        kind="edit",
        outcome="blocked",
        detail=detail,
        reasons=(detail,) * 3,
    )


def open_log(path: Path) -> AuditLog:
    return audit_sqlite.create(path, signing_key=SEED, clock=lambda: NOON)


def written(folder: Path, count: int = N) -> Path:
    path = folder / "audit.sqlite"
    log = open_log(path)
    for number in range(count):
        log.append(entry(number))
    log.close()
    return path


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("original"))


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original.parent, tmp_path / "copy")) / original.name


def checkpoints(path: Path) -> Path:
    return path.with_name(path.name + ".checkpoints")


def owners(path: Path) -> dict[int, int]:
    """Say which entry each byte of the file belongs to, for the bytes of bodies, leaf hashes and seals."""
    data = path.read_bytes()
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT idx, body, leaf, seal FROM entry").fetchall()
    connection.close()
    found: dict[int, int] = {}
    for index, *blobs in rows:
        for blob in blobs:
            for start in range(0, len(blob), 32):  # in pieces: a long body is spread over pages
                piece = blob[start : start + 32]
                place = data.find(piece)
                if place >= 0 and data.find(piece, place + 1) < 0:
                    found.update(dict.fromkeys(range(place, place + len(piece)), index))
    return found


def judge(path: Path) -> AuditReport:
    """Verify as a process does that comes later."""
    log = open_log(path)
    report = log.verify()
    log.close()
    return report


def use(path: Path) -> None:
    """Whatever the file is like, every call must end well or in an error of ours."""
    log = open_log(path)
    for call in (lambda: list(log.entries()), log.size, lambda: log.prove(0), lambda: log.append(entry(0))):
        try:
            call()
        except (AuditUnreadable, AuditAppendFailed, IndexError):
            continue
    log.close()


# --- bytes of the file


def test_a_flipped_bit_anywhere_gives_a_verdict_and_names_the_entry_it_hit(
    original: Path, tmp_path: Path
) -> None:
    data, owner = original.read_bytes(), owners(original)
    assert set(owner.values()) >= set(range(N)) - {LONG}
    rng = random.Random(20261122)
    places = sorted({*range(100), *rng.sample(range(len(data)), 150), *rng.sample(sorted(owner), 80)})
    path = tmp_path / "audit.sqlite"
    wrong = []
    for place in places:
        changed = bytearray(data)
        changed[place] ^= 1 << rng.randrange(8)
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(changed)
        shutil.copy(checkpoints(original), checkpoints(path))
        report = judge(path)
        if place in owner and (report.ok, report.first_bad_index) != (False, owner[place]):
            wrong.append((place, owner[place], report))
        use(path)
    assert wrong == []


@pytest.mark.parametrize("filler", [b"\x00", b"\xff", b"SQLite format 3\x00"])
def test_a_damaged_page_names_the_first_entry_on_it(original: Path, tmp_path: Path, filler: bytes) -> None:
    data, owner = original.read_bytes(), owners(original)
    path = tmp_path / "audit.sqlite"
    pages = 0
    for start in range(0, len(data), 4096):
        on_page = {owner[place] for place in range(start, start + 4096) if place in owner}
        for file in tmp_path.iterdir():
            file.unlink()
        path.write_bytes(data[:start] + (filler * 4096)[:4096] + data[start + 4096 :])
        shutil.copy(checkpoints(original), checkpoints(path))
        report = judge(path)
        assert not report.ok
        if start == 0:
            assert report.first_bad_index == 0
        elif on_page:
            assert report.first_bad_index == min(on_page)
            pages += 1
    assert pages >= 3


@pytest.mark.parametrize("length", [0, 1, 99, 100, 4095, 4096, 9000])
def test_a_file_that_was_cut_short(copy: Path, length: int) -> None:
    copy.write_bytes(copy.read_bytes()[:length])
    report = judge(copy)
    assert not report.ok
    assert report.first_bad_index is not None


def test_a_file_that_is_something_else(copy: Path) -> None:
    copy.write_bytes(b"\x89PNG\r\n\x1a\n" * 1000)
    report = judge(copy)
    assert (report.ok, report.first_bad_index) == (False, 0)
    with pytest.raises(AuditAppendFailed):
        open_log(copy).append(entry(0))


def test_a_database_that_was_deleted_is_noticed(copy: Path) -> None:
    copy.unlink()
    report = judge(copy)
    assert (report.ok, report.first_bad_index, report.checkpoint.status) == (False, 0, "ahead")
    assert f"entries 0..{N - 1} are missing" in report.reason


# --- rows, by someone with SQLite at hand


def tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    for statement in statements:
        connection.execute(statement)
    for _, sql in triggers:
        connection.execute(sql)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "bad"),
    [
        ("UPDATE entry SET body = CAST(replace(body, 'blocked', 'allowed') AS BLOB) WHERE idx = 5", 5),
        ("UPDATE entry SET body = CAST(body || ' ' AS BLOB) WHERE idx = 5", 5),
        ("UPDATE entry SET leaf = zeroblob(32) WHERE idx = 0", 0),
        ("UPDATE entry SET seal = zeroblob(32) WHERE idx = 23", 23),
        ("UPDATE entry SET seal = x'' WHERE idx = 9", 9),
        ("UPDATE entry SET body = (SELECT body FROM entry WHERE idx = 3) WHERE idx = 4", 4),
        ("UPDATE entry SET idx = 1000 WHERE idx = 23", 23),
        ("DELETE FROM entry WHERE idx = 11", 11),
        ("DELETE FROM entry WHERE idx >= 20", 20),
        ("DELETE FROM entry", 0),
        ("INSERT INTO entry SELECT 24, body, leaf, seal FROM entry WHERE idx = 23", 24),
        ("INSERT INTO entry SELECT 1000, body, leaf, seal FROM entry WHERE idx = 23", 24),
        ("INSERT INTO entry SELECT -1, body, leaf, seal FROM entry WHERE idx = 23", 0),
    ],
)
def test_changed_rows_are_named(copy: Path, statement: str, bad: int) -> None:
    tamper(copy, statement)
    report = judge(copy)
    assert (report.ok, report.first_bad_index) == (False, bad)


def test_moved_rows_are_named(copy: Path) -> None:
    tamper(
        copy,
        *(f"UPDATE entry SET idx = {new} WHERE idx = {old}" for old, new in ((8, 99), (15, 8), (99, 15))),
    )
    assert judge(copy).first_bad_index == 8
    tamper(
        copy,
        "DELETE FROM entry WHERE idx = 2",
        *(f"UPDATE entry SET idx = {i} WHERE idx = {i + 1}" for i in range(2, 23)),
    )
    assert judge(copy).first_bad_index == 2


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER entry_no_update",
        "CREATE TRIGGER quiet AFTER INSERT ON entry BEGIN SELECT 1; END",
        "CREATE TABLE extra (a)",
        "PRAGMA user_version = 2",
    ],
)
def test_changed_tables_and_triggers_are_reported(copy: Path, statement: str) -> None:
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute(statement)
    connection.close()
    report = judge(copy)
    assert (report.ok, report.first_bad_index) == (False, None)
    with pytest.raises(AuditAppendFailed):
        open_log(copy).append(entry(0))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET body = x'00' WHERE idx = 1",
        "DELETE FROM entry WHERE idx = 23",
        "INSERT OR REPLACE INTO entry SELECT idx, x'00', leaf, seal FROM entry WHERE idx = 2",
        "INSERT INTO entry SELECT 30, body, leaf, seal FROM entry WHERE idx = 2",
    ],
)
def test_triggers_stop_accidents(copy: Path, statement: str) -> None:
    connection = sqlite3.connect(copy)
    with pytest.raises(sqlite3.IntegrityError, match="the audit log"):
        connection.execute(statement)
    connection.close()
    assert judge(copy).ok


# --- the write-ahead log


def test_entries_in_the_write_ahead_log_count_and_its_damage_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "live").mkdir()
    path = tmp_path / "live" / "audit.sqlite"
    log = open_log(path)
    for number in range(12):
        log.append(entry(number))
    wal = path.with_name("audit.sqlite-wal").read_bytes()
    assert len(wal) > 4096
    rng = random.Random(7)
    cut = 0
    for place in [None, 3, 20, *rng.sample(range(len(wal)), 25)]:
        twin = tmp_path / "twin" / "audit.sqlite"
        shutil.rmtree(twin.parent, ignore_errors=True)
        twin.parent.mkdir()
        shutil.copy(path, twin)
        shutil.copy(checkpoints(path), checkpoints(twin))
        changed = bytearray(wal)
        if place is not None:
            changed[place] ^= 0x10
        twin.with_name("audit.sqlite-wal").write_bytes(changed)
        report = judge(twin)
        if report.ok:
            assert report.size == 12
        else:
            assert (report.first_bad_index, report.checkpoint.status) == (report.size, "ahead")
            cut += 1
        if place is None:
            assert report.ok
    assert cut > 5
    log.close()


# --- the checkpoint file


def test_a_flipped_bit_in_the_checkpoint_file_gives_a_verdict(copy: Path) -> None:
    good = checkpoints(copy).read_bytes()
    rng = random.Random(3)
    statuses = set()
    for place in [*range(len(good) - 280, len(good), 4), *rng.sample(range(len(good)), 40)]:
        changed = bytearray(good)
        changed[place] ^= 1 << rng.randrange(8)
        checkpoints(copy).write_bytes(changed)
        report = open_log(copy).verify()
        assert report.first_bad_index is None
        statuses.add((report.ok, report.checkpoint.status))
    assert (False, "damaged") in statuses


def test_a_missing_checkpoint_file_is_reported_and_stops_appends(copy: Path) -> None:
    checkpoints(copy).unlink()
    report = judge(copy)
    assert (report.ok, report.first_bad_index, report.checkpoint.status) == (False, None, "missing")
    with pytest.raises(AuditAppendFailed, match="no valid checkpoint"):
        open_log(copy).append(entry(0))


def test_appends_stop_when_entries_were_cut_off(copy: Path) -> None:
    tamper(copy, "DELETE FROM entry WHERE idx >= 20")
    with pytest.raises(AuditAppendFailed, match="got 20 entries, expected the 24"):
        open_log(copy).append(entry(0))
    assert judge(copy).first_bad_index == 20


@pytest.mark.parametrize(
    "statement", ["DELETE FROM entry WHERE idx = 23", "DELETE FROM entry", "UPDATE entry SET seal = leaf"]
)
def test_a_writer_at_work_notices_that_its_last_entry_changed(copy: Path, statement: str) -> None:
    log = open_log(copy)
    log.append(entry(24))
    tamper(copy, statement.replace("23", "24"))
    with pytest.raises(AuditAppendFailed):
        log.append(entry(25))
    assert not judge(copy).ok


def test_forged_entries_stop_appends(copy: Path) -> None:
    tamper(copy, "INSERT INTO entry SELECT 24, body, leaf, seal FROM entry WHERE idx = 23")
    with pytest.raises(AuditAppendFailed, match="seal"):
        open_log(copy).append(entry(24))


# --- disks and locks


def test_commits_wait_for_the_disk(copy: Path) -> None:
    log = open_log(copy)
    log.append(entry(24))
    assert log._writer is not None
    found = [log._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert found == [b"wal", 2]  # 2 is FULL
    log.close()


def test_a_full_disk_refuses_and_leaves_the_log_good(copy: Path) -> None:
    log = open_log(copy)
    log.append(entry(24))
    assert log._writer is not None
    log._writer.execute("PRAGMA max_page_count = 1")
    with pytest.raises(AuditAppendFailed, match="full"):
        log.append(entry(LONG))
    assert log.append(entry(25)) == 25  # there is room again
    assert judge(copy).ok


def test_a_checkpoint_that_cannot_be_written_refuses(copy: Path) -> None:
    log = open_log(copy)
    log.append(entry(24))
    kept = checkpoints(copy).read_bytes()
    checkpoints(copy).unlink()
    checkpoints(copy).mkdir()
    with pytest.raises(AuditAppendFailed, match="directory"):
        log.append(entry(25))
    with pytest.raises(AuditUnreadable):
        log.verify()
    checkpoints(copy).rmdir()
    checkpoints(copy).write_bytes(kept)
    report = judge(copy)
    assert (report.ok, report.size, report.checkpoint.status) == (True, 26, "behind")


def locked(path: Path) -> Callable[[], None]:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection.close


def test_a_locked_log_refuses_appends_and_can_still_be_verified(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_audit_tables, "LOCK_TIMEOUT_S", 0.05)
    log = open_log(copy)
    release = locked(copy)
    with pytest.raises(AuditAppendFailed, match="locked"):
        log.append(entry(24))
    assert log.verify().ok
    release()
    assert log.append(entry(24)) == 24


def test_a_log_that_cannot_be_looked_at_is_no_verdict(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_audit_tables, "LOCK_TIMEOUT_S", 0.05)
    log = open_log(copy)
    connection = sqlite3.connect(copy, isolation_level=None)
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    with pytest.raises(AuditUnreadable, match="locked"):
        log.verify()
    connection.close()
    copy.unlink()
    with pytest.raises(AuditUnreadable, match="unable to open"):
        log.verify()


# --- what a power cut leaves


def test_an_unfinished_checkpoint_line_is_passed_over_and_then_dropped(copy: Path) -> None:
    whole = checkpoints(copy).read_bytes()
    checkpoints(copy).write_bytes(whole[:-40])
    report = judge(copy)
    assert (report.ok, report.checkpoint.status) == (True, "current")  # close() had said it once more
    log = open_log(copy)
    log.append(entry(24))
    assert log.verify().ok
    assert len(checkpoints(copy).read_bytes().splitlines()) == len(whole.splitlines())


def test_lost_checkpoints_leave_the_log_behind_until_the_next_append(copy: Path) -> None:
    lines = checkpoints(copy).read_bytes().splitlines(keepends=True)
    checkpoints(copy).write_bytes(b"".join(lines[:10]))
    log = open_log(copy)
    assert log.verify().checkpoint.status == "behind"
    log.append(entry(24))
    assert log.verify().checkpoint.status == "current"


def test_a_crash_while_the_log_is_made_leaves_nothing_or_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit.sqlite"
    monkeypatch.setattr(audit_sqlite, "SCHEMA", (*_audit_tables.SCHEMA[:2], "THIS IS THE CRASH"))
    with pytest.raises(AuditUnreadable):
        open_log(path)
    monkeypatch.undo()
    log = open_log(path)
    assert log.append(entry(0)) == 0
    assert judge(path).ok

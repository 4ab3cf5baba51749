"""What every audit store must do: each module of service.stores named audit_* is put through all of this."""

import importlib
import io
import json
import pkgutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import service.stores
from safety.audit_entry import AuditEntry
from safety.audit_export import check_proof, verify_export
from safety.checkpoint import LogKey, check_signature
from safety.errors import AuditAppendFailed, AuditKeyInvalid, AuditUnreadable
from service.stores import AuditStore

STORES = [name for _, name, _ in pkgutil.iter_modules(service.stores.__path__) if name.startswith("audit_")]
SEED = b"k" * 32
PUBLIC = LogKey(SEED).public_key
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def entry(number: int, **changes: Any) -> AuditEntry:
    members = {
        "time": NOON + timedelta(minutes=number),
        "request_id": f"req_{number}",
        "kind": "generation",
        "outcome": "allowed",
        "scores": {"sexual": 0.25},
        "detail": 'a "quoted" é\u0000 text',
    }
    return AuditEntry(**(members | changes))


@pytest.fixture(params=STORES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"service.stores.{request.param}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "audit.store"


@pytest.fixture
def reopen(module: ModuleType, path: Path) -> Iterator[Callable[[], AuditStore]]:
    opened: list[AuditStore] = []

    def create() -> AuditStore:
        opened.append(module.create(path, signing_key=SEED, clock=lambda: NOON))
        return opened[-1]

    yield create
    for log in opened:
        log.close()


@pytest.fixture
def log(reopen: Callable[[], AuditStore]) -> AuditStore:
    return reopen()


def test_there_is_at_least_one_store() -> None:
    assert STORES


def test_a_new_log_is_empty_and_verifies(log: AuditStore) -> None:
    report = log.verify()
    assert (report.ok, report.size, report.checkpoint.status) == (True, 0, "current")
    assert (log.size(), list(log.entries())) == (0, [])


def test_entries_come_back_in_order_and_as_they_were(log: AuditStore) -> None:
    written = [entry(number) for number in range(5)]
    assert [log.append(one) for one in written] == [0, 1, 2, 3, 4]
    assert list(log.entries()) == written
    assert log.size() == 5
    assert log.verify().ok


def test_a_log_goes_on_after_it_was_closed(log: AuditStore, reopen: Callable[[], AuditStore]) -> None:
    log.append(entry(0))
    log.close()
    log.close()
    again = reopen()
    assert again.append(entry(1)) == 1
    report = again.verify()
    assert (report.ok, report.size, report.checkpoint.status) == (True, 2, "current")


def test_nothing_is_appended_after_close(log: AuditStore) -> None:
    log.append(entry(0))
    log.close()
    with pytest.raises(AuditAppendFailed):
        log.append(entry(1))


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        ({}, range(6)),
        ({"start": 4}, (4, 5)),
        ({"stop": 2}, (0, 1)),
        ({"start": 2, "stop": 4}, (2, 3)),
        ({"start": 4, "stop": 4}, ()),
        ({"start": 9}, ()),
        ({"stop": 99}, range(6)),
        ({"since": NOON + timedelta(minutes=4)}, (4, 5)),
        ({"until": NOON + timedelta(minutes=2)}, (0, 1)),
        ({"since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, (1, 2)),
        ({"start": 2, "since": NOON + timedelta(minutes=1), "until": NOON + timedelta(minutes=3)}, (2,)),
    ],
)
def test_a_window_of_entries(log: AuditStore, window: dict[str, Any], numbers: Any) -> None:
    for number in range(6):
        log.append(entry(number, detail='"time":"1999-01-01T00:00:00.000000Z"'))
    assert [one.request_id for one in log.entries(**window)] == [f"req_{number}" for number in numbers]


def test_more_entries_than_a_page(
    log: AuditStore, module: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAGE_ROWS", 3, raising=False)
    for number in range(10):
        log.append(entry(number))
    assert [one.request_id for one in log.entries(1)] == [f"req_{number}" for number in range(1, 10)]
    assert [one.request_id for one in log.entries(0, 6)] == [f"req_{number}" for number in range(6)]


def test_a_checkpoint_is_signed_and_says_what_is_there(log: AuditStore) -> None:
    for number in range(3):
        log.append(entry(number))
    checkpoint = log.checkpoint()
    assert (checkpoint.size, checkpoint.root_hex) == (3, log.verify().root_hex)
    assert check_signature(checkpoint, PUBLIC)
    assert not check_signature(checkpoint, LogKey(b"o" * 32).public_key)


def test_a_checkpoint_kept_elsewhere_must_agree_for_ever(
    log: AuditStore, module: ModuleType, tmp_path: Path
) -> None:
    for number in range(3):
        log.append(entry(number))
    kept = log.checkpoint().note
    log.append(entry(3))
    assert log.verify(witnessed=[kept]).ok
    other = module.create(tmp_path / "restored", signing_key=SEED, clock=lambda: NOON)
    for number in (0, 1):  # an older copy of everything was put back
        other.append(entry(number))
    assert other.verify().ok
    rolled_back = other.verify(witnessed=[kept])
    assert (rolled_back.ok, rolled_back.first_bad_index) == (False, 2)
    other.append(entry(77))
    rewritten = other.verify(witnessed=[kept])
    assert (rewritten.ok, rewritten.checkpoint.status) == (False, "contradicts")
    other.close()


def test_each_entry_can_be_proven(log: AuditStore) -> None:
    for number in range(6):
        log.append(entry(number))
    for index in range(6):
        proof = json.loads(json.dumps(log.prove(index)))
        assert check_proof(proof, PUBLIC)
        assert json.loads(proof["entry"])["request_id"] == f"req_{index}"
    for index in (-1, 6):
        with pytest.raises(IndexError):
            log.prove(index)


def test_an_export_verifies_elsewhere(log: AuditStore) -> None:
    for number in range(4):
        log.append(entry(number))
    stream = io.StringIO()
    assert log.export(stream) == 4
    lines = stream.getvalue().splitlines(keepends=True)
    assert verify_export(lines, PUBLIC).ok
    exported = [
        AuditEntry.from_canonical(json.dumps(json.loads(line)["entry"]).encode()) for line in lines[1:]
    ]
    assert exported == list(log.entries())


def test_the_wrong_key_neither_verifies_nor_appends(log: AuditStore, module: ModuleType, path: Path) -> None:
    log.append(entry(0))
    other = module.create(path, signing_key=b"o" * 32, clock=lambda: NOON)
    report = other.verify()
    assert (report.ok, report.first_bad_index) == (False, 0)
    with pytest.raises(AuditAppendFailed):
        other.append(entry(1))
    assert log.verify().ok
    with pytest.raises(AuditKeyInvalid):
        module.create(path, signing_key=b"short", clock=lambda: NOON)


def test_a_place_that_cannot_hold_a_log_is_said_at_once(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for impossible in (tmp_path / "file" / "audit.store", tmp_path):
        with pytest.raises(AuditUnreadable, match="expected a file or room for one"):
            module.create(impossible, signing_key=SEED, clock=lambda: NOON)


def test_files_are_for_their_owner_only(log: AuditStore, path: Path) -> None:
    log.append(entry(0))
    assert {
        file.name: file.stat().st_mode & 0o077
        for file in path.parent.iterdir()
        if file.stat().st_mode & 0o077
    } == {}


def test_threads_share_a_log(log: AuditStore) -> None:
    indexes: list[int] = []

    def write(thread: int) -> None:
        indexes.extend(log.append(entry(thread * 100 + number)) for number in range(20))

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(indexes) == list(range(80))
    report = log.verify()
    assert (report.ok, report.size, report.checkpoint.status) == (True, 80, "current")
    assert len({one.request_id for one in log.entries()}) == 80


WRITER = """
import sys
from datetime import UTC, datetime
from importlib import import_module
from safety.audit_entry import AuditEntry
log = import_module(sys.argv[1]).create(sys.argv[2], signing_key=b"k" * 32)
for number in range(int(sys.argv[4])):
    name = f"{sys.argv[3]}-{number}"
    index = log.append(AuditEntry(time=datetime.now(UTC), request_id=name, kind="mark", outcome="allowed"))
    print(index, name, flush=True)
"""


def writer(module: ModuleType, path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, module.__name__, str(path), name, str(count)]
    root = Path(service.__file__).parent.parent
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root)


def acknowledged(output: str) -> dict[int, str]:
    """Index to name of each complete line."""
    return {
        int(line.split()[0]): line.split()[1]
        for line in output.splitlines(keepends=True)
        if line.endswith("\n")
    }


def test_processes_share_a_log(log: AuditStore, module: ModuleType, path: Path) -> None:
    writers = [writer(module, path, name, 40) for name in ("a", "b")]
    mine = {log.append(entry(number)): f"req_{number}" for number in range(10)}
    written = mine
    for process in writers:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        written = written | acknowledged(output)
    mine_again = log.append(entry(10))
    assert mine_again == 90
    assert {index: one.request_id for index, one in enumerate(log.entries(0, 90))} == written
    report = log.verify()
    assert (report.ok, report.size, report.checkpoint.status) == (True, 91, "current")


@pytest.mark.parametrize("lines", [1, 17, 60])
def test_what_was_acknowledged_survives_a_killed_process(
    module: ModuleType, path: Path, reopen: Callable[[], AuditStore], lines: int
) -> None:
    process = writer(module, path, "k", 100_000)
    assert process.stdout is not None
    read = "".join(process.stdout.readline() for _ in range(lines))
    process.send_signal(signal.SIGKILL)
    written = acknowledged(read + process.stdout.read())
    process.wait(timeout=60)
    process.stdout.close()
    assert len(written) >= lines
    log = reopen()
    assert log.verify().ok
    found = {index: one.request_id for index, one in enumerate(log.entries())}
    assert found.items() >= written.items()
    assert len(found) <= len(written) + 1  # at most the one that was under way
    assert log.append(entry(0)) == len(found)
    report = log.verify()
    assert (report.ok, report.checkpoint.status) == (True, "current")

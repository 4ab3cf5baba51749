"""What every registry must do: each module of service.stores named registry_* is put through all of this."""

import importlib
import pkgutil
import secrets
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError

import service.stores
from service.stores import Record, RegistryStore, Release
from service.stores.errors import RegistryConflict, RegistryUnusable

STORES = [
    name for _, name, _ in pkgutil.iter_modules(service.stores.__path__) if name.startswith("registry_")
]
NOON = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def record(record_id: str, **changes: Any) -> Record:
    members = {
        "id": record_id,
        "created_at": NOON,
        "kind": "generation",
        "tenant": "default",
        "generator": "builtin",
        "generator_version": "1.0",
        "provider": "Gütesiegel \u0000 画",
        "mime": "image/png",
        "width": 1024,
        "height": 768,
        "sha256": record_id * 4,
        "manifest_id": f"urn:c2pa:{record_id}",
        "manifest": bytes(range(256)) * 100,
        "watermark_key_id": "wm-1",
        "policy_version": "default-1",
        "action": "annotate",
        "parent": None,
        "request_id": "req_1",
        "fingerprint": b"\x01" + record_id.encode() * 500,
    }
    return Record(**(members | changes))


def release(record_id: str, number: int, **changes: Any) -> Release:
    members = {
        "record_id": record_id,
        "created_at": NOON + timedelta(days=number),
        "mime": "image/webp",
        "sha256": f"{number:064x}",
        "manifest_id": f"urn:c2pa:further-{number}",
        "manifest": b"manifest %d" % number,
    }
    return Release(**(members | changes))


@pytest.fixture(params=STORES)
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(f"service.stores.{request.param}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "registry.store"


@pytest.fixture
def reopen(module: ModuleType, path: Path) -> Iterator[Callable[[], RegistryStore]]:
    opened: list[RegistryStore] = []

    def create() -> RegistryStore:
        opened.append(module.create(path))
        return opened[-1]

    yield create
    for store in opened:
        store.close()


@pytest.fixture
def registry(reopen: Callable[[], RegistryStore]) -> RegistryStore:
    return reopen()


def test_there_is_at_least_one_registry() -> None:
    assert STORES


def test_a_record_is_found_by_everything_that_names_it(registry: RegistryStore) -> None:
    stored = record(registry.reserve(NOON), parent="00000000000000aa")
    registry.put(stored)
    assert registry.get(stored.id) == stored
    assert registry.by_manifest_id(stored.manifest_id) == stored
    assert registry.by_sha256(stored.sha256) == registry.by_sha256(stored.sha256.upper()) == stored
    assert registry.manifest(stored.id) == stored.manifest
    assert registry.fingerprint(stored.id) == stored.fingerprint
    assert registry.count() == 1


def test_every_file_of_a_record_is_found_as_what_it_is(
    registry: RegistryStore, reopen: Callable[[], RegistryStore]
) -> None:
    first = record(registry.reserve(NOON))
    registry.put(first)
    further = [release(first.id, number) for number in (1, 2)]
    for one in further:
        registry.release(one)
    registry.close()
    again = reopen()
    for one in further:
        own = one.model_dump(exclude={"record_id", "created_at"})
        assert again.by_sha256(one.sha256) == again.by_manifest_id(one.manifest_id)
        assert again.by_sha256(one.sha256.upper()) == first.model_copy(update=own)
    assert (
        again.get(first.id)
        == again.by_sha256(first.sha256)
        == again.by_manifest_id(first.manifest_id)
        == first
    )
    assert (again.manifest(first.id), again.count()) == (first.manifest, 1)


def test_a_file_of_no_record_is_refused(registry: RegistryStore) -> None:
    reserved = registry.reserve(NOON)
    with pytest.raises(RegistryConflict, match="expected one that is registered"):
        registry.release(release(reserved, 1))
    assert registry.by_sha256(release(reserved, 1).sha256) is None


def test_fingerprints_come_in_the_order_of_storing(
    registry: RegistryStore, reopen: Callable[[], RegistryStore]
) -> None:
    ids = ["f" * 16, "0" * 15 + "1", "7" * 16]
    for one in ids:
        registry.put(record(one))
    registry.put(record("5" * 16, fingerprint=None))
    rows = list(reopen().fingerprints())
    assert [one for _, one, _ in rows] == ids
    assert [body for _, _, body in rows] == [registry.fingerprint(one) for one in ids]
    positions = [position for position, _, _ in rows]
    assert positions[0] > 0
    assert positions == sorted(set(positions))
    assert list(registry.fingerprints(positions[0])) == rows[1:]
    assert list(registry.fingerprints(positions[-1])) == []


def test_many_fingerprints_are_read_in_pages(registry: RegistryStore, module: ModuleType) -> None:
    ids = [f"{number:016x}" for number in range(1, 2 * module.PAGE_ROWS + 2)]
    for one in ids:
        registry.put(record(one, manifest=b"m", fingerprint=one.encode()))
    assert [(one, body) for _, one, body in registry.fingerprints()] == [(one, one.encode()) for one in ids]


def test_a_record_without_a_fingerprint_says_so(registry: RegistryStore) -> None:
    registry.put(record("5" * 16, fingerprint=None))
    found = registry.get("5" * 16)
    assert found is not None
    assert (found.fingerprint, registry.fingerprint("5" * 16)) == (None, None)


def test_records_survive_closing(registry: RegistryStore, reopen: Callable[[], RegistryStore]) -> None:
    stored = record(registry.reserve(NOON))
    registry.put(stored)
    registry.close()
    registry.close()
    assert reopen().get(stored.id) == stored


@pytest.mark.parametrize(
    "unknown",
    [
        "",
        "0" * 16,
        "A" * 16,
        "00",
        "\ud800",
        "x\u0000y",
        "' OR 1=1 --",
        "urn:c2pa:none",
        "é" * 10_000,
        "%",
        "_" * 16,
    ],
)
def test_what_is_not_there_is_none(registry: RegistryStore, unknown: str) -> None:
    registry.put(record(registry.reserve(NOON)))
    assert registry.get(unknown) is None
    assert registry.manifest(unknown) is None
    assert registry.fingerprint(unknown) is None
    assert registry.by_manifest_id(unknown) is None
    assert registry.by_sha256(unknown) is None


def test_text_that_has_no_utf8_is_mended(registry: RegistryStore) -> None:
    registry.put(record("ab" * 8, generator_version="1\ud8000"))
    found = registry.get("ab" * 8)
    assert found is not None
    assert found.generator_version == "1\ufffd0"


def test_an_id_without_a_record_is_not_one(registry: RegistryStore) -> None:
    reserved = registry.reserve(NOON)
    assert (registry.get(reserved), registry.manifest(reserved), registry.count()) == (None, None, 0)


def test_ids_are_sixteen_hex_digits_and_never_repeat(registry: RegistryStore) -> None:
    ids = [registry.reserve(NOON) for _ in range(200)]
    assert len(set(ids)) == 200
    assert all(len(one) == 16 and set(one) <= set("0123456789abcdef") for one in ids)


def test_taken_ids_and_zero_are_drawn_again(
    registry: RegistryStore, reopen: Callable[[], RegistryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.reserve(NOON)
    registry.close()
    draws = iter([bytes(8), bytes.fromhex(first), bytes(8), b"\x01" * 8])
    monkeypatch.setattr(secrets, "token_bytes", lambda count: next(draws)[:count])
    assert reopen().reserve(NOON) == "01" * 8


def test_a_record_is_never_overwritten(registry: RegistryStore) -> None:
    stored = record(registry.reserve(NOON))
    registry.put(stored)
    with pytest.raises(RegistryConflict, match="expected a fresh id"):
        registry.put(record(stored.id, manifest=b"other"))
    assert registry.get(stored.id) == stored
    assert registry.count() == 1


def test_an_id_from_elsewhere_counts_as_issued(
    registry: RegistryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.put(record("ab" * 8))
    draws = iter([b"\xab" * 8, b"\x02" * 8])
    monkeypatch.setattr(secrets, "token_bytes", lambda count: next(draws)[:count])
    assert registry.reserve(NOON) == "02" * 8


def test_of_files_with_one_hash_the_newest_is_returned(registry: RegistryStore) -> None:
    for number in (1, 2, 3):
        registry.put(
            record(
                f"{number:016x}",
                sha256="c" * 64,
                manifest_id="urn:same",
                created_at=NOON - timedelta(days=number),
            )
        )
    found = (registry.by_sha256("c" * 64), registry.by_manifest_id("urn:same"))
    assert [one.id for one in found if one] == ["0000000000000003"] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "AB" * 8},
        {"id": "ab"},
        {"sha256": "x" * 64},
        {"width": 0},
        {"action": "maybe"},
        {"created_at": NOON.replace(tzinfo=None)},
        {"prompt": "a cat"},
        {"parent": "elsewhere"},
    ],
)
def test_records_that_make_no_sense_cannot_be_made(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        record("ab" * 8, **changes)


def test_a_file_that_is_no_registry_is_refused_and_left_alone(module: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a registry" * 100)
    (tmp_path / "file").write_bytes(b"")
    for impossible in (tmp_path / "text", tmp_path / "file" / "registry.store", tmp_path):
        with pytest.raises(RegistryUnusable, match="registry"):
            module.create(impossible)
    assert (tmp_path / "text").read_text() == "not a registry" * 100


def test_files_are_for_their_owner_only(registry: RegistryStore, path: Path) -> None:
    registry.put(record(registry.reserve(NOON)))
    assert [file.name for file in path.parent.iterdir() if file.stat().st_mode & 0o077] == []


def test_threads_share_a_registry(registry: RegistryStore) -> None:
    ids: list[str] = []

    def work() -> None:
        for _ in range(15):
            mine = registry.reserve(NOON)
            registry.put(record(mine))
            registry.release(release(mine, 1, sha256=mine[::-1] * 4))
            found = registry.by_sha256(mine[::-1] * 4)
            if found is not None and found.id == mine:
                ids.append(mine)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == registry.count() == 60


WORKER = """
import sys
from datetime import UTC, datetime
from importlib import import_module
registry = import_module(sys.argv[1]).create(sys.argv[2])
for number in range(40):
    print(registry.reserve(datetime.now(UTC)), flush=True)
"""


def test_processes_share_a_registry(registry: RegistryStore, module: ModuleType, path: Path) -> None:
    command = [sys.executable, "-c", WORKER, module.__name__, str(path)]
    root = Path(service.__file__).parent.parent
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)]
    ids = [registry.reserve(NOON) for _ in range(20)]
    for worker in workers:
        output, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        ids += output.split()
    assert len(set(ids)) == len(ids) == 100

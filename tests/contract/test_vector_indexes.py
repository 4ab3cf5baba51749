"""What every vector index must do: each module of service.indexes that can be imported is put through all of this."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import service.indexes
from service.errors import StartupError
from service.indexes import Progress, VectorIndex, create_index

ENGINES = [name for _, name, _ in pkgutil.iter_modules(service.indexes.__path__)]
NEEDS = {"milvus": "pymilvus"}
Open = Callable[[], VectorIndex]


@pytest.fixture(params=[f"{engine}-{space}" for engine in ENGINES for space in ("hashes", "features")])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    engine, space = request.param.split("-")
    if engine in NEEDS:
        package = NEEDS[engine]
        pytest.importorskip(package, reason=f"{package} is not installed: pip install -e '.[{engine}]'")
    opened: list[VectorIndex] = []

    def create() -> VectorIndex:
        for index in opened:
            index.close()
        opened.append(create_index(engine, tmp_path / "index", space))
        return opened[-1]

    yield create
    for index in opened:
        index.close()


def vectors(seed: int, count: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 32), dtype=np.uint8)


def flipped(vector: np.ndarray, bits: int) -> np.ndarray:
    unpacked = np.unpackbits(vector)
    unpacked[np.random.default_rng(bits).choice(256, bits, replace=False)] ^= 1
    return np.packbits(unpacked)


def ids(count: int) -> list[str]:
    return [f"{number:02x}" * 8 for number in range(0xF0, 0xF0 - count, -1)]  # over 2^63: ids are unsigned


def test_two_spaces_do_not_mix(tmp_path: Path) -> None:
    hashes, features = (create_index("usearch", tmp_path, space) for space in ("hashes", "features"))
    hashes.add([(ids(1)[0], vectors(1))], Progress(1, ids(1)[0]))
    assert features.search(vectors(1, 1), 1) == [[]]
    assert features.progress == Progress()


def test_there_are_two_engines() -> None:
    assert set(ENGINES) >= {"usearch", "milvus"}


def test_an_empty_index_finds_nothing(reopen: Open) -> None:
    index = reopen()
    assert index.progress == Progress()
    assert index.search(vectors(1, 3), 5) == [[], [], []]
    assert index.search(vectors(1, 0), 5) == []


def test_near_vectors_are_found_with_their_distance(reopen: Open) -> None:
    index = reopen()
    rows = [(one, vectors(seed)) for seed, one in enumerate(ids(20))]
    index.add(rows, Progress(20, rows[-1][0]))
    asked = np.stack([flipped(rows[seed][1][seed % 8], 3 * seed) for seed in range(12)])
    found = index.search(asked, 3)
    assert [(hits[0].record_id, hits[0].distance) for hits in found] == [
        (rows[seed][0], 3 * seed) for seed in range(12)
    ]
    for hits in found:
        assert len(hits) == 3
        assert [hit.distance for hit in hits] == sorted(hit.distance for hit in hits)
    assert index.search(asked[:1], 3) == found[:1]


def test_progress_and_vectors_survive_closing(reopen: Open) -> None:
    rows = [(one, vectors(seed)) for seed, one in enumerate(ids(3))]
    first = reopen()
    first.add(rows[:2], Progress(7, rows[1][0]))
    first.add(rows[2:], Progress(9, rows[2][0]))
    first.close()
    first.close()
    again = reopen()
    assert again.progress == Progress(9, rows[2][0])
    assert [hits[0].record_id for hits in again.search(rows[0][1][:2], 1)] == [rows[0][0]] * 2


def test_a_record_added_twice_is_found_once(reopen: Open) -> None:
    index, row = reopen(), (ids(1)[0], vectors(5, 2))
    index.add([row], Progress(1, row[0]))
    index.add([row], Progress(1, row[0]))
    hits = index.search(row[1][:1], 4)[0]
    assert [hit.distance for hit in hits].count(0) == 1
    assert len(hits) == 2


def test_records_without_vectors_only_move_the_progress(reopen: Open) -> None:
    index = reopen()
    index.add([(ids(1)[0], vectors(1, 0))], Progress(3, ids(1)[0]))
    assert index.progress == Progress(3, ids(1)[0])
    assert index.search(vectors(1, 1), 2) == [[]]


def test_a_cleared_index_is_empty_and_can_be_filled_again(reopen: Open) -> None:
    index, rows = reopen(), [(one, vectors(seed)) for seed, one in enumerate(ids(2))]
    index.add(rows, Progress(2, rows[1][0]))
    index.save()
    index.clear()
    assert index.progress == Progress()
    assert index.search(rows[0][1][:1], 1) == [[]]
    index.add(rows[1:], Progress(1, rows[1][0]))
    index.close()
    again = reopen()
    assert again.progress == Progress(1, rows[1][0])
    assert again.search(rows[0][1][:1], 1)[0][0].record_id == rows[1][0]


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"got 'chalk', expected one of \['milvus', 'usearch'\]"):
        create_index("chalk", tmp_path, "hashes")
    with pytest.raises(StartupError, match="vector_index_options"):
        create_index("usearch", tmp_path, "hashes", colour="blue")
    with pytest.raises(StartupError, match="acme_vectors"):
        create_index("acme_vectors:create", tmp_path, "hashes")


def test_a_file_that_is_no_index_counts_as_none(tmp_path: Path) -> None:
    engine = importlib.import_module("service.indexes.usearch")
    index = engine.create(tmp_path, "features")
    row = (ids(1)[0], vectors(1))
    index.add([row], Progress(1, row[0]))
    index.close()
    file = next(tmp_path.rglob("*.usearch"))
    for damaged in (b"", b"not an index" * 100, file.read_bytes()[:100]):
        file.write_bytes(damaged)
        assert engine.create(tmp_path, "features").progress == Progress()

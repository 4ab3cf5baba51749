"""service.lookalikes: finding copies among registered pictures, and an index that follows its registry."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from service.generators.builtin import draw
from service.lookalikes import Lookalikes
from service.runtime import open_lookalikes
from service.settings import Settings
from service.stores import Record, RegistryStore, registry_sqlite
from watermark.fingerprint import fingerprint
from watermark.fingerprint_iscc import iscc_from_text

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SCENES = ["sea", "a city at night", "forest", "desert", "mountains", "red flowers"]


def put(registry: RegistryStore, record_id: str, body: bytes | None) -> None:
    registry.put(
        Record(
            id=record_id,
            created_at=NOON,
            kind="mark",
            tenant="default",
            generator="g",
            generator_version="1",
            provider="p",
            mime="image/png",
            width=1,
            height=1,
            sha256=record_id * 4,
            manifest_id=f"urn:c2pa:{record_id}",
            manifest=b"m",
            watermark_key_id="k",
            policy_version="1",
            action="allow",
            request_id="r",
            fingerprint=body,
        )
    )


@pytest.fixture(scope="module")
def pictures() -> dict[str, np.ndarray]:
    return {f"{number:016x}": draw(scene, 0, 400, 480) for number, scene in enumerate(SCENES, 0xABCDEF)}


@pytest.fixture
def registry(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Iterator[RegistryStore]:
    store = registry_sqlite.create(tmp_path / "registry.sqlite")
    for record_id, picture in pictures.items():
        put(store, record_id, fingerprint(picture).to_bytes())
    yield store
    store.close()


@pytest.fixture
def opened(tmp_path: Path, registry: RegistryStore) -> Callable[[], Lookalikes]:
    return lambda: open_lookalikes(Settings(data_dir=tmp_path), registry)


@pytest.mark.parametrize(
    "attack",
    [
        lambda image: image,
        lambda image: np.ascontiguousarray(image[60:350, 40:400]),
        lambda image: np.ascontiguousarray(image[:, ::-1]),
        lambda image: np.ascontiguousarray(np.rot90(image)),
        lambda image: (image // 2).astype(np.uint8),
    ],
)
def test_a_copy_leads_to_its_record(
    attack: Callable[[np.ndarray], np.ndarray],
    opened: Callable[[], Lookalikes],
    pictures: dict[str, np.ndarray],
) -> None:
    lookalikes = opened()
    for record_id in list(pictures)[:3]:
        copy = attack(pictures[record_id])
        found = lookalikes.find(copy)
        assert [(one.record_id, one.comparison.status) for one in found[:1]] == [(record_id, "match")]
        claimed = lookalikes.compare(copy, record_id)
        assert claimed is not None
        assert claimed.status == "match"


def test_the_homography_of_a_mirrored_copy_starts_from_the_copy(
    opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    record_id, picture = next(iter(pictures.items()))
    found = opened().compare(np.ascontiguousarray(picture[:, ::-1]), record_id)
    assert found is not None
    assert found.homography is not None
    left_top = found.homography @ [0, 0, 1]
    assert left_top[:2] / left_top[2] == pytest.approx([1, 0], abs=0.02)


def test_other_pictures_lead_nowhere(
    opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    lookalikes, ids = opened(), list(pictures)
    for number in range(4):
        other = draw(f"harbour {number}", number, 400, 480)
        assert [one for one in lookalikes.find(other) if one.comparison.status == "match"] == []
    flat = np.full((300, 300, 3), 90, np.uint8)
    assert lookalikes.find(flat) == []
    transplanted = lookalikes.compare(pictures[ids[0]], ids[1])
    assert transplanted is not None
    assert transplanted.status == "no_match"


def test_a_record_without_a_readable_fingerprint_is_passed_over(
    registry: RegistryStore, opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    put(registry, "1" * 16, None)
    put(registry, "2" * 16, b"\x09 of a later version")
    lookalikes, picture = opened(), next(iter(pictures.values()))
    assert lookalikes.find(picture)
    assert [lookalikes.compare(picture, one) for one in ("1" * 16, "2" * 16, "3" * 16)] == [None] * 3


def test_what_is_registered_later_or_elsewhere_is_found(
    tmp_path: Path, opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    lookalikes = opened()
    assert (lookalikes.catch_up(), lookalikes.catch_up()) == (len(SCENES), 0)
    fresh = draw("snow", 0, 400, 480)
    other_process = registry_sqlite.create(tmp_path / "registry.sqlite")
    put(other_process, "d" * 16, fingerprint(fresh).to_bytes())
    other_process.close()
    assert lookalikes.find(fresh)[0].record_id == "d" * 16


def test_the_index_is_kept_and_rebuilt_when_lost(
    tmp_path: Path, opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    first = opened()
    first.catch_up()
    first.close()
    first.close()
    assert opened().catch_up() == 0
    for file in (tmp_path / "fingerprint-index").rglob("*.usearch"):
        file.unlink()
    again = opened()
    assert again.catch_up() == len(SCENES)
    assert again.find(next(iter(pictures.values())))


def test_an_index_of_another_registry_is_emptied(
    tmp_path: Path, opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    first = opened()
    first.catch_up()
    first.close()
    other = registry_sqlite.create(tmp_path / "other.sqlite")
    ids = list(pictures)
    put(other, "e" * 16, fingerprint(pictures[ids[0]]).to_bytes())
    lookalikes = open_lookalikes(Settings(data_dir=tmp_path), other)
    assert lookalikes.catch_up() == 1
    assert [one.record_id for one in lookalikes.find(pictures[ids[0]])] == ["e" * 16]
    assert lookalikes.find(pictures[ids[1]]) == []
    other.close()


def test_iscc_codes_are_found_by_distance(
    opened: Callable[[], Lookalikes], pictures: dict[str, np.ndarray]
) -> None:
    lookalikes = opened()
    record_id, picture = list(pictures.items())[2]
    code = iscc_from_text(fingerprint(picture).iscc)
    assert code is not None
    assert lookalikes.find_iscc(code)[0] == (record_id, 0)
    near = bytes([code[0] ^ 3]) + code[1:]
    assert lookalikes.find_iscc(near)[0] == (record_id, 2)
    assert lookalikes.find_iscc(bytes(byte ^ 0x55 for byte in code)) == []

"""Marking what carries a mark of ours already: it is kept only by the picture that it was made for."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import watermark
from service.errors import BadRequest, CannotRecord
from service.generators.builtin import draw
from service.keys import Keys, load_or_create_keys
from service.lookalikes import Lookalikes
from service.marking import MarkedPicture, Marker, Origin
from service.runtime import open_lookalikes
from service.settings import Settings
from service.stages import StageTimes
from service.stores import Record, registry_sqlite
from service.verification import Verifier
from watermark.label import NOT_STATED
from watermark.manifest import TrustAnchors
from watermark.picture import Limits, decode_picture
from watermark.search import Search

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
GENERATED = Origin("generation", "our-generator", "7", "policy-1", "allow", "req_1")
HANDED_IN = replace(GENERATED, kind="mark", generator=NOT_STATED, generator_version="", request_id="req_2")


@dataclass
class House:
    keys: Keys
    registry: registry_sqlite.Registry
    lookalikes: Lookalikes
    marker: Marker
    first: MarkedPicture

    def mark(self, data: bytes, format_: str = "png", **changes: object) -> MarkedPicture:
        origin = replace(HANDED_IN, source=data, source_mime=decode_picture(data).mime, **changes)
        return self.marker.mark(decode_picture(data).image, format_, origin, StageTimes())

    def record(self, record_id: str) -> Record:
        record = self.registry.get(record_id)
        assert record is not None
        return record


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    settings = Settings(data_dir=tmp_path)
    keys = load_or_create_keys(settings, NOW)
    registry = registry_sqlite.create(tmp_path / "registry.sqlite")
    lookalikes = open_lookalikes(settings, registry)
    times = iter(NOW + timedelta(hours=hour) for hour in range(100))
    marker = Marker(keys, "Test provider", registry, lambda: next(times), likeness=lookalikes)
    first = marker.mark(draw("a harbour", 0, 512, 512), "png", GENERATED, StageTimes())
    yield House(keys, registry, lookalikes, marker, first)
    lookalikes.close()
    registry.close()


def png(image: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def painted_over(data: bytes) -> bytes:
    """More than half of it is another picture; the mark is still read."""
    image = decode_picture(data).image.copy()
    image[:, :300] = draw("a forest", 1, 512, 512)[:, :300]
    return png(image)


def copy(data: bytes) -> bytes:
    """The same picture saved again."""
    file = io.BytesIO()
    Image.fromarray(decode_picture(data).image).save(file, "JPEG", quality=80)
    return file.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("again", [lambda data: data, copy], ids=["the file", "a copy"])
def test_a_picture_of_ours_keeps_its_id(house: House, again) -> None:
    marked = house.mark(again(house.first.data), "webp")
    assert (marked.id, house.registry.count()) == (house.first.id, 1)
    found = house.registry.by_sha256(sha256(marked.data))
    assert found is not None
    assert (found.id, found.mime, found.generator) == (house.first.id, "image/webp", "our-generator")
    assert house.registry.by_manifest_id(found.manifest_id) == found
    assert house.registry.by_sha256(sha256(house.first.data)) == house.record(house.first.id)


def test_a_further_file_is_known_as_released(house: House) -> None:
    marked = house.mark(house.first.data)
    trust = TrustAnchors(house.keys.identity.root_pem)
    verifier = Verifier(house.keys, trust, house.registry, Limits(), house.lookalikes)
    known = verifier.known(sha256(marked.data))
    assert "knows this exact file" in known.summary
    quick = verifier.verify(marked.data, pixels=False)
    assert quick.record is not None
    assert (quick.record.id, quick.record.found_by) == (house.first.id, "content_credentials")
    assert quick.record.exact_file


def test_what_cannot_be_registered_does_not_leave(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(release: object) -> None:
        raise CannotRecord("the disk is full")

    monkeypatch.setattr(house.registry, "release", broken)
    with pytest.raises(CannotRecord):
        house.mark(house.first.data)


@pytest.mark.parametrize("replace_mark", [False, True])
def test_a_copied_mark_gives_way_and_is_no_parent(house: House, replace_mark: bool) -> None:
    fake = painted_over(house.first.data)
    found = watermark.detect(decode_picture(fake).image, key=house.keys.watermark)
    assert found.payload == bytes.fromhex(house.first.id), "the copied mark is there to be trusted"
    marked = house.mark(fake, generator="their-generator", replace_mark=replace_mark)
    record = house.record(marked.id)
    assert marked.id != house.first.id
    assert (record.generator, record.parent, record.created_at > NOW) == ("their-generator", None, True)
    found = watermark.detect(decode_picture(marked.data).image, key=house.keys.watermark)
    assert (found.payload, found.others) == (bytes.fromhex(marked.id), ())
    assert house.marker.known_as(fake, decode_picture(fake).image) is None


def test_a_mark_of_no_record_gives_way(house: House) -> None:
    stray = watermark.embed(draw("sea", 0, 300, 300), b"12345678", key=house.keys.watermark)
    marked = house.mark(png(stray))
    assert marked.id != b"12345678".hex()
    assert house.registry.get(b"12345678".hex()) is None


def test_where_likeness_cannot_be_had_only_the_file_itself_keeps_its_id(house: House) -> None:
    house.marker._likeness = None
    assert house.mark(house.first.data).id == house.first.id
    marked = house.mark(copy(house.first.data))
    assert (marked.id != house.first.id, house.record(marked.id).parent) == (True, None)


def test_a_picture_of_ours_is_marked_anew_as_a_child_on_request(house: House) -> None:
    kept = house.record(house.mark(copy(house.first.data), replace_mark=True).id)
    assert (kept.parent, kept.generator, kept.generator_version) == (house.first.id, "our-generator", "7")
    other = house.record(house.mark(house.first.data, replace_mark=True, generator="theirs").id)
    assert (other.parent, other.generator, other.generator_version) == (house.first.id, "theirs", "")


@pytest.mark.parametrize("said", [{"generator": "theirs"}, {"generator_version": "8"}])
def test_another_generator_than_the_records_is_never_dropped(house: House, said: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match="registered here as") as caught:
        house.mark(house.first.data, **said)
    assert (caught.value.code, caught.value.param) == ("generator_differs", next(iter(said)))
    same = {"generator": "our-generator", "generator_version": "7"}
    assert house.mark(house.first.data, **same).id == house.first.id


def test_the_mark_is_searched_for_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    searched = []
    run = Search.run

    def counted(search: Search, effort: str) -> None:
        searched.append(effort)
        run(search, effort)

    monkeypatch.setattr(Search, "run", counted)
    house.mark(png(draw("a picture without a mark", 0, 300, 300)), replace_mark=True)
    assert len(searched) == 1

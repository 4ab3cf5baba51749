"""Keys on disk: made once, private, agreed on by processes that start together."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import watermark
from service.errors import StartupError
from service.keys import load_or_create_keys, read_key_file
from service.settings import Settings

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def test_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    first = load_or_create_keys(settings, NOW)
    assert load_or_create_keys(settings, NOW) == first
    assert len({first.watermark, first.audit, first.prompt_hash}) == 3
    files = [p for p in (tmp_path / "data" / "keys").rglob("*") if p.is_file()]
    assert files
    assert {stat.S_IMODE(p.stat().st_mode) for p in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "data" / "keys").stat().st_mode) == 0o700
    assert "development-watermark.key" in {p.name for p in files}
    assert first.identity.development


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load_or_create_keys(settings, NOW), range(8)))
    assert all(keys == made[0] for keys in made)
    assert not list((tmp_path / "keys").glob(".*")), "no staged file is left behind"


def test_key_id_differs_and_hides_the_key(tmp_path: Path) -> None:
    one = load_or_create_keys(Settings(data_dir=tmp_path / "a"), NOW)
    two = load_or_create_keys(Settings(data_dir=tmp_path / "b"), NOW)
    assert one.watermark_key_id != two.watermark_key_id
    assert one.watermark_key_id not in one.watermark.hex()


@pytest.mark.parametrize("text", ["", "zz", "0011", "00" * 65, "\xff"])
def test_a_wrong_key_file_is_explained(tmp_path: Path, text: str) -> None:
    file = tmp_path / "watermark.key"
    file.write_text(text, "utf-8")
    with pytest.raises(StartupError, match=r"16\.\.64"):
        read_key_file(file)


def test_own_watermark_key(tmp_path: Path) -> None:
    file = tmp_path / "watermark.key"
    file.write_text("00112233 44556677\n8899aabb ccddeeff\n")
    keys = load_or_create_keys(Settings(data_dir=tmp_path / "data", watermark_key_file=file), NOW)
    assert keys.watermark == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert not keys.development_watermark


def test_a_changed_key_finds_the_marks_of_the_old_one(tmp_path: Path) -> None:
    files = []
    for name in ("now", "before"):
        files.append(tmp_path / f"{name}.key")
        files[-1].write_text(name.encode().hex().ljust(32, "0"))
    settings = Settings(
        data_dir=tmp_path / "data", watermark_key_file=files[0], watermark_old_key_files=(files[1],)
    )
    keys = load_or_create_keys(settings, NOW)
    now, before = keys.all_watermarks
    assert keys.watermark == now
    picture = np.random.default_rng(0).integers(60, 200, (200, 260, 3), dtype=np.uint8)
    old = watermark.embed(picture, b"old mark", key=before)
    found = watermark.detect(old, key=keys.all_watermarks)
    assert found.payload == b"old mark"
    assert found.key_id == watermark.key_id(before)
    assert found.key_id != keys.watermark_key_id


def test_signing_files_come_in_pairs(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, signing_key_file=tmp_path / "key.pem")
    with pytest.raises(StartupError, match="signing_chain_file"):
        load_or_create_keys(settings, NOW)


def test_unwritable_data_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartupError, match="data-dir"):
        load_or_create_keys(Settings(data_dir=tmp_path / "file"), NOW)

"""Trust lists: files and folders, read again when they change, never lost to a bad one."""

import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from service.errors import StartupError
from service.keys import load_or_create_keys
from service.runtime import open_verifier
from service.settings import Settings
from service.trust_lists import TrustLists
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner, read_manifest
from watermark.picture import encode_picture
from watermark.signing import create_development_identity

NOW = datetime.now(UTC)
OURS, THEIRS = create_development_identity(NOW), create_development_identity(NOW)
ID = "0" * 15 + "1"


def picture_of(identity) -> bytes:
    data = encode_picture(np.random.default_rng(4).integers(0, 256, (160, 160, 3), dtype=np.uint8), "png")
    return (
        ManifestSigner(identity)
        .sign(data, "image/png", AiLabel(ID, "p", "s", "1", NOW), soft_binding=ID)
        .data
    )


THEIR_PICTURE, OUR_PICTURE = picture_of(THEIRS), picture_of(OURS)


def trusts(lists: TrustLists, data: bytes) -> bool:
    report = read_manifest(data, "image/png", trust=lists)
    assert report.integrity == "ok"
    return bool(report.trusted)


def test_our_own_root_needs_no_list() -> None:
    lists = TrustLists(OURS.root_pem, None)
    assert trusts(lists, OUR_PICTURE)
    assert not trusts(lists, THEIR_PICTURE)


def test_a_list_that_appears_and_goes_is_followed_without_a_restart(tmp_path: Path) -> None:
    (tmp_path / "other.pem").write_bytes(create_development_identity(NOW).root_pem)
    (tmp_path / "notes.txt").write_text("no list")
    lists = TrustLists(OURS.root_pem, tmp_path)
    assert not trusts(lists, THEIR_PICTURE)
    (tmp_path / "theirs.pem").write_bytes(b"# a comment\n// another\n" + THEIRS.root_pem)
    assert trusts(lists, THEIR_PICTURE)
    assert trusts(lists, OUR_PICTURE)
    (tmp_path / "theirs.pem").unlink()
    assert not trusts(lists, THEIR_PICTURE)


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "list.pem"
    file.write_bytes(create_development_identity(NOW).root_pem)
    lists = TrustLists(b"", file)
    assert not trusts(lists, THEIR_PICTURE)
    file.write_bytes(THEIRS.root_pem)
    os.utime(file, ns=(1, 1))  # even to an older time
    assert trusts(lists, THEIR_PICTURE)


@pytest.mark.parametrize("damage", [b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nAAAA\n", None])
def test_a_bad_list_leaves_the_last_good_one_in_force(tmp_path: Path, damage: bytes | None) -> None:
    file = tmp_path / "list.pem"
    file.write_bytes(THEIRS.root_pem)
    lists = TrustLists(OURS.root_pem, file)
    assert trusts(lists, THEIR_PICTURE)
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    assert trusts(lists, THEIR_PICTURE)
    assert trusts(lists, OUR_PICTURE)
    file.write_bytes(OURS.root_pem)
    assert not trusts(lists, THEIR_PICTURE)


@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_bad_list_keeps_the_service_from_starting(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "list.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StartupError, match=r"list\.pem"):
        TrustLists(OURS.root_pem, file)
    (tmp_path / "empty").mkdir()
    with pytest.raises(StartupError, match="no certificate"):
        TrustLists(OURS.root_pem, tmp_path / "empty")


def test_a_running_verifier_follows_the_list(tmp_path: Path) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "a.pem").write_bytes(create_development_identity(NOW).root_pem)
    settings = Settings(data_dir=tmp_path / "data", trust_anchors_file=lists)
    verifier = open_verifier(settings, load_or_create_keys(settings, NOW))
    assert verifier.verify(THEIR_PICTURE).signals.c2pa.trusted is False
    (lists / "b.pem").write_bytes(THEIRS.root_pem)
    assert verifier.verify(THEIR_PICTURE).signals.c2pa.trusted is True

"""safety.checkpoint: the note's form, what its signature covers, and what parsing refuses."""

import base64
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from safety.checkpoint import (
    Checkpoint,
    LogKey,
    check_signature,
    format_time,
    key_id_of,
    verifier_key,
)
from safety.errors import AuditKeyInvalid, CheckpointMalformed

KEY = LogKey(b"k" * 32)
OTHER = LogKey(b"o" * 32)
NOON = datetime(2026, 11, 22, 12, 0, 0, 250, tzinfo=UTC)
ROOT = bytes(range(32))


def test_a_note_reads_as_a_c2sp_checkpoint_does() -> None:
    """Taken apart here by hand, as another tool would: nothing of the parser under test is used."""
    text, signatures = KEY.sign(42, ROOT, NOON).note.split("\n\n")
    origin, size, root, time = text.split("\n")
    assert size == "42"
    assert base64.b64decode(root) == ROOT
    assert time == "time 2026-11-22T12:00:00.000250Z"
    dash, name, encoded = signatures.rstrip("\n").split(" ")
    assert (dash, name) == ("—", origin)
    blob = base64.b64decode(encoded)
    assert blob[:4].hex() == key_id_of(origin, KEY.public_key)
    Ed25519PublicKey.from_public_bytes(KEY.public_key).verify(blob[4:], (text + "\n").encode())


def test_the_key_id_is_that_of_signed_notes() -> None:
    """The published verifier key of Go's checksum database: name, key id, base64 of type and key."""
    name, key_id, encoded = "sum.golang.org", "033de0ae", "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    typed = base64.b64decode(encoded)
    assert typed[:1] == b"\x01"
    assert key_id_of(name, typed[1:]) == key_id


def test_the_verifier_key_names_the_log_and_holds_the_key() -> None:
    origin, key_id, encoded = verifier_key(KEY.public_key).split("+", 2)
    assert origin == KEY.origin
    assert key_id == KEY.sign(0, ROOT, NOON).key_id
    assert base64.b64decode(encoded) == b"\x01" + KEY.public_key


def test_a_note_survives_writing_and_reading() -> None:
    checkpoint = KEY.sign(7, ROOT, NOON)
    assert Checkpoint.parse(checkpoint.note) == checkpoint
    assert check_signature(checkpoint, KEY.public_key)


def test_times_of_other_zones_become_utc() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=-7)))
    assert format_time(local) == format_time(NOON) == "2026-11-22T12:00:00.000250Z"
    assert datetime.fromisoformat(format_time(local)) == NOON
    assert format_time(datetime(7, 1, 2, tzinfo=UTC)) == "0007-01-02T00:00:00.000000Z"


def test_another_key_does_not_vouch_for_a_checkpoint() -> None:
    assert not check_signature(KEY.sign(7, ROOT, NOON), OTHER.public_key)


def test_every_changed_character_of_a_note_is_noticed() -> None:
    note = KEY.sign(7, ROOT, NOON).note
    accepted = []
    for place, character in enumerate(note):
        changed = note[:place] + ("A" if character != "A" else "B") + note[place + 1 :]
        try:
            if check_signature(Checkpoint.parse(changed), KEY.public_key):
                accepted.append(place)
        except CheckpointMalformed:
            continue
    assert accepted == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: "",
        lambda note: note + "\n",
        lambda note: note.rstrip("\n"),
        lambda note: note.replace("7\n", "07\n", 1),
        lambda note: note.replace("7\n", "-7\n", 1),
        lambda note: note.replace("7\n", "9" * 30 + "\n", 1),
        lambda note: note.replace("\n\n", "\nextra\n\n", 1),
        lambda note: note.replace("-11-22T", "-13-22T", 1),
        lambda note: note.replace("— countermark", "— countermirk", 1),
        lambda note: note.replace("\n", "\r\n"),
        lambda note: note[:-6] + "B=" + note[-4:],
        lambda note: "\ud800" + note,
    ],
)
def test_texts_of_another_form_are_malformed(spoil) -> None:
    with pytest.raises(CheckpointMalformed):
        Checkpoint.parse(spoil(KEY.sign(7, ROOT, NOON).note))


def test_a_second_base64_spelling_is_refused() -> None:
    """The last digit of a 32-byte value has two spare bits; a note must have one spelling."""
    note = KEY.sign(7, bytes(32), NOON).note
    assert "AAAA=\n" in note
    with pytest.raises(CheckpointMalformed, match="second spelling"):
        Checkpoint.parse(note.replace("AAAA=\n", "AAAB=\n", 1))


def test_seals_depend_on_size_root_and_key() -> None:
    seals = {KEY.seal(1, ROOT), KEY.seal(2, ROOT), KEY.seal(1, bytes(32)), OTHER.seal(1, ROOT)}
    assert len(seals) == 4
    assert {len(seal) for seal in seals} == {32}


@pytest.mark.parametrize("seed", [b"", b"k" * 31, b"k" * 33, b"k" * 64])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(AuditKeyInvalid, match=f"got {len(seed)} bytes, expected 32"):
        LogKey(seed)

"""safety.audit_export: what leaves the machine can be verified with the public key alone."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from safety.audit_entry import AuditEntry
from safety.audit_export import build_proof, check_proof, export_lines, verify_export
from safety.checkpoint import LogKey
from safety.errors import AuditUnreadable
from safety.merkle import leaf_hash, root

KEY = LogKey(b"k" * 32)
OTHER = LogKey(b"o" * 32)
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
BODIES = [
    AuditEntry(
        time=NOON, request_id=f"req_{number}", kind="mark", outcome="allowed", detail='"},é'
    ).canonical()
    for number in range(7)
]
LEAVES = [leaf_hash(body) for body in BODIES]
CHECKPOINT = KEY.sign(7, root(LEAVES), NOON)
EXPORT = list(export_lines(BODIES, CHECKPOINT, KEY.public_key))


def test_an_export_verifies() -> None:
    report = verify_export(EXPORT, KEY.public_key)
    assert (report.ok, report.size, report.checkpoint.status) == (True, 7, "current")


def test_an_export_can_be_verified_by_hand() -> None:
    """As its documentation tells others to do it; nothing of the product's Merkle code is used."""
    bodies = [line[line.index('"entry":') + 8 : line.rindex("}")].encode() for line in EXPORT[1:]]
    assert bodies == BODIES
    level = [hashlib.sha256(b"\0" + body).digest() for body in bodies]
    while len(level) > 1:
        pairs = [level[at : at + 2] for at in range(0, len(level), 2)]
        level = [
            hashlib.sha256(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs
        ]
    assert level[0].hex() == CHECKPOINT.root_hex


def test_each_line_is_one_json_object() -> None:
    header, *entries = (json.loads(line) for line in EXPORT)
    assert (header["format"], header["schema"], header["size"]) == ("countermark-audit-export", 1, 7)
    assert header["checkpoint"] == CHECKPOINT.note
    assert [line["index"] for line in entries] == list(range(7))
    assert entries[2]["entry"]["request_id"] == "req_2"


def test_no_more_is_exported_than_the_checkpoint_covers() -> None:
    assert len(list(export_lines(BODIES, KEY.sign(3, root(LEAVES[:3]), NOON), KEY.public_key))) == 4


def test_every_way_to_change_an_export_is_noticed() -> None:
    swapped = [*EXPORT[:3], EXPORT[4], EXPORT[3], *EXPORT[5:]]
    assert verify_export(swapped, KEY.public_key).first_bad_index == 2
    assert verify_export([*EXPORT[:3], *EXPORT[4:]], KEY.public_key).first_bad_index == 2
    assert verify_export(EXPORT[:-2], KEY.public_key).first_bad_index == 5
    assert verify_export([*EXPORT, '{"index":7,"entry":{}}\n'], KEY.public_key).first_bad_index == 7
    assert verify_export([*EXPORT, "\ud800"], KEY.public_key).first_bad_index == 7
    surrogate = [*EXPORT[:-1], EXPORT[-1].replace("req_6", "\ud800")]
    assert verify_export(surrogate, KEY.public_key).ok is False
    changed = verify_export([line.replace("allowed", "blocked") for line in EXPORT], KEY.public_key)
    assert (changed.ok, changed.first_bad_index) == (False, None)
    assert "changed" in changed.reason


def test_an_export_signed_by_another_key_is_not_believed() -> None:
    forged = list(export_lines(BODIES, OTHER.sign(7, root(LEAVES), NOON), OTHER.public_key))
    assert verify_export(forged, OTHER.public_key).ok
    report = verify_export(forged, KEY.public_key)
    assert (report.ok, report.reason) == (False, "the checkpoint was not signed by the key that was given")


@pytest.mark.parametrize(
    "header", ["", "[]", "{}", "null", '{"format":"other"}', EXPORT[0].replace("\\n7\\n", "\\nx\\n")]
)
def test_what_is_no_export_cannot_be_judged(header: str) -> None:
    with pytest.raises(AuditUnreadable, match="audit export"):
        verify_export([header, *EXPORT[1:]], KEY.public_key)


@pytest.mark.parametrize("index", range(7))
def test_each_entry_can_be_proven(index: int) -> None:
    proof = json.loads(json.dumps(build_proof(index, BODIES[index], LEAVES, CHECKPOINT, KEY.public_key)))
    assert check_proof(proof, KEY.public_key)
    assert not check_proof(proof, OTHER.public_key)
    assert not check_proof(proof | {"entry": proof["entry"].replace("allowed", "blocked")}, KEY.public_key)
    assert not check_proof(proof | {"index": (index + 1) % 7}, KEY.public_key)
    assert not check_proof(proof | {"proof": proof["proof"][:-1]}, KEY.public_key)
    assert not check_proof(proof | {"checkpoint": OTHER.sign(7, root(LEAVES), NOON).note}, KEY.public_key)


@pytest.mark.parametrize(
    "spoiled",
    [
        {},
        {"index": "x"},
        {"index": None},
        {"proof": "zz"},
        {"proof": [1]},
        {"proof": None},
        {"checkpoint": None},
        {"checkpoint": "x"},
        {"entry": "\ud800"},
    ],
)
def test_a_spoiled_proof_is_not_believed_and_does_not_raise(spoiled: dict[str, object]) -> None:
    proof = build_proof(1, BODIES[1], LEAVES, CHECKPOINT, KEY.public_key)
    assert not check_proof(proof | spoiled if spoiled else {}, KEY.public_key)


def test_no_proof_is_made_of_an_entry_that_is_not_under_the_root() -> None:
    with pytest.raises(AuditUnreadable, match="proof of entry 1"):
        build_proof(1, BODIES[2], LEAVES, CHECKPOINT, KEY.public_key)

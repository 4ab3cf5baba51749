"""Documents about the audit log that leave the machine; the public key alone verifies them.

Export: JSON lines. The first is the header

    {"format":"countermark-audit-export","schema":1,"size":N,"checkpoint":"<signed
    note>","public_key":"<verifier key>"}

and line i + 2 is {"index":i,"entry":E} where E are the canonical bytes of entry i, verbatim: all of the line
after `"entry":` but its last brace. To verify without this program: leaf_i = SHA-256(0x00 || E); the Merkle
root (RFC 9162) of all leaves is the one in the note; the note's signature is that of the key you trust (not
just of the key named here).

Proof: one JSON object with `index`, `entry` (canonical text), `size`, `proof` (sibling hashes, hex),
`checkpoint` and `public_key`: entry `index` is under the root of that checkpoint (RFC 9162 section 2.1.3).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from safety.audit import AuditReport, CheckpointState
from safety.checkpoint import Checkpoint, check_signature, verifier_key
from safety.errors import AuditUnreadable, CheckpointMalformed
from safety.merkle import CompactRange, inclusion_proof, leaf_hash, verify_inclusion

FORMAT = "countermark-audit-export"
SCHEMA = 1


def export_lines(entries: Iterable[bytes], checkpoint: Checkpoint, public_key: bytes) -> Iterator[str]:
    """Yield the export of canonical `entries`, as many as the checkpoint covers; each line is ended."""
    header = {
        "format": FORMAT,
        "schema": SCHEMA,
        "size": checkpoint.size,
        "checkpoint": checkpoint.note,
        "public_key": verifier_key(public_key),
    }
    yield json.dumps(header, separators=(",", ":"), ensure_ascii=False) + "\n"
    for index, entry in enumerate(islice(entries, checkpoint.size)):
        yield f'{{"index":{index},"entry":{entry.decode()}}}\n'


def verify_export(lines: Iterable[str], public_key: bytes) -> AuditReport:
    """Verify an export against the public key (32 bytes) that the reader trusts.

    An export has no seals: when the root does not fit, no single entry can be named (first_bad_index is
    None), unless a line is missing or is not of the form above.

    Raises:
        AuditUnreadable: the first line is not the header of an export.

    """
    remaining = iter(lines)
    checkpoint = _header(next(remaining, ""))
    tree = CompactRange()
    for line in remaining:
        entry = _entry(line, tree.size)
        if entry is None:
            return _verdict(tree, checkpoint, tree.size, f"line {tree.size + 2} is not entry {tree.size}")
        tree.push(leaf_hash(entry))
    if not check_signature(checkpoint, public_key):
        return _verdict(tree, checkpoint, None, "the checkpoint was not signed by the key that was given")
    if tree.size != checkpoint.size:
        reason = f"the checkpoint covers {checkpoint.size} entries, the export has {tree.size}"
        return _verdict(tree, checkpoint, min(tree.size, checkpoint.size), reason)
    if tree.root().hex() != checkpoint.root_hex:
        return _verdict(
            tree, checkpoint, None, "at least one entry was changed: the root is not the signed one"
        )
    return _verdict(tree, checkpoint, None, None)


def build_proof(
    index: int, entry: bytes, leaves: Sequence[bytes], checkpoint: Checkpoint, public_key: bytes
) -> dict[str, Any]:
    """Return the proof document of entry `index`; `leaves` are the leaf hashes that the checkpoint covers.

    Raises:
        AuditUnreadable: the entry is not under the checkpoint's root: the log does not verify.

    """
    proof = inclusion_proof(leaves, index)
    if not verify_inclusion(index, len(leaves), leaf_hash(entry), proof, bytes.fromhex(checkpoint.root_hex)):
        raise AuditUnreadable(
            f"proof of entry {index}: got another root than the checkpoint's, expected a log that verifies, "
            "run `countermark audit verify`"
        )
    return {
        "schema": SCHEMA,
        "index": index,
        "entry": entry.decode(),
        "size": checkpoint.size,
        "proof": [step.hex() for step in proof],
        "checkpoint": checkpoint.note,
        "public_key": verifier_key(public_key),
    }


def check_proof(document: Mapping[str, Any], public_key: bytes) -> bool:
    """Tell whether a proof document holds under the public key (32 bytes) that the reader trusts."""
    try:
        checkpoint = Checkpoint.parse(document["checkpoint"])
        index, entry = int(document["index"]), str(document["entry"]).encode()
        proof = [bytes.fromhex(step) for step in document["proof"]]
    except (CheckpointMalformed, KeyError, TypeError, ValueError):
        return False
    root = bytes.fromhex(checkpoint.root_hex)
    return check_signature(checkpoint, public_key) and verify_inclusion(
        index, checkpoint.size, leaf_hash(entry), proof, root
    )


def _header(line: str) -> Checkpoint:
    try:
        header = json.loads(line)
        if header["format"] == FORMAT and header["schema"] == SCHEMA:
            return Checkpoint.parse(header["checkpoint"])
    except (CheckpointMalformed, KeyError, TypeError, ValueError, RecursionError) as error:
        raise AuditUnreadable(
            f"audit export: got {line[:60]!r}, expected its header line, export again"
        ) from error
    raise AuditUnreadable(f"audit export: got {line[:60]!r}, expected {FORMAT} schema {SCHEMA}, export again")


def _entry(line: str, index: int) -> bytes | None:
    start, end = f'{{"index":{index},"entry":', "}"
    body = line.rstrip("\n")
    if not (body.startswith(start) and body.endswith(end)):
        return None
    return body[len(start) : -len(end)].encode("utf-8", "surrogatepass")  # never what was hashed: a bad root


def _verdict(tree: CompactRange, checkpoint: Checkpoint, bad: int | None, reason: str | None) -> AuditReport:
    state = CheckpointState(
        status="not_checked" if reason else "current", size=checkpoint.size, time=checkpoint.time
    )
    return AuditReport(
        ok=reason is None,
        size=tree.size,
        root_hex=tree.root().hex(),
        first_bad_index=bad,
        reason=reason or f"all {tree.size} entries are those that the checkpoint was signed for",
        checkpoint=state,
    )

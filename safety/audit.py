"""How a log of audit entries is verified.

The canonical bytes of an entry (safety.audit_entry) are the leaf of the Merkle tree (safety.merkle); a row of the
log keeps them with the leaf hash and the seal (safety.checkpoint).

What verification promises. Without the signing key nobody can change, remove, repeat, reorder or insert an
entry, or cut entries off the end, unnoticed. Two limits, which no log on a single machine can lift: whoever
takes the key can write anything, and whoever puts back an older copy of BOTH the log and its checkpoint file
hides what came after. Keep checkpoints on another machine to close the second: the log must be consistent
with each of them for ever.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from safety.checkpoint import Checkpoint, LogKey, check_signature, format_time
from safety.errors import AuditUnreadable, CheckpointMalformed
from safety.merkle import EMPTY_ROOT, CompactRange, leaf_hash

CheckpointStatus = Literal["current", "behind", "ahead", "contradicts", "damaged", "missing", "not_checked"]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row as a store keeps it: index from 0, canonical bytes, leaf hash (32 bytes), seal (32 bytes)."""

    index: int
    entry: bytes
    leaf: bytes
    seal: bytes


class CheckpointState(BaseModel):
    """How the checkpoint file relates to the rows.

    current      the newest valid checkpoint covers every entry
    behind       entries after it are sealed, yet not covered (a writer stopped in between, or is at work)
    ahead        it covers entries that are gone
    contradicts  it is signed by our key over other entries than these
    damaged      some line of the file is not a checkpoint signed by our key
    missing      there is no checkpoint file
    not_checked  a row was bad before the comparison
    """

    model_config = ConfigDict(frozen=True)

    status: CheckpointStatus
    size: int | None = None
    time: datetime | None = None
    damaged_lines: int = 0


class AuditReport(BaseModel):
    """The verdict on a log.

    `size` and `root_hex` describe the entries that verified, from 0 up to the first bad one.
    `first_bad_index` is None when ok, and also when every entry is good but its surroundings are not
    (checkpoint file, database structure).
    """

    model_config = ConfigDict(frozen=True)

    ok: bool
    size: int
    root_hex: str
    first_bad_index: int | None
    reason: str
    checkpoint: CheckpointState


def verify_log(rows: Iterable[LogRow], notes: Sequence[str] | None, *, key: LogKey) -> AuditReport:
    """Verify all rows of a log against their seals and against its checkpoint notes (None: no file).

    1. Row i must be the i-th, its leaf the hash of its bytes, and its seal that of (i + 1, root of leaves
       0..i). The first row where this fails is the first bad index: every row before it is exactly as our key
       sealed it.
    2. Where a note speaks of that size, its root must be the same; a note whose signature holds wins over the
       rows.
    3. No valid note may cover more entries than there are: those were cut off.
    4. A missing or damaged checkpoint file is a bad verdict of its own: cut-off entries could not be noticed.

    An AuditUnreadable raised while iterating `rows` means that the next row cannot be read: it is the bad
    one.
    """
    claims = _Claims(notes, key)
    tree = CompactRange()
    size, root = 0, EMPTY_ROOT
    try:
        contradicted = not claims.agree(size, root)
        for row in () if contradicted else rows:
            tree.push(row.leaf)
            grown = tree.root()
            fault = _row_fault(row, size, grown, key)  # 1
            if fault is not None:
                return _bad(size, root, fault)
            size, root = size + 1, grown
            if not claims.agree(size, root):  # 2
                contradicted = True
                break
    except AuditUnreadable as error:
        return _bad(size, root, f"entry {size} cannot be read: {error}")
    if contradicted:
        return claims.contradiction()
    return claims.verdict(size, root)  # 3, 4


def newest_valid(notes: Iterable[str], key: LogKey) -> Checkpoint | None:
    """Return the valid checkpoint over the most entries; None when no note is one."""
    for note in sorted(notes, key=_claimed_size, reverse=True):
        try:
            checkpoint = Checkpoint.parse(note)
        except CheckpointMalformed:
            continue  # verify_log counts and reports these
        if check_signature(checkpoint, key.public_key):
            return checkpoint
    return None


def _claimed_size(note: str) -> int:
    """Read the size line without parsing the rest: thousands of notes are sorted to look at one."""
    size = note.split("\n", 2)[1:2]
    return int(size[0]) if size and size[0].isdecimal() and len(size[0]) < 19 else -1


def _row_fault(row: LogRow, expected: int, root: bytes, key: LogKey) -> str | None:
    """Say what is wrong with the row at place `expected` that brings the log to `root`, if anything."""
    if row.index != expected:
        return f"entry {expected} is not there: the next row has index {row.index}"
    if leaf_hash(row.entry) != row.leaf:
        return f"entry {expected} was changed: its bytes do not have the leaf hash that was recorded"
    if key.seal(expected + 1, root) != row.seal:
        return f"entry {expected} is not what this key sealed here: another entry, or the log of another key"
    return None


def _bad(size: int, root: bytes, reason: str) -> AuditReport:
    state = CheckpointState(status="not_checked")
    return AuditReport(
        ok=False, size=size, root_hex=root.hex(), first_bad_index=size, reason=reason, checkpoint=state
    )


class _Claims:
    """What the checkpoint notes say about the log, compared size by size as the rows are read.

    A signature costs 250 us to verify, so it is verified only where it decides: for the newest note that
    agrees with the rows, and for every note that does not.
    """

    def __init__(self, notes: Sequence[str] | None, key: LogKey) -> None:
        self._key = key
        self._damaged = 0
        self._open: defaultdict[int, list[Checkpoint]] = defaultdict(list)
        self._agreed: list[Checkpoint] = []
        self._contradicting: Checkpoint | None = None
        for note in notes or ():
            try:
                checkpoint = Checkpoint.parse(note)
            except CheckpointMalformed:
                self._damaged += 1
            else:
                self._open[checkpoint.size].append(checkpoint)

    def agree(self, size: int, root: bytes) -> bool:
        """Compare the notes of this size; False when one that our key signed names another root."""
        for checkpoint in self._open.pop(size, ()):
            if checkpoint.root_hex == root.hex():
                self._agreed.append(checkpoint)
            elif self._signed(checkpoint):
                self._contradicting = checkpoint
                return False
        return True

    def contradiction(self) -> AuditReport:
        """Report a valid note that names other entries; up to the last note that agreed, all is good."""
        newest, against = self._newest_agreed(), self._contradicting
        index = newest.size if newest else 0
        covered = against.size if against else 0
        return AuditReport(
            ok=False,
            size=index,
            root_hex=newest.root_hex if newest else EMPTY_ROOT.hex(),
            first_bad_index=index,
            reason=f"entries {index}..{covered - 1} are not those that the checkpoint over {covered} covers",
            checkpoint=self._state("contradicts", against),
        )

    def verdict(self, size: int, root: bytes) -> AuditReport:
        """Report on a log whose `size` rows are all good."""
        ahead = next(
            (c for n in sorted(self._open, reverse=True) for c in self._open[n] if self._signed(c)), None
        )
        newest = self._newest_agreed()
        index: int | None = None
        if ahead is not None:
            index, state = size, self._state("ahead", ahead)
            last = ahead.size - 1
            reason = (
                f"entries {size}..{last} are missing: the checkpoint of {format_time(ahead.time)} covers "
                f"{ahead.size} entries, the log has {size}"
            )
        elif self._damaged:
            state = self._state("damaged", newest)
            reason = (
                f"all {size} entries that are there are good, but {self._damaged} line(s) of the checkpoint file "
                "are not checkpoints signed by this log's key: whether later entries were removed cannot be told"
            )
        elif newest is None:
            state = self._state("missing", None)
            reason = (
                f"all {size} entries that are there are good, but the checkpoint file is gone or empty: whether "
                "later entries were removed cannot be told"
            )
        elif newest.size < size:
            state = self._state("behind", newest)
            reason = f"all {size} entries are good; the newest checkpoint covers {newest.size} of them"
        else:
            state = self._state("current", newest)
            reason = f"all {size} entries are good and covered by the newest checkpoint"
        ok = state.status in {"current", "behind"}
        return AuditReport(
            ok=ok, size=size, root_hex=root.hex(), first_bad_index=index, reason=reason, checkpoint=state
        )

    def _newest_agreed(self) -> Checkpoint | None:
        return next((c for c in reversed(self._agreed) if self._signed(c)), None)

    def _signed(self, checkpoint: Checkpoint) -> bool:
        good = check_signature(checkpoint, self._key.public_key)
        self._damaged += not good
        return good

    def _state(self, status: CheckpointStatus, checkpoint: Checkpoint | None) -> CheckpointState:
        return CheckpointState(
            status=status,
            size=checkpoint.size if checkpoint else None,
            time=checkpoint.time if checkpoint else None,
            damaged_lines=self._damaged,
        )

"""Merkle tree over an append-only list: roots, inclusion proofs, consistency proofs.

Hashing is RFC 9162 section 2.1 with SHA-256 (bit for bit the tree of RFC 6962):

    leaf = SHA-256(0x00 || data)        node = SHA-256(0x01 || left || right)        empty root = SHA-256("")

The two prefix bytes keep a node from being passed off as a leaf. Everything here is pure; a leaf hash, a node
hash and a root are each `bytes` of length 32. Proofs are lists of hashes in the order the RFC gives them.
"""

import hashlib
from collections.abc import Iterable, Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """Return the hash that stands for one entry, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node over its two children, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class CompactRange:
    """The peaks of a growing tree: the roots of the perfect subtrees that its leaves split into.

    That is enough to append and to take the root. Holds popcount(size) hashes, left to right, largest
    first; an append costs one node hash on average.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        for leaf in leaf_hashes:
            self.push(leaf)

    def push(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        carry = leaf
        merges = self.size
        while (
            merges & 1
        ):  # each trailing one bit of the size is a perfect subtree that the new leaf completes
            carry = node_hash(self._peaks.pop(), carry)
            merges >>= 1
        self._peaks.append(carry)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of the leaves so far, 32 bytes."""
        if not self._peaks:
            return EMPTY_ROOT
        carry = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            carry = node_hash(peak, carry)
        return carry

    def copy(self) -> "CompactRange":
        """Return an independent copy, so that an append can be tried and dropped."""
        twin = CompactRange()
        twin.size = self.size
        twin._peaks = self._peaks.copy()
        return twin


def root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Return MTH(D) of RFC 9162 section 2.1.1 for these leaf hashes, 32 bytes."""
    return CompactRange(leaf_hashes).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return PATH(index, D), RFC 9162 section 2.1.3.1: the siblings from the leaf up to the root.

    Raises:
        IndexError: index is outside 0 .. len(leaf_hashes) - 1 (a fault of the caller, not of the data).

    """
    size = len(leaf_hashes)
    if not 0 <= index < size:
        raise IndexError(f"leaf index: got {index}, expected 0..{size - 1}, ask for an entry of the tree")
    if size == 1:
        return []
    split = _split(size)
    left, right = leaf_hashes[:split], leaf_hashes[split:]
    if index < split:
        return [*inclusion_proof(left, index), root(right)]
    return [*inclusion_proof(right, index - split), root(left)]


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root_hash: bytes) -> bool:
    """Tell whether `leaf` is entry `index` of the `size` under this root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    steps = _climb(index, size - 1, proof)
    if steps is None:
        return False
    carry = leaf
    for from_left, sibling in steps:
        carry = node_hash(sibling, carry) if from_left else node_hash(carry, sibling)
    return carry == root_hash


def consistency_proof(leaf_hashes: Sequence[bytes], first: int) -> list[bytes]:
    """Return PROOF(first, D), RFC 9162 section 2.1.4.1: the first leaves are a prefix of the whole.

    Raises:
        IndexError: first is outside 1 .. len(leaf_hashes) (the RFC defines no proof from the empty tree).

    """
    size = len(leaf_hashes)
    if not 1 <= first <= size:
        raise IndexError(f"first tree size: got {first}, expected 1..{size}, ask from a size it has had")
    return _subproof(leaf_hashes, first, known=True)


def verify_consistency(
    first: int, second: int, first_root: bytes, second_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Tell whether the tree of size `first` is a prefix of that of size `second` (RFC 9162 section 2.1.4.2).

    Every tree extends the empty one, so first = 0 needs an empty proof and the empty root.
    """
    if not 0 <= first <= second:
        return False
    if first == 0:
        return not proof and first_root == EMPTY_ROOT and (second > 0 or second_root == EMPTY_ROOT)
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:  # the old tree is one perfect subtree: its root is the proof's first node
        path.insert(0, first_root)
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    steps = _climb(position, last, path[1:]) if path else None
    if steps is None:
        return False
    old = new = path[0]
    for from_left, sibling in steps:
        if from_left:
            old = node_hash(sibling, old)
        new = node_hash(sibling, new) if from_left else node_hash(new, sibling)
    return old == first_root and new == second_root


def _climb(position: int, last: int, siblings: Sequence[bytes]) -> list[tuple[bool, bytes]] | None:
    """Pair each sibling with "it stands on the left"; None when there are too many or too few of them.

    `position` is the node's place in its level and `last` the last place there (fn and sn of the RFC).
    """
    steps = []
    for sibling in siblings:
        if last == 0:
            return None
        from_left = bool(position & 1) or position == last
        if from_left:
            while position and not position & 1:  # skip the levels where this node has no sibling
                position >>= 1
                last >>= 1
        steps.append((from_left, sibling))
        position >>= 1
        last >>= 1
    return steps if last == 0 else None


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size` (size >= 2)."""
    return 1 << (size - 1).bit_length() - 1


def _subproof(leaf_hashes: Sequence[bytes], first: int, *, known: bool) -> list[bytes]:
    """SUBPROOF of the RFC; `known` is its b: the verifier has the root of this subtree already."""
    size = len(leaf_hashes)
    if first == size:
        return [] if known else [root(leaf_hashes)]
    split = _split(size)
    left, right = leaf_hashes[:split], leaf_hashes[split:]
    if first <= split:
        return [*_subproof(left, first, known=known), root(right)]
    return [*_subproof(right, first - split, known=False), root(left)]

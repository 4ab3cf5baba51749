"""safety.merkle against the published vectors of Certificate Transparency, and against itself."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safety import merkle

# Inputs, roots and proofs of the Certificate Transparency reference tests (transparency-dev/merkle).
INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
LEAVES = [merkle.leaf_hash(data) for data in INPUTS]

INCLUSION = {  # (index, size): proof
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # (first, second): proof
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


@pytest.mark.parametrize("size", range(9))
def test_published_roots(size: int) -> None:
    assert merkle.root(LEAVES[:size]) == ROOTS[size]


@pytest.mark.parametrize(("case", "expected"), INCLUSION.items())
def test_published_inclusion_proofs(case: tuple[int, int], expected: list[str]) -> None:
    index, size = case
    proof = merkle.inclusion_proof(LEAVES[:size], index)
    assert [step.hex() for step in proof] == expected
    assert merkle.verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])


@pytest.mark.parametrize(("case", "expected"), CONSISTENCY.items())
def test_published_consistency_proofs(case: tuple[int, int], expected: list[str]) -> None:
    first, second = case
    proof = merkle.consistency_proof(LEAVES[:second], first)
    assert [step.hex() for step in proof] == expected
    assert merkle.verify_consistency(first, second, ROOTS[first], ROOTS[second], proof)


def _leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


def _recursive_root(leaves: list[bytes]) -> bytes:
    """The RFC's definition read word for word; the product computes it from peaks instead."""
    if len(leaves) == 1:
        return leaves[0]
    split = max(2**power for power in range(12) if 2**power < len(leaves))
    return merkle.node_hash(_recursive_root(leaves[:split]), _recursive_root(leaves[split:]))


@given(st.integers(1, 300))
def test_the_compact_range_agrees_with_the_recursive_definition(size: int) -> None:
    leaves = _leaves(size)
    assert merkle.CompactRange(leaves).root() == merkle.root(leaves) == _recursive_root(leaves)


def test_a_copy_of_a_compact_range_is_independent() -> None:
    tree = merkle.CompactRange(_leaves(5))
    before = tree.root()
    tree.copy().push(LEAVES[0])
    assert (tree.size, tree.root()) == (5, before)


@given(st.data())
def test_each_inclusion_proof_holds_and_any_change_breaks_it(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 70))
    index = data.draw(st.integers(0, size - 1))
    leaves = _leaves(size)
    top = merkle.root(leaves)
    proof = merkle.inclusion_proof(leaves, index)
    assert merkle.verify_inclusion(index, size, leaves[index], proof, top)
    other = merkle.leaf_hash(b"other")
    assert not merkle.verify_inclusion(index, size, other, proof, top)
    assert not merkle.verify_inclusion(index, size, leaves[index], [*proof, other], top)
    assert not any(
        merkle.verify_inclusion(index, size, leaves[index], proof[:cut] + proof[cut + 1 :], top)
        for cut in range(len(proof))
    )
    assert not any(
        merkle.verify_inclusion(index, size, leaves[index], [*proof[:at], other, *proof[at + 1 :]], top)
        for at in range(len(proof))
    )
    assert not any(
        merkle.verify_inclusion(wrong, size, leaves[index], proof, top)
        for wrong in (-1, *range(size + 1))
        if wrong != index
    )


@given(st.data())
def test_each_consistency_proof_holds_and_any_change_breaks_it(data: st.DataObject) -> None:
    second = data.draw(st.integers(1, 70))
    first = data.draw(st.integers(1, second))
    leaves = _leaves(second)
    old, new = merkle.root(leaves[:first]), merkle.root(leaves)
    proof = merkle.consistency_proof(leaves, first)
    assert merkle.verify_consistency(first, second, old, new, proof)
    other = merkle.leaf_hash(b"other")
    assert not merkle.verify_consistency(first, second, other, new, proof)
    assert not merkle.verify_consistency(first, second, old, other, proof)
    assert not merkle.verify_consistency(first, second, old, new, [*proof, other])
    assert not any(
        merkle.verify_consistency(first, second, old, new, [*proof[:at], other, *proof[at + 1 :]])
        for at in range(len(proof))
    )
    if proof:
        assert not merkle.verify_consistency(first, second, old, new, proof[:-1])


def test_a_rewritten_history_is_not_consistent() -> None:
    leaves = _leaves(20)
    for first, changed in itertools.product((7, 8, 13), (0, 3, 6)):
        forged = [*leaves[:changed], merkle.leaf_hash(b"forged"), *leaves[changed + 1 :]]
        proof = merkle.consistency_proof(forged, first)
        assert not merkle.verify_consistency(
            first, 20, merkle.root(leaves[:first]), merkle.root(forged), proof
        )


def test_consistency_from_the_empty_tree() -> None:
    assert merkle.verify_consistency(0, 8, ROOTS[0], ROOTS[8], [])
    assert merkle.verify_consistency(0, 0, ROOTS[0], ROOTS[0], [])
    assert not merkle.verify_consistency(0, 0, ROOTS[0], ROOTS[8], [])
    assert not merkle.verify_consistency(0, 8, ROOTS[1], ROOTS[8], [])
    assert not merkle.verify_consistency(3, 2, ROOTS[3], ROOTS[2], [])


def test_a_leaf_cannot_be_mistaken_for_a_node() -> None:
    assert merkle.leaf_hash(LEAVES[0] + LEAVES[1]) != merkle.node_hash(LEAVES[0], LEAVES[1])


@pytest.mark.parametrize("index", [-1, 8, 9])
def test_no_proof_for_an_entry_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError, match=f"leaf index: got {index}, expected 0..7"):
        merkle.inclusion_proof(LEAVES, index)


@pytest.mark.parametrize("first", [-1, 0, 9])
def test_no_proof_from_a_size_that_never_was(first: int) -> None:
    with pytest.raises(IndexError, match=f"first tree size: got {first}, expected 1..8"):
        merkle.consistency_proof(LEAVES, first)

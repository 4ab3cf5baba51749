"""Polar code: encoding, and successive-cancellation list decoding with the whole list in one numpy array.

Arikan, "Channel polarization", IEEE Trans. Inf. Theory 55(7), 2009, doi:10.1109/TIT.2009.2021379 (the code);
Tal and Vardy, "List decoding of polar codes", IEEE Trans. Inf. Theory 61(5), 2015, doi:10.1109/TIT.2015.2410251;
Balatsoukas-Stimming et al., "LLR-based SCL", IEEE Trans. Signal Process. 63(19), 2015 (the path metric);
Sarkis et al., "Fast polar decoders", IEEE JSAC 32(5), 2014 (sub-trees that need no recursion).

At a rate of 1/20 most sub-trees are all frozen or carry one repeated bit; both are decided at once, which leaves some
250 array operations for a whole block of 2048.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.uint8]
Floats = NDArray[np.float32]

DESIGN_ES_N0_DB = -9.0
"""Channel for which the information positions are chosen: just below where 64 + 40 bits in 2048 become decodable."""


@dataclass(frozen=True, eq=False)
class _Node:
    """A sub-tree of the code over `size` positions: `kind` says how it is decided."""

    size: int
    kind: str  # "frozen", "repetition", "split"
    left: "_Node | None" = None
    right: "_Node | None" = None


@dataclass(frozen=True, eq=False)
class PolarCode:
    """A code of `length` = 2 ** n bits; `positions` (K,) are the inputs that carry information."""

    length: int
    positions: NDArray[np.int64]
    tree: _Node


@lru_cache(maxsize=4)
def polar_code(length: int, information_bits: int) -> PolarCode:
    """Construct the code by the Bhattacharyya bounds of a Gaussian channel at DESIGN_ES_N0_DB.

    Args:
        length: a power of two.
        information_bits: K, 0 < K <= length.

    """
    log_z = np.array([-(10 ** (DESIGN_ES_N0_DB / 10))])
    while log_z.size < length:
        worse = np.minimum(log_z + np.log(np.maximum(2 - np.exp(log_z), 1e-300)), -1e-300)
        log_z = np.stack([worse, 2 * log_z], axis=1).ravel()
    positions = np.sort(np.argsort(log_z, kind="stable")[:information_bits])
    carries = np.zeros(length, bool)
    carries[positions] = True
    return PolarCode(length, positions, _grow(carries))


def encode(code: PolarCode, information: Bits) -> Bits:
    """Encode bits (K,) into code bits (length,)."""
    block = np.zeros(code.length, np.uint8)
    block[code.positions] = information
    half = 1
    while half < code.length:
        pairs = block.reshape(-1, 2, half)
        pairs[:, 0] ^= pairs[:, 1]
        half *= 2
    return block


def decode(code: PolarCode, llr: Floats, list_size: int) -> Bits:
    """Decode soft bits into the most likely information words.

    Args:
        code: as it was encoded.
        llr: float32 (length,), log P(0) / P(1) for each code bit.
        list_size: paths kept; 1 is plain successive cancellation.

    Returns:
        uint8 (M, K), M <= list_size, the most likely word first. Nothing says that any of them is right.

    """
    paths = _Paths(list_size)
    paths.visit(code.tree, np.asarray(llr, np.float32)[None])
    return paths.bits[np.argsort(paths.metric, kind="stable")]


def _grow(carries: NDArray[np.bool_]) -> _Node:
    count, size = int(carries.sum()), carries.size
    if count == 0:
        return _Node(size, "frozen")
    if count == 1 and carries[-1]:
        return _Node(size, "repetition")
    return _Node(size, "split", _grow(carries[: size // 2]), _grow(carries[size // 2 :]))


class _Paths:
    """The surviving paths: their metrics (P,), lower is likelier, and their decided bits (P, decided)."""

    def __init__(self, list_size: int) -> None:
        self.list_size: Final = list_size
        self.metric = np.zeros(1, np.float32)
        self.bits = np.zeros((1, 0), np.uint8)

    def visit(self, node: _Node, llr: Floats) -> tuple[Floats, NDArray[np.int64] | None]:
        """Decide one sub-tree.

        Args:
            node: what to decide.
            llr: float32 (P, size).

        Returns:
            The signs (P', size) of its code bits, +1 for 0 and -1 for 1, and for each path now alive the index of
            the path it came from (None: the paths are the same as before).

        """
        if node.kind == "frozen":
            self.metric = self.metric + _softplus(-llr).sum(axis=1)
            return np.ones((1, node.size), np.float32), None
        if node.kind == "repetition":
            return self._branch(node.size, llr)
        assert node.left is not None  # noqa: S101 - a split node has both children by construction
        assert node.right is not None  # noqa: S101
        half = node.size // 2
        signs_left, from_left = self.visit(node.left, _check_node(llr[:, :half], llr[:, half:]))
        if from_left is not None:
            llr = llr[from_left]
        signs_right, from_right = self.visit(node.right, llr[:, half:] + signs_left * llr[:, :half])
        if from_right is not None and len(signs_left) > 1:
            signs_left = signs_left[from_right]
        signs = np.empty((max(len(signs_left), len(signs_right)), node.size), np.float32)
        np.multiply(signs_left, signs_right, out=signs[:, :half])
        signs[:, half:] = signs_right
        return signs, _compose(from_left, from_right)

    def _branch(self, size: int, llr: Floats) -> tuple[Floats, NDArray[np.int64]]:
        """Continue every path with a 0 and with a 1 repeated over the sub-tree; keep the likeliest `list_size`."""
        cost_of_zero = self.metric + _softplus(-llr).sum(axis=1)
        costs = np.concatenate([cost_of_zero, cost_of_zero + llr.sum(axis=1)])
        count = len(cost_of_zero)
        keep = np.arange(2 * count)
        if 2 * count > self.list_size:
            keep = np.sort(np.argpartition(costs, self.list_size - 1)[: self.list_size])
        parents, ones = keep % count, keep >= count
        self.metric = costs[keep]
        self.bits = np.concatenate([self.bits[parents], ones[:, None].astype(np.uint8)], axis=1)
        signs = np.where(ones, np.float32(-1), np.float32(1))[:, None]
        return np.broadcast_to(signs, (len(keep), size)), parents


def _compose(first: NDArray[np.int64] | None, then: NDArray[np.int64] | None) -> NDArray[np.int64] | None:
    if first is None or then is None:
        return then if first is None else first
    return first[then]


def _softplus(x: Floats) -> Floats:
    """log(1 + exp(x)), in float32 without overflow."""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _check_node(a: Floats, b: Floats) -> Floats:
    """LLR of the exclusive or of two bits, exactly: 2 atanh(tanh(a / 2) tanh(b / 2))."""
    total, difference = np.abs(a + b), np.abs(a - b)
    # min(|a|, |b|) with the sign of a b is half the difference of the two absolute values
    exact = np.log((1 + np.exp(-total)) / (1 + np.exp(-difference)))
    return np.asarray((total - difference) * np.float32(0.5) + exact)

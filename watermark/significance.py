"""How surprising is a lock? p-values for the whole search, not for one look.

For any fixed picture and random key phases, one correlation of the pilots exceeds z standard deviations with
probability at most exp(-z^2 / 2), and close to a normal tail Q(z). One coherent test looks at 16384 shifts, two half
turns and both signs, which overlap; NORMALS_PER_TEST is what they are worth together, fitted to searches of unmarked
pictures so that the p-value is never too small. The magnitude search that proposes maps uses no phase at all, so it
costs nothing here.

A payload whose 40-bit check passes by chance has probability candidates / 2**40 (random check bits).
"""

import math

NORMALS_PER_TEST = 15_000
"""5,000 searches of unmarked pictures and under wrong keys: p <= 0.1 in 1.6 % of them, <= 0.03 in 0.4 %, <= 0.01 in
0.1 % (CALIBRATION.md). A third of this would still not be too small; it stays, because at the threshold a factor of
three is worth 0.15 in z and a false alarm costs more."""

PRESENT = 1e-6
POSSIBLE = 1e-3


def lock_p_value(z: float, tests: int) -> float:
    """Probability that an unmarked picture, or a wrong key, gives a lock of `z` anywhere in `tests` coherent tests."""
    return min(1.0, tests * NORMALS_PER_TEST * 0.5 * math.erfc(z / math.sqrt(2.0)))


def check_p_value(candidates: int, check_bits: int) -> float:
    """Probability that one of `candidates` words passes a keyed check by chance."""
    return min(1.0, candidates * 2.0**-check_bits)

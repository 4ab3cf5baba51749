import numpy as np
import pytest

from watermark.polar import decode, encode, polar_code


def test_encoding_is_the_kronecker_power():
    code = polar_code(16, 7)
    kernel = np.array([[1, 0], [1, 1]])
    generator = kernel
    for _ in range(3):
        generator = np.kron(generator, kernel)
    word = np.array([1, 0, 1, 1, 0, 0, 1], np.uint8)
    inputs = np.zeros(16, int)
    inputs[code.positions] = word
    assert np.array_equal(encode(code, word), inputs @ generator % 2)


def test_positions_of_a_small_code():
    # the last inputs are the most reliable ones of every polar code
    assert list(polar_code(8, 1).positions) == [7]
    assert list(polar_code(8, 4).positions) == [3, 5, 6, 7]


def test_transform_is_its_own_inverse():
    code = polar_code(64, 64)
    word = np.random.default_rng(1).integers(0, 2, 64).astype(np.uint8)
    assert np.array_equal(encode(code, encode(code, word)), word)


@pytest.mark.parametrize("list_size", [1, 4, 64])
def test_clean_blocks_decode(list_size):
    code = polar_code(2048, 104)
    word = np.random.default_rng(2).integers(0, 2, 104).astype(np.uint8)
    llr = (4.0 * (1 - 2.0 * encode(code, word))).astype(np.float32)
    words = decode(code, llr, list_size)
    assert words.shape[0] <= list_size
    assert np.array_equal(words[0], word)


def test_a_list_decodes_where_a_single_path_fails():
    code = polar_code(2048, 104)
    rng = np.random.default_rng(3)
    sigma = np.sqrt(0.5 / 10 ** (-12.5 / 10))
    found = {1: 0, 32: 0}
    for _ in range(12):
        word = rng.integers(0, 2, 104).astype(np.uint8)
        received = 1 - 2.0 * encode(code, word) + sigma * rng.standard_normal(2048)
        llr = (2 * received / sigma**2).astype(np.float32)
        for size in found:
            found[size] += bool((decode(code, llr, size) == word).all(axis=1).any())
    assert found[32] >= 10
    assert found[32] > found[1]


def test_metrics_agree_with_exhaustive_search():
    code = polar_code(16, 4)
    rng = np.random.default_rng(4)
    words = (np.arange(16)[:, None] >> np.arange(4) & 1).astype(np.uint8)
    for _ in range(20):
        llr = rng.normal(0, 2, 16).astype(np.float32)
        best = words[np.argmax([np.sum(llr * (1 - 2.0 * encode(code, w))) for w in words])]
        assert np.array_equal(decode(code, llr, 16)[0], best)


def test_the_argument_is_not_changed():
    llr = np.ones(2048, np.float32)
    decode(polar_code(2048, 104), llr, 8)
    assert (llr == 1).all()

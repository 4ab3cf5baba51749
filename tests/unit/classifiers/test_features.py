import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.features import BLOCK_TOKENS, extract_features


def _bag(text: str) -> set[int]:
    return set(extract_features(text).hashes.tolist())


def test_the_hash_of_a_word_never_changes() -> None:
    """A shipped model depends on these numbers; a change here needs a retrained model."""
    assert extract_features("cat 猫").words.tolist() == [2657679554792723212, 8115593010594206957]


def test_features_depend_on_the_text_and_not_on_where_it_stands() -> None:
    alone, after = _bag("naked woman"), _bag("12 34 naked woman 56")
    shared = {feature for feature in alone if feature in after}
    assert len(shared) >= 0.9 * len(alone)


def test_different_words_share_no_word_feature() -> None:
    words = [f"word{index}" for index in range(2000)]
    assert len(set(extract_features(" ".join(words)).words.tolist())) == len(words)


def test_punctuation_carries_no_feature() -> None:
    assert _bag("a cat, highly detailed!") == _bag("a cat highly detailed")


def test_word_order_matters() -> None:
    assert _bag("dog bites man") != _bag("man bites dog")


@pytest.mark.parametrize("text", ["", "   ", "!!!", "\x00", "🙂"])
def test_a_text_without_tokens_has_one_empty_block(text: str) -> None:
    features = extract_features(text)
    assert len(features.hashes) == 0
    assert features.offsets.tolist() == [0]


def test_blocks_hold_their_tokens() -> None:
    words = " ".join(f"w{index}" for index in range(BLOCK_TOKENS * 3 + 1))
    assert len(extract_features(words).offsets) == 4
    assert len(extract_features("猫" * (BLOCK_TOKENS + 1)).offsets) == 2


def test_a_number_is_no_word_of_a_language() -> None:
    features = extract_features("cat 1234 b2 привет")
    assert features.letters.tolist() == [3, 2, 6]
    assert features.latin.tolist() == [True, True, False]
    assert extract_features("猫 cat").han.tolist() == [True, False]


@given(st.text())
def test_any_text_gives_sorted_offsets_within_the_hashes(text: str) -> None:
    features = extract_features(text)
    assert features.offsets[0] == 0
    assert (np.diff(features.offsets) > 0).all()
    assert len(features.hashes) == 0 or features.offsets[-1] < len(features.hashes)


@given(st.text(alphabet="ab 猫", min_size=1, max_size=30), st.text(alphabet="ab 猫", min_size=1, max_size=30))
def test_adding_text_keeps_whole_words(first: str, second: str) -> None:
    one = set(extract_features(first).words.tolist())
    both = set(extract_features(f"{first} {second}").words.tolist())
    assert one <= both or any(len(word) == 1 for word in first.split())

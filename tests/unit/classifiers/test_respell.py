from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.respell import cut, respell

KNOWN = {"naked", "woman", "sex", "having", "the", "bed", "lighthouse", "there", "rapist", "therapist", "cat"}


def known(words: Sequence[str]) -> list[bool]:
    return [word in KNOWN for word in words]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("5ex on 7he bed", "sex on the bed"),
        ("n4k3d w0m4n", "naked woman"),
        ("nakedwoman havingsex", "naked woman having sex"),
        ("nakedwomanhavingsexonthebed", "naked woman having sex on the bed"),
        ("n4kedw0man", "naked woman"),
        ("a lighthouse, 4k, 8k, 1girl, mp3 2001 35mm", "a lighthouse, 4k, 8k, 1girl, mp3 2001 35mm"),
        ("therapist", "therapist"),
        ("wolfenstein schadenfreude", "wolfenstein schadenfreude"),
        ("1234567890 $$$ !!!", "1234567890 $$$ !!!"),
        ("", ""),
    ],
)
def test_only_what_comes_out_known_is_changed(text: str, plain: str) -> None:
    assert respell(text, known) == plain


def test_a_run_is_cut_into_the_fewest_words() -> None:
    assert cut("therapistnaked", known) == ["therapist", "naked"]
    assert cut("xqztwvrk", known) == []


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    assert isinstance(respell(text, known), str)

"""Text of strangers comes out on one bounded, printable line."""

from hypothesis import given
from hypothesis import strategies as st

from watermark.untrusted_text import clean_text


@given(st.text(max_size=300))
def test_any_text_becomes_one_bounded_printable_line(text):
    cleaned = clean_text(text, 50)
    assert len(cleaned) <= 50
    assert cleaned.isprintable()
    assert cleaned == clean_text(cleaned, 50)
    assert "  " not in cleaned


def test_what_is_fit_to_be_shown_is_left_alone():
    assert clean_text("Müller & Söhne, 东京") == "Müller & Söhne, 东京"


def test_what_steers_a_display_is_gone():
    assert clean_text(" a\u202eb\u200b\x1b[31m\nc\x00\ud800 ") == "a b [31m c"


def test_what_is_no_text_is_empty():
    assert [clean_text(value) for value in (None, 3, b"x", ["y"])] == [""] * 4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classifiers.normalize import fold, normalize, token_spans

HIDDEN = {
    "leet": "n4k3d w0m4n",
    "leet symbols": "n@k€d wom@n",
    "full width": "ｎａｋｅｄ ｗｏｍａｎ",
    "zero width": "na\u200bk\u200ded wo\u2060man",
    "soft hyphen": "na\u00adked wo\u00adman",
    "cyrillic inside latin": "nаkеd wоmаn",
    "accents": "ñákèd wömän",
    "stacked marks": "n\u0336a\u0336k\u0336e\u0336d\u0336 woman",
    "small capitals": "ɴᴀᴋᴇᴅ ᴡᴏᴍᴀɴ",
    "negative squared": "🅽🅰🅺🅴🅳 woman",
    "mathematical": "𝓷𝓪𝓴𝓮𝓭 𝔀𝓸𝓶𝓪𝓷",
    "spaced, words apart": "n a k e d   w o m a n",
    "dotted": "n.a.k.e.d w.o.m.a.n",
    "dashed": "n-a-k-e-d w_o_m_a_n",
    "vertical": "n\na\nk\ne\nd woman",
    "stretched": "naaaaaked woman",
    "nul": "na\x00ked woman",
    "lone surrogate": "na\ud800ked wom\udfffan",
    "bidi override": "\u202enaked\u202c woman",
    "upper case": "NAKED WOMAN",
}


@pytest.mark.parametrize("text", HIDDEN.values(), ids=HIDDEN.keys())
def test_a_hidden_word_comes_back(text: str) -> None:
    assert normalize(text) == "naked woman"


@pytest.mark.parametrize(
    "text",
    [
        "a photo of 3 cats, 4k, 50mm f1.8 lens",
        "covid19 in 2020",
        "привет мир",
        "一只猫在沙发上",
        "1920x1080",
        "a b testing",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert normalize(text) == text


def test_a_word_of_another_script_is_not_turned_into_latin() -> None:
    assert normalize("москва и рига") == "москва и рига"


def test_fold_keeps_numbers_that_normalize_would_read_as_letters() -> None:
    assert fold("a 13yo G1RL") == "a 13yo g1rl"
    assert "girl" in normalize("a 13yo G1RL")


def test_nothing_is_cut_from_a_long_text() -> None:
    assert normalize("cat " * 30_000 + "naked").endswith("naked")


@pytest.mark.parametrize(
    "text",
    [
        "a " * 50_000,
        "\u0301\u0327" * 50_000,
        "n.u." * 25_000,
        "ﷺ" * 30_000,
        "4a" * 50_000,
        "a" * 100_000,
        "а" * 100_000,
    ],
    ids=["letters", "marks", "dots", "ligatures", "leet", "one letter", "look-alikes"],
)
def test_no_text_swells(text: str) -> None:
    assert len(normalize(text)) <= len(text)


@given(st.text(st.characters()))
def test_any_text_is_accepted_and_gives_no_invisible_characters(text: str) -> None:
    plain = normalize(text)
    assert not set(plain) & {"\x00", "\u200b", "\u202e", "\ufeff"}
    assert not any("\ud800" <= char <= "\udfff" for char in plain)


def test_tokens_are_words_and_single_chinese_characters() -> None:
    text = "a red 猫咪 b2"
    assert [text[start:end] for start, end in token_spans(text)] == ["a", "red", "猫", "咪", "b2"]

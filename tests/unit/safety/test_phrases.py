import pytest

from safety.phrases import PhraseList, parse_list

LIST = PhraseList(["acme rocket", "ass", "红色火箭", "!!"])


@pytest.mark.parametrize(
    "text",
    [
        "buy an ACME  rocket now",
        "ａｃｍｅ rocket",
        "acme r0ck€t",
        "a.c.m.e rocket",
        "acme-rocket",
        "acme, rocket",
    ],
)
def test_an_entry_is_found_however_it_is_spelt(text: str) -> None:
    assert LIST.find(text) == ["acme rocket"]


@pytest.mark.parametrize(
    "text", ["acme rockets", "rocket acme", "class assembly in Bassano", "红色的火箭", ""]
)
def test_parts_of_words_are_not_entries(text: str) -> None:
    assert LIST.find(text) == []


def test_chinese_entries_stand_anywhere() -> None:
    assert LIST.find("一枚红色火箭升空") == ["红色火箭"]


def test_entries_are_listed_once_in_order() -> None:
    assert LIST.find("ass, acme rocket, ass") == ["ass", "acme rocket"]


def test_cut_leaves_the_rest_to_be_judged() -> None:
    allow = PhraseList(["naked mole rat"])
    assert allow.cut("a Naked Mole Rat and a naked woman") == "a   and a naked woman"
    assert allow.cut("Nothing Here") == "Nothing Here"


def test_the_longest_entry_wins() -> None:
    assert PhraseList(["killer", "killer whale"]).find("a killer whale") == ["killer whale"]


def test_list_files_have_comments() -> None:
    assert parse_list("# head\nfoo bar # why\n\n  baz\n") == ("foo bar", "baz")

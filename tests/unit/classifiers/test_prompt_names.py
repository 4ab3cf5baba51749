from importlib import resources
from pathlib import Path

import pytest

from classifiers import create_prompt_classifier
from classifiers.errors import ModelUnreadable
from classifiers.name_index import NameIndex, name_tokens, parse_names
from classifiers.normalize import normalize
from classifiers.prompt_names import FILES, LISTED, UNLISTED, NameClassifier, create_prompt

SHIPPED = Path(str(resources.files("classifiers") / "models" / "names"))


@pytest.fixture(scope="module")
def names() -> NameClassifier:
    return create_prompt()


@pytest.mark.parametrize(
    ("text", "category", "name"),
    [
        ("the Nike logo on a shoe", "trademark", "Nike"),
        ("a can of coca cola", "trademark", "Coca-Cola"),
        ("一罐可口可乐", "trademark", "Coca-Cola"),
        ("mickey mouse on the moon", "trademark", "Mickey Mouse"),
        ("mickeymouse on the moon", "trademark", "Mickey Mouse"),
        ("the apple logo", "trademark", "Apple"),
        ("an Apple store at night", "trademark", "Apple"),
        ("a logo of the apple", "trademark", "Apple"),
        ("Taylor Swift on a bike", "public_figure", "Taylor Swift"),
        ("tayler swift on a bike", "public_figure", "Taylor Swift"),
        ("elonmusk on mars", "public_figure", "Elon Musk"),
        ("马斯克在火星上", "public_figure", "Elon Musk"),
        ("the singer Adele on stage", "public_figure", "Adele"),
        ("ＴＡＹＬＯＲ Ｓ.w.i.f.t", "public_figure", "Taylor Swift"),
        ("Vladimir Putin riding a bear", "political", "Vladimir Putin"),
        ("Vladimir Putin riding a bear", "public_figure", "Vladimir Putin"),
        ("习近平", "political", "Xi Jinping"),
        ("a Republican Party poster", "political", "Republican Party"),
        ("a castle by greg rutkowski", "artist_style", "Greg Rutkowski"),
        ("a castle in the style of Joanna Doe-Smith", "artist_style", UNLISTED),
    ],
)
def test_a_name_is_found_in_its_category(names: NameClassifier, text: str, category: str, name: str) -> None:
    scores = names.score(text)
    assert name in scores.found[category]
    assert scores.categories[category] >= 0.8


@pytest.mark.parametrize(
    "text",
    [
        "a red apple on a table",
        "Apple pie with cream",
        "a shell on the beach",
        "a target with an arrow in the middle",
        "a gap in the fence",
        "an orange visa stamp",
        "a puma and a jaguar in the jungle",
        "a dove over the sea",
        "a drake and a duck on the pond",
        "the Madonna and child",
        "chocolate in large containers",
        "a smart girl with a smart phone",
        "a marvel of engineering",
        "a jeep on a dirt road",
        "in the style of Pop Art",
        "in the style of ancient Egypt",
        "a painting of a Green Hill",
        "a party in a green garden",
        "a painting by the window",
        "仓库里有三辆车",
        "高达一百米的塔",
        "奔驰的马",
        "",
    ],
)
def test_ordinary_words_are_no_names(names: NameClassifier, text: str) -> None:
    assert names.score(text).found == {}


def test_a_hit_says_nothing_of_harm(names: NameClassifier) -> None:
    scores = names.score("Taylor Swift with a Nike bag")
    assert scores.unsafe == 0.0
    assert scores.knows == {"trademark", "public_figure", "artist_style", "political"}
    assert scores.categories["trademark"] == LISTED
    assert scores.categories["political"] == 0.0


def test_each_name_is_given_once_and_as_the_list_spells_it(names: NameClassifier) -> None:
    assert names.score("NIKE nike Nike and ADIDAS").found["trademark"] == ("Nike", "Adidas")


def test_long_names_may_be_misspelt_and_short_ones_not() -> None:
    index = NameIndex(parse_names("Leonardo DiCaprio\nAnn Lee\nSchwarzenegger"), (), ())

    def find(text: str) -> tuple[str, ...]:
        return index.find(text, name_tokens(normalize(text)))

    assert find("leonrado dicapro at sea") == ("Leonardo DiCaprio",)
    assert find("leonardo dicaprio's hat") == ("Leonardo DiCaprio",)
    assert find("leopard in a cape") == ()
    assert find("schwarzeneger") == ("Schwarzenegger",)
    assert find("ann lea") == ()


def test_ambiguous_names_need_a_word_beside_them() -> None:
    index = NameIndex(parse_names("?Gap"), {"logo"}, {"store"})

    def find(text: str) -> tuple[str, ...]:
        return index.find(text, name_tokens(normalize(text)))

    assert find("a gap logo") == ("Gap",)
    assert find("the Gap store") == ("Gap",)
    assert find("the gap store") == ()
    assert find("Gap store") == ()  # the first word of a text has a capital anyway


def test_exact_names_are_never_found_misspelt() -> None:
    index = NameIndex((), (), (), exact=parse_names("Chocolatey"))
    assert index.find("", name_tokens("chocolatey")) == ("Chocolatey",)
    assert index.find("", name_tokens("chocolates")) == ()


def test_a_list_that_the_card_does_not_name_is_refused(tmp_path: Path) -> None:
    for name in (*FILES, "card.md"):
        (tmp_path / name).write_bytes((SHIPPED / name).read_bytes())
    assert create_prompt_classifier("prompt_names", model_dir=tmp_path).score("Nike").found
    (tmp_path / "brands.txt").write_text("Acme\n", encoding="utf-8")
    with pytest.raises(ModelUnreadable, match="SHA-256"):
        create_prompt(tmp_path)


def test_lists_state_their_source_and_hold_names_only() -> None:
    for name in FILES:
        head, *_ = (SHIPPED / name).read_text(encoding="utf-8").split("\n\n")
        assert "CC0" in head or "Apache-2.0" in head or "MIT" in head, name
        entries = parse_names((SHIPPED / name).read_text(encoding="utf-8"))
        assert len(entries) > 50
        assert max(len(entry.tokens) for entry in entries) <= 12
    assert sum((SHIPPED / name).stat().st_size for name in FILES) < 2_000_000

import random
from importlib import resources

import pytest

from classifiers.normalize import normalize
from classifiers.scores import CATEGORIES
from classifiers.training.dataset import Row
from classifiers.training.synthesis import fragment, hide, load_grammar, long_cover, misspell, sentences
from classifiers.training.training_mix import REPORT_ONLY, SHARES, own_rows

GRAMMARS = sorted(
    entry.name.removesuffix(".toml")
    for entry in (resources.files("classifiers.training") / "phrases").iterdir()
    if entry.name.endswith(".toml")
)


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_template_fills_and_names_a_known_category(name: str) -> None:
    categories, _ = load_grammar(name)
    assert set(categories) <= {*CATEGORIES, "benign", "privacy", "disturbing"}
    made = sentences(name, 500, random.Random(1))
    assert {category for _, category in made} == set(categories)
    assert not any("{" in text or not text for text, _ in made)


def test_no_example_of_sexual_content_names_a_minor() -> None:
    from classifiers.minors import mentions_minor

    for name in (name for name in GRAMMARS if name.startswith("unsafe")):
        assert "sexual/minors" not in load_grammar(name)[0]
        made = sentences(name, 4000, random.Random(2))
        assert not [text for text, category in made if category == "sexual" and mentions_minor(text)]


def test_same_seed_same_sentences_and_another_seed_others() -> None:
    assert sentences("benign_en", 50, random.Random(3)) == sentences("benign_en", 50, random.Random(3))
    assert sentences("benign_en", 50, random.Random(3)) != sentences("benign_en", 50, random.Random(4))


def test_a_hidden_phrase_is_all_there() -> None:
    rng = random.Random(5)
    for _ in range(50):
        assert "bad words" in hide("bad words", "a cat on a mat", rng)


def test_spelling_noise_keeps_most_letters() -> None:
    rng = random.Random(6)
    for _ in range(100):
        noisy = misspell("a wonderful painting of mountains", rng)
        assert len(set(normalize(noisy)) & set("wonderfulpaintigmos")) > 10


def test_covers_reach_the_wanted_length() -> None:
    assert len(long_cover(["a cat", "two dogs"], 90, random.Random(7)).split()) >= 90


def test_own_rows_avoid_what_is_measured_on() -> None:
    rows = [Row("a photo of a dog", frozenset(), "coco_train", harmless=True)]
    first = own_rows(rows, 1, scale=0.01)
    avoided = first[0].text
    assert avoided.upper() + "?" not in {
        row.text for row in own_rows(rows, 1, [avoided.upper() + "?"], scale=0.01)
    }
    assert len(own_rows(rows, 1, [avoided.upper() + "?"], scale=0.01)) < len(first)


def test_own_rows_are_harmless_or_labelled_and_some_are_long_on_both_sides() -> None:
    rows = own_rows([Row("a photo of a dog", frozenset(), "coco_train", harmless=True)], 1, scale=0.05)
    assert all(row.harmless == (not row.labels) for row in rows)
    for side in (True, False):
        assert max(len(row.text.split()) for row in rows if row.harmless is side) > 40


def test_report_sets_have_no_share_of_training() -> None:
    assert not REPORT_ONLY & set(SHARES)


def test_fragments_are_parts_of_the_text_and_short() -> None:
    rng = random.Random(3)
    for _ in range(200):
        cut = fragment("A priest, walking a small dog.", rng)
        assert 1 <= len(cut.split()) <= 3
        assert cut in "A priest, walking a small dog."
        assert 1 <= len(fragment("一个女人在公园里，看书", rng)) <= 4
    assert fragment("", rng) == ""

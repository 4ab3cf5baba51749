import pytest

import classifiers
from classifiers import (
    CATEGORIES,
    ClassifierUnavailable,
    OptionsInvalid,
    Scores,
    UnknownClassifier,
    create_image_classifier,
    create_prompt_classifier,
)


class Foreign:
    def __init__(self, level: float) -> None:
        self.level, self.model = level, "foreign"

    def score(self, text: str) -> Scores:
        return Scores(self.level, dict.fromkeys(CATEGORIES, 0.0), self.model)


def make(level: float = 0.5) -> Foreign:
    return Foreign(level)


def test_the_thirteen_names_of_openai_come_first_and_four_of_image_generation_follow() -> None:
    assert len(CATEGORIES) == 17
    assert CATEGORIES[-4:] == ("trademark", "public_figure", "artist_style", "political")
    assert len(set(CATEGORIES)) == 17


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UnknownClassifier, match="got 'ngrams', expected one of ngram"):
        create_prompt_classifier("ngrams")
    with pytest.raises(UnknownClassifier, match="expected one of image_"):
        create_image_classifier("ngram")


def test_another_distribution_plugs_in_by_module_and_factory() -> None:
    built = create_prompt_classifier(f"{__name__}:make", level=0.25)
    assert built.score("x").unsafe == 0.25


@pytest.mark.parametrize("name", ["no_such_module:create", f"{__name__}:no_such_factory"])
def test_a_plug_in_that_cannot_be_imported_says_so(name: str) -> None:
    with pytest.raises(UnknownClassifier, match="cannot be imported"):
        create_prompt_classifier(name)


def test_each_kind_lists_its_own() -> None:
    assert "ngram" in classifiers.known_classifiers("prompt")
    assert "image_text" in classifiers.known_classifiers("image")
    assert not set(classifiers.known_classifiers("prompt")) & set(classifiers.known_classifiers("image"))


def test_options_that_a_plug_in_does_not_take_are_named() -> None:
    with pytest.raises(OptionsInvalid, match="'levl'"):
        create_prompt_classifier(f"{__name__}:make", levl=0.25)
    with pytest.raises(OptionsInvalid, match="missing a required argument: 'folder'"):
        create_prompt_classifier(f"{__name__}:needy")


def needy(folder: str) -> Foreign:
    return Foreign(len(folder))


def without_package() -> Foreign:
    raise ImportError("No module named 'acme_weights'", name="acme_weights")


def test_a_package_that_is_not_installed_is_named() -> None:
    with pytest.raises(ClassifierUnavailable, match="acme_weights"):
        create_prompt_classifier(f"{__name__}:without_package")


def test_the_registry_knows_which_image_plug_ins_judge_text() -> None:
    assert classifiers.takes_prompt_classifier("image_text")
    assert not classifiers.takes_prompt_classifier(f"{__name__}:make")

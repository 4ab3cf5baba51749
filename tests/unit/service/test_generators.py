"""The plug-in registry and the built-in generator."""

import numpy as np
import pytest

from service.errors import StartupError
from service.generators import create_generator
from service.generators.builtin import draw


def test_unknown_generator_lists_the_known_ones() -> None:
    with pytest.raises(StartupError, match="builtin.*openai"):
        create_generator("dalle")


def test_wrong_options_are_named() -> None:
    with pytest.raises(StartupError, match="colour"):
        create_generator("builtin", colour="red")


def test_what_is_no_generator_is_refused_at_start() -> None:
    with pytest.raises(StartupError, match="no generator"):
        create_generator("os:getcwd")


def test_another_distribution_by_path() -> None:
    assert create_generator("service.generators.builtin:create").name == "countermark-builtin"


@pytest.mark.parametrize(
    "prompt", ["sea", "city", "forest", "mountain", "glass", "abstract", "夜の城", "\ud800", ""]
)
def test_draws_a_textured_picture_for_any_prompt(prompt: str) -> None:
    picture = draw(prompt, 0, 160, 256)
    assert picture.shape == (160, 256, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 10


def test_same_prompt_same_picture_other_prompt_other_picture() -> None:
    assert np.array_equal(draw("a fox", 0, 128, 128), draw("a fox", 0, 128, 128))
    assert not np.array_equal(draw("a fox", 0, 128, 128), draw("a fox", 1, 128, 128))
    assert not np.array_equal(draw("a fox", 0, 128, 128), draw("a fox!", 0, 128, 128))

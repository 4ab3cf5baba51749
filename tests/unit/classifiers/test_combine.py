import pytest

from classifiers import CATEGORIES, Scores
from classifiers.combine import combine_scores
from classifiers.scores import EVERYTHING


def _scores(
    unsafe: float = 0.0,
    *,
    knows: frozenset[str] = EVERYTHING,
    unread: float = 0.0,
    evidence: tuple[str, ...] = (),
    found: dict[str, tuple[str, ...]] | None = None,
    model: str = "m",
    **named: float,
) -> Scores:
    return Scores(unsafe, dict.fromkeys(CATEGORIES, 0.0) | named, model, evidence, unread, knows, found or {})


def test_one_opinion_stays_as_it_is() -> None:
    only = _scores(0.4, violence=0.2)
    assert combine_scores([only], "mean") is only


def test_the_maximum_counts_category_by_category() -> None:
    both = combine_scores([_scores(0.1, violence=0.9, model="a"), _scores(0.6, sexual=0.3, model="b")])
    assert (both.unsafe, both.categories["violence"], both.categories["sexual"]) == (0.6, 0.9, 0.3)
    assert set(both.categories) == set(CATEGORIES)
    assert both.model == "a+b"


def test_the_mean_is_over_those_that_know_the_category() -> None:
    names = _scores(knows=frozenset({"trademark"}), trademark=1.0)
    both = combine_scores([_scores(0.8, trademark=0.2), names], "mean")
    assert both.unsafe == 0.8
    assert both.categories["trademark"] == pytest.approx(0.6)
    assert both.knows == EVERYTHING


def test_what_nobody_knows_is_zero_and_not_known() -> None:
    names = _scores(knows=frozenset({"trademark"}), trademark=1.0)
    people = _scores(knows=frozenset({"public_figure"}), public_figure=0.5)
    both = combine_scores([names, people], "mean")
    assert both.knows == {"trademark", "public_figure"}
    assert both.unsafe == 0.0


def test_text_in_a_picture_does_not_dilute_what_the_pixels_show() -> None:
    caption = _scores(0.0, evidence=("a fine day",), trademark=0.7)
    nudity = _scores(0.9, knows=frozenset({"unsafe", "sexual"}), sexual=0.9)
    other = _scores(0.5, knows=frozenset({"unsafe", "sexual"}), sexual=0.5)
    both = combine_scores([caption, nudity, other], "mean")
    assert both.unsafe == pytest.approx(0.7)
    assert both.categories["sexual"] == pytest.approx(0.7)
    assert both.categories["trademark"] == 0.7
    assert both.evidence == ("a fine day",)


READS = EVERYTHING | {"unread"}


@pytest.mark.parametrize(
    ("opinions", "unread"),
    [
        ([_scores(knows=READS, unread=0.9), _scores(knows=READS, unread=0.1)], 0.1),
        ([_scores(knows=READS, unread=0.9), _scores(knows=frozenset({"trademark"}))], 0.9),
        ([_scores(unread=0.9), _scores()], 0.9),
        ([_scores(unread=0.9), _scores(knows=READS, unread=0.2)], 0.2),
        ([_scores(knows=READS, unread=0.9), _scores(knows=READS, unread=0.8)], 0.8),
    ],
    ids=[
        "one judge reads it",
        "a list is no judge",
        "nobody claims to judge",
        "the judge decides",
        "none reads",
    ],
)
def test_a_text_is_unread_where_every_judge_says_so(opinions: list[Scores], unread: float) -> None:
    assert combine_scores(opinions).unread == unread
    assert combine_scores(opinions, "mean").unread == unread


def test_what_was_found_is_listed_once_by_category() -> None:
    one = _scores(found={"trademark": ("Nike", "Adidas")})
    two = _scores(found={"trademark": ("Adidas",), "artist_style": ("Banksy",)})
    assert combine_scores([one, two]).found == {"trademark": ("Nike", "Adidas"), "artist_style": ("Banksy",)}

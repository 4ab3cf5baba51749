from pathlib import Path

import pytest

from classifiers import CATEGORIES
from safety import Policy, PolicyInvalid


def _load(folder: Path, text: str, name: str = "ours.toml") -> Policy:
    path = folder / name
    path.write_text("schema_version = 1\n" + text, encoding="utf-8")
    return Policy.load(path)


def test_the_default_has_a_rule_for_every_category_and_a_stable_version() -> None:
    policy = Policy.default()
    assert set(policy.categories) == set(CATEGORIES)
    name, _, digest = policy.version.partition("@")
    assert name == "default"
    assert len(digest) == 12
    assert policy.version == Policy.default().version


def test_brands_people_styles_and_parties_are_labelled_and_not_refused() -> None:
    policy = Policy.default()
    for name in ("trademark", "public_figure", "artist_style", "political"):
        assert {band.action for band in policy.categories[name].bands} == {"annotate"}


def test_a_hint_of_sexual_content_about_minors_blocks() -> None:
    band = Policy.default().categories["sexual/minors"].bands[0]
    assert band.action == "block"
    assert band.threshold < Policy.default().categories["sexual"].bands[0].threshold


def test_setting_one_category_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    policy = _load(tmp_path, '[categories.hate]\nthreshold = 0.9\naction = "review"\n')
    default = Policy.default()
    assert [(band.threshold, band.action) for band in policy.categories["hate"].bands] == [(0.9, "review")]
    assert policy.categories["hate"].stage == default.categories["hate"].stage
    assert policy.categories["sexual"] == default.categories["sexual"]
    assert policy.unsafe == default.unsafe
    assert policy.lists == default.lists
    assert policy.name == "ours"
    assert policy.version != default.version


def test_a_file_that_changes_nothing_decides_as_the_default(tmp_path: Path) -> None:
    policy = _load(tmp_path, "")
    assert policy.version.partition("@")[2] == Policy.default().version.partition("@")[2]


def test_the_highest_band_reached_counts(tmp_path: Path) -> None:
    text = '[categories.violence]\nbands = [{threshold=0.8,action="block"},{threshold=0.5,action="review"}]\n'
    rule = _load(tmp_path, text).categories["violence"]
    reached = [rule.reached(score, "input") for score in (0.49, 0.5, 0.8, 1.0)]
    assert [band and band.action for band in reached] == [None, "review", "block", "block"]


def test_a_rule_applies_at_its_stages_only(tmp_path: Path) -> None:
    rule = _load(tmp_path, '[categories.violence]\nstage = ["output"]\n').categories["violence"]
    assert rule.reached(1.0, "input") is None
    assert rule.reached(1.0, "output") is not None


def test_list_files_are_part_of_the_version(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("# ours\nacme rocket  # a comment\n\n", encoding="utf-8")
    text = '[lists]\nblock = ["red herring"]\nblock_files = ["words.txt"]\n'
    first = _load(tmp_path, text)
    assert first.lists.block == (*Policy.default().lists.block, "red herring", "acme rocket")
    assert first.lists.allow == Policy.default().lists.allow
    (tmp_path / "words.txt").write_text("other rocket\n", encoding="utf-8")
    assert _load(tmp_path, text).version != first.version


def test_own_entries_never_switch_the_default_lists_off_unless_told_so(tmp_path: Path) -> None:
    default = Policy.default().lists.block
    assert len(default) > 10
    assert set(default) < set(_load(tmp_path, '[lists]\nblock = ["acme rocket"]\n').lists.block)
    assert _load(tmp_path, '[lists]\ninherit = false\nblock = ["acme rocket"]\n').lists.block == (
        "acme rocket",
    )
    with pytest.raises(PolicyInvalid, match="inherit"):
        _load(tmp_path, "[lists]\ninherit = 0\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[categories.sexxual]\nthreshold=0.5\naction='block'",
            "category 'sexxual': unknown, did you mean 'sexual'",
        ),
        (
            "[category.sexual]\nthreshold=0.5\naction='block'",
            "'category': unknown, did you mean 'categories'",
        ),
        ("[categories.sexual]\nthreshold=0.5", "expected both threshold and action"),
        (
            "[categories.sexual]\nthreshold=1.5\naction='block'",
            "categories.sexual.bands.0.threshold: got 1.5",
        ),
        ("[categories.sexual]\nthreshold=0\naction='block'", "greater than 0"),
        ("[categories.sexual]\nthreshold=0.5\naction='refuse'", "got 'refuse'"),
        ("[categories.sexual]\nthreshold=0.5\naction='block'\nstge=['input']", "stge"),
        ("[categories]\nsexual = 0.5", "expected a table"),
        ("[lists]\nblocks = ['a']", "did you mean 'block'"),
        ("[lists]\nblock = 'a'", "expected a list of strings"),
        ("[lists]\nblock_files = ['missing.txt']", "missing.txt"),
        ("[checks]\nrequire = ['image_text']", "did you mean 'required'"),
        ("[checks]\nrequired = 'image_text'", "checks.required"),
        ("[checks]\non_failure = 'allow'", "checks.on_failure: got 'allow'"),
        ("name = 'Bad Name'", "name"),
        ("name = ", "not TOML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PolicyInvalid, match=message.replace("[", r"\[").replace("(", r"\(")):
        _load(tmp_path, text)


def test_a_file_without_schema_version_or_of_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text("name = 'x'", encoding="utf-8")
    with pytest.raises(PolicyInvalid, match="schema_version: got None, expected 1"):
        Policy.load(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyInvalid, match="UTF-8"):
        Policy.load(path)
    with pytest.raises(PolicyInvalid, match=r"absent\.toml"):
        Policy.load(tmp_path / "absent.toml")


def test_checks_are_part_of_the_version_and_their_defaults_are_not(tmp_path: Path) -> None:
    default = Policy.default().version.partition("@")[2]
    assert Policy.default().checks.on_failure == "refuse"

    def version(text: str) -> str:
        return _load(tmp_path, text).version.partition("@")[2]

    assert version('[checks]\non_failure = "refuse"\n') == default
    changed = {
        version('[checks]\non_failure = "review"\n'),
        version('[checks]\nrequired = ["image_nudity"]\n'),
        version('[checks]\nrequired = ["image_text"]\n'),
    }
    assert len(changed | {default}) == 4
    both = version('[checks]\nrequired = ["image_text", "image_nudity"]\n')
    assert both == version('[checks]\nrequired = ["image_nudity", "image_text", "image_text"]\n')

"""Every profile file is complete, names checks that exist, and combining never weakens one."""

import re
import tomllib
from importlib.resources import files

import pytest

from service.compliance_checks import CHECKS
from watermark.errors import MetadataError
from watermark.labels import profile as module
from watermark.labels.profile import LEVELS, LabelPlan, load_profile, plan_labels, profile_names

NAMES = ("california", "china", "eu", "india", "korea")


def test_the_five_profiles_are_packaged():
    assert profile_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_cites_every_clause_and_can_be_checked(name):
    profile = load_profile(name)
    assert profile.title
    assert re.search(r"20\d\d", profile.in_force)
    assert profile.unconfirmed, "nothing here was read in its official text alone"
    assert len({clause.id for clause in profile.clauses}) == len(profile.clauses)
    assert any(clause.level == "must" for clause in profile.clauses)
    for clause in profile.clauses:
        assert clause.check in CHECKS, clause.id
        assert clause.level in LEVELS
        assert clause.asks.endswith(".")
        assert clause.remedy.endswith(".")
        assert clause.cite
        re.compile(clause.words)


def test_every_check_is_named_by_a_profile():
    named = {clause.check for name in NAMES for clause in load_profile(name).clauses}
    assert named == set(CHECKS)


@pytest.mark.parametrize("name", ["", "EU", "../eu", "eu.toml", "mars"])
def test_an_unknown_profile_is_refused_with_the_known_ones(name):
    with pytest.raises(MetadataError, match="california, china, eu, india, korea"):
        load_profile(name)


def test_no_profile_is_no_plan():
    assert plan_labels(()) == LabelPlan()


def test_profiles_add_up():
    assert plan_labels(("eu", "california")).texts == ()
    plan = plan_labels(("china", "eu", "india", "china"))
    assert plan == LabelPlan(("china", "eu", "india"), ("AI生成", "AI-generated"), 0.05, aigc=True)


@pytest.mark.parametrize(
    "wrong", [{"colour": "red"}, {"clause": [{"level": "perhaps"}]}, {"clause": [{"surprise": 1}]}]
)
def test_a_profile_with_unknown_keys_or_levels_does_not_load(wrong):
    table = tomllib.loads((files("watermark.labels") / "eu.toml").read_text("utf-8"))
    first = table["clause"][0]
    table |= {key: value for key, value in wrong.items() if key != "clause"}
    table["clause"] = [first | change for change in wrong.get("clause", [{}])]
    with pytest.raises((MetadataError, TypeError)):
        module._parse("eu", table)

"""China's AIGC string: form, seal, and what a stranger's may be."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermark.errors import MetadataError
from watermark.labels.tc260 import FIELDS, faults, is_sealed_by, make_aigc, parse_aigc

KEY, OTHER = bytes(range(32)), bytes(32)
MADE = make_aigc("91110000802100433B", "0123456789abcdef", KEY)


def test_the_string_has_all_seven_fields_in_the_order_of_the_standard():
    assert tuple(json.loads(MADE.bare)) == FIELDS
    assert json.loads(MADE.wrapped) == {"AIGC": json.loads(MADE.bare)}
    assert " " not in MADE.wrapped
    assert faults(MADE.values) == []
    assert (MADE.values["Label"], MADE.values["ProduceID"]) == ("1", "0123456789abcdef")


@given(st.text(max_size=60))
def test_any_provider_name_becomes_allowed_signs(name):
    assert [f for f in faults(make_aigc(name, "1", KEY).values) if "empty" not in f] == []


@pytest.mark.parametrize("number", ["", "a b", 'a"b', "é"])
def test_a_number_with_other_signs_is_refused(number):
    with pytest.raises(MetadataError, match="ProduceID"):
        make_aigc("p", number, KEY)


def test_the_seal_holds_for_the_key_that_made_it():
    assert is_sealed_by(MADE.values, [KEY]) is True
    assert is_sealed_by(MADE.values, [OTHER, KEY]) is True
    assert is_sealed_by(MADE.values, [OTHER]) is False


@pytest.mark.parametrize("name", ["Label", "ContentProducer", "ProduceID"])
def test_the_seal_breaks_when_a_field_that_it_covers_changes(name):
    assert is_sealed_by({**MADE.values, name: "2"}, [KEY]) is False


@pytest.mark.parametrize("name", ["ContentPropagator", "PropagateID", "ReservedCode2"])
def test_a_platform_may_fill_in_its_own_fields(name):
    assert is_sealed_by({**MADE.values, name: "platform"}, [KEY]) is True


def test_fields_cannot_be_shifted_into_one_another():
    """`Label=1, ContentProducer=x` must not seal the same text as another split of it."""
    shifted = {
        **MADE.values,
        "ContentProducer": "",
        "Label": f"1\nContentProducer={MADE.values['ContentProducer']}",
    }
    assert is_sealed_by(shifted, [KEY]) is False


@pytest.mark.parametrize("code", ["", "abc", "CM1", "cm1:x"])
def test_another_format_is_no_seal_of_ours(code):
    assert is_sealed_by({**MADE.values, "ReservedCode1": code}, [KEY]) is None


@pytest.mark.parametrize("code", ["CM1:", "CM1:é", "CM1:" + "\ud800", "CM1:" + "A" * 43])
def test_a_forged_seal_is_none(code):
    assert is_sealed_by({**MADE.values, "ReservedCode1": code}, [KEY]) is False


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Label": "4"}, "Label is none"),
        ({"ContentProducer": ""}, "ContentProducer is empty"),
        ({"ProduceID": ""}, "ProduceID is empty"),
        ({"ProduceID": "a b"}, "ProduceID has signs"),
        ({"ReservedCode2": "\\"}, "ReservedCode2 has signs"),
        ({"PropagateID": 7}, "PropagateID is no text"),
    ],
)
def test_faults_are_named(change, fault):
    assert any(fault in found for found in faults({**MADE.values, **change}))


def test_a_missing_field_is_named():
    assert faults({"Label": "1"}) == [f"{name} is missing" for name in FIELDS[1:]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '"Label"',
        '["Label"]',
        '{"AIGC": 3, "x": "Label"}',
        '{"AIGC": {"label": "1"}}',
        '"Label"' + "[" * 9000,
    ],
)
def test_what_is_no_label_is_none(text):
    assert parse_aigc(text) is None


def test_a_label_of_absurd_length_is_not_parsed():
    assert parse_aigc('{"Label": "1", "x": "' + "a" * (1 << 20) + '"}') is None


def test_wrapped_and_bare_are_read():
    assert parse_aigc(MADE.bare) == parse_aigc(MADE.wrapped) == dict(MADE.values)

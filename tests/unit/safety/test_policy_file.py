from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from safety import Policy
from safety.policy import Band, CategoryRule, Checks, Lists
from safety.policy_file import to_toml

PHRASE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def _read_back(folder: Path, policy: Policy, remarks: str = "") -> Policy:
    path = folder / "written.toml"
    path.write_text(to_toml(policy, remarks), encoding="utf-8", newline="")
    return Policy.load(path)


def test_the_default_is_read_back_as_it_is(tmp_path: Path) -> None:
    assert _read_back(tmp_path, Policy.default(), "two\nlines") == Policy.default()


@given(st.lists(PHRASE, max_size=5), st.floats(1e-6, 1), st.lists(PHRASE, max_size=3))
def test_any_policy_is_read_back_as_it_is(
    tmp_path_factory: object, phrases: list[str], threshold: float, checks: list[str]
) -> None:
    default = Policy.default()
    policy = default.model_copy(
        update={
            "name": "other",
            "lists": Lists(block=tuple(phrases)),
            "checks": Checks(required=tuple(checks), on_failure="review"),
            "unsafe": CategoryRule(bands=(Band(threshold=threshold, action="block"),), stage=("output",)),
        }
    )
    folder = tmp_path_factory.mktemp("p")  # type: ignore[attr-defined]
    assert _read_back(folder, policy) == policy

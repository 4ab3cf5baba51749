"""The four plain package names belong to this distribution alone (CONTRIBUTING.md says why)."""

from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["safety", "watermark", "classifiers", "service"])
def test_name_belongs_to_us_alone(name: str) -> None:
    assert set(packages_distributions()[name]) == {"countermark"}


def test_datasets_holds_no_code() -> None:
    assert not list((ROOT / "datasets").rglob("*.py"))

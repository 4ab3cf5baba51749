"""The audit log's formats do not change by accident: logs and exports of today must verify for ever."""

import importlib.util
from pathlib import Path

import pytest

from safety.audit_export import verify_export
from safety.checkpoint import LogKey

FOLDER = Path(__file__).parent
SPEC = importlib.util.spec_from_file_location("make_audit_golden", FOLDER / "make.py")
assert SPEC is not None
assert SPEC.loader is not None
make = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make)


@pytest.mark.parametrize("name", ["export.jsonl", "report.json", "report.csv"])
def test_what_is_written_today_is_what_was_written(name: str) -> None:
    assert make.files()[name].encode() == (FOLDER / name).read_bytes()


def test_the_export_of_then_verifies_today() -> None:
    lines = (FOLDER / "export.jsonl").read_text("utf-8").splitlines(keepends=True)
    report = verify_export(lines, LogKey(make.SEED).public_key)
    assert (report.ok, report.size) == (True, 3)

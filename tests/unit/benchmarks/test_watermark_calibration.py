"""The calibration counts rightly, goes on where it stopped, and says when p-values are too small."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import watermark_calibration as calibration


def row(
    number: int, p_value: float, *, wrong_key: bool = False, status: str = "not_detected"
) -> dict[str, Any]:
    return {
        "number": number,
        "kind": "sky",
        "change": "none",
        "height": 128,
        "width": 200,
        "wrong_key": wrong_key,
        "effort": "normal",
        "p_value": p_value,
        "status": status,
        "payload": None,
    }


def test_interval_is_that_of_clopper_and_pearson() -> None:
    assert calibration.interval(0, 5000)[1] == pytest.approx(
        1 - 0.025 ** (1 / 5000)
    )  # the exact form for no hits
    low, high = calibration.interval(10, 100)
    assert (low, high) == pytest.approx((0.0490, 0.1762), abs=1e-3)  # table value
    assert calibration.interval(100, 100)[1] == 1.0


def test_honest_values_pass_and_small_ones_are_named() -> None:
    honest = [row(i, (i + 0.5) / 2000) for i in range(2000)]
    assert calibration.too_small(honest) == []
    assert 0.1 in calibration.too_small([row(i, r["p_value"] / 5) for i, r in enumerate(honest)])
    assert "2000 searches: 0 detected" in calibration.table(honest)
    assert "| 0.1 | 200 of 2000 (10.000%)" in calibration.table(honest)


def test_an_interrupted_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "searches.jsonl").write_text(json.dumps(row(0, 0.5)) + "\n" + json.dumps(row(2, 0.01)) + "\n")
    asked = []

    def search(number: int, folder: Path | None, effort: str) -> dict[str, Any]:
        asked.append(number)
        return row(number, 1.0)

    monkeypatch.setattr(calibration, "search", search)
    monkeypatch.setattr(sys, "argv", ["calibrate", "--searches", "4", "--out", str(tmp_path)])
    assert calibration.main() == 0
    assert asked == [1, 3]
    assert "| 0.01 | 1 of 4" in capsys.readouterr().out
    assert len((tmp_path / "searches.jsonl").read_text().splitlines()) == 4
    assert (tmp_path / "calibration.png").read_bytes().startswith(b"\x89PNG")


def test_a_search_is_decided_by_its_number() -> None:
    first = calibration.search(6, None, "fast")
    assert first == calibration.search(6, None, "fast")
    assert first["wrong_key"]
    assert first["status"] == "not_detected"

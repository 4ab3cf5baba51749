"""The benchmark's own code: what it draws, what it does to pictures, what it counts and what it writes."""

import argparse
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.watermark import __main__ as command
from tests.benchmarks.watermark import geometry, methods, recovery, report
from tests.benchmarks.watermark.covers import KINDS, Cover, draw, drawn_covers
from tests.benchmarks.watermark.methods import Method
from tests.benchmarks.watermark.suite import SWEEPS, Entry, left_out, seeded, suite

ENTRIES = suite()
SIZED = {
    "resize 50 %": (90, 120),
    "crop to 25 %, middle": (90, 120),
    "crop to 25 %, enlarged back": (180, 240),
    "rotate 90°": (240, 180),
    "rotate 45°": (180, 240),
    "width 90 %": (180, 216),
    "enlarge 200 % (Lanczos), sharpen": (360, 480),
    "seam carving 3 %": (180, 233),
    "mirrored collage": (180, 240),
    "JPEG 60, then 50 on another grid": (177, 235),
}
"""Sizes after the distortion of a 240 x 180 picture."""


@pytest.fixture(scope="module")
def cover() -> np.ndarray:
    return draw("landscape", 3, 180, 240)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_decided_by_its_seed(kind: str) -> None:
    first, again, other = draw(kind, 1, 128, 160), draw(kind, 1, 128, 160), draw(kind, 2, 128, 160)
    assert first.shape == (128, 160, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.std() > 1


def test_a_run_cut_short_has_all_sizes_and_kinds() -> None:
    sizes = [(128, 128), (128, 160), (160, 128)]
    covers = list(drawn_covers(sizes, ["sky", "night", "skin"], 1))
    assert len({c.name for c in covers}) == 9
    assert {c.image.shape[:2] for c in covers[:3]} == set(sizes)
    assert {c.kind for c in covers[:3]} == {"sky", "night", "skin"}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_a_distortion_is_decided_by_its_seed_and_changes_the_picture(entry: Entry, cover: np.ndarray) -> None:
    before, other = cover.copy(), draw("noise", 1, 100, 100)
    first = entry.distort(cover, seeded("a", entry.name), other)
    again = entry.distort(cover, seeded("a", entry.name), other)
    assert np.array_equal(cover, before)
    assert first.dtype == np.uint8
    assert first.ndim == 3
    assert first.shape[2] == 3
    assert np.array_equal(first, again)
    assert np.array_equal(first, cover) == (entry.name == "untouched")
    if entry.name in SIZED:
        assert first.shape[:2] == SIZED[entry.name]


def test_names_are_unique_and_what_is_missing_is_said() -> None:
    names = [e.name for e in ENTRIES]
    assert len(set(names)) == len(names)
    assert set(SIZED) <= set(names)
    for codec, name in (("AVIF", "AVIF 50"), ("JPEG XL", "JPEG XL 50")):
        assert (codec in left_out()) == (name not in names)


def test_a_seam_takes_the_column_that_is_missed_least() -> None:
    image = np.zeros((40, 60, 3), np.uint8)
    image[:, ::2] = np.random.default_rng(1).integers(0, 255, (40, 30, 3))
    image[:, 20:30] = 128  # nothing to miss here
    carved = geometry.seams_removed(image, 0.05)
    assert carved.shape == (40, 57, 3)
    assert np.array_equal(carved[:, :19], image[:, :19])
    assert np.array_equal(carved[:, 28:], image[:, 31:])


def test_straightening_leaves_no_black_corner() -> None:
    white = np.full((200, 300, 3), 255, np.uint8)
    assert geometry.straightened(white, 7).min() == 255
    assert geometry.rotated(white, 7).min() == 0


def test_sweeps_grow_stronger(cover: np.ndarray) -> None:
    for name in ("JPEG quality", "blur, px", "noise, grey levels"):
        strengths, distort = SWEEPS[name]
        errors = [np.mean((distort(cover, s, seeded(name)).astype(float) - cover) ** 2) for s in strengths]
        assert errors == sorted(errors)


def test_quality_of_known_changes() -> None:
    grey = np.full((64, 64, 3), 100, np.uint8)
    assert recovery.quality_of(grey, grey).psnr_db == math.inf
    one_off = recovery.quality_of(grey, grey + np.uint8(1))
    assert one_off.psnr_db == pytest.approx(48.13, abs=0.01)
    assert one_off.flat_luma_rms == pytest.approx(1.0, abs=1e-3)
    busy = np.random.default_rng(1).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    assert recovery.quality_of(busy, busy).flat_luma_rms is None


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ((b"12345678", True), "exact"),
        ((b"12345678", None), "exact"),
        ((None, True), "present"),
        ((None, False), "missed"),
        ((b"87654321", True), "wrong"),
        ((b"87654321", None), "missed"),  # a method without a verdict always returns something
    ],
)
def test_outcomes(read: tuple[bytes | None, bool | None], expected: str, cover: np.ndarray) -> None:
    method = Method("fake", 8, lambda image, payload: image, lambda image: read)
    assert recovery.outcome_of(method, cover, b"12345678") == expected


def test_our_mark_through_the_whole_command(tmp_path: Path) -> None:
    covers = [Cover("one", "landscape", draw("landscape", 1, 256, 256))]
    entries = [e for e in ENTRIES if e.name in {"untouched", "crop to 10 %, anywhere"}]
    run = recovery.measure(methods.ours(), covers, entries, progress=lambda line: None)
    assert run.pictures[0].outcomes["untouched"] == "exact"
    assert run.pictures[0].quality.psnr_db > 40
    nothing = recovery.measure(methods.ours(0.0), covers, entries, progress=lambda line: None)
    assert nothing.pictures[0].outcomes["untouched"] == "missed"

    peer = Method("constant", 4, lambda image, payload: image, lambda image: (bytes(4), None))
    peer_run = recovery.measure(peer, covers, entries, progress=lambda line: None)
    plan = command.Plan(entries, entries, 1, 2, 1, [256], 1.0, 1.0)
    results = {
        "absent": ["other: not measured"],
        "left_out": ["JPEG XL"],
        "multiples": {"embed": {"ms": 12.0, "multiple": 6.0}},
        "footprints": {"import, s": 0.2, "embed 4096 px, MiB": 190.0},
        "strengths": [{"strength": 1.0, "psnr_db": 45.0, "recovered": 0.5}],
        "sweeps": {"blur, px": [(1.0, 1.0), (2.0, 0.0)]},
        "by_size": {"embed": [(256, 5.0), (512, 20.0)]},
        "unmarked": {
            "p_values": [0.2, 1.0],
            "alarms": 0,
            "payloads": 0,
            "wrong_key": {"tried": 1, "alarms": 0, "payloads": 0},
        },
        "runs": [run.as_json(), peer_run.as_json()],
    }
    text = command.write(results, run, [peer_run], plan, tmp_path)
    assert "| untouched | - | - | 100 |" in text
    assert "constant, 32 bits" in text
    assert "other: not measured" in text
    assert "Left out, since this Pillow cannot write them: JPEG XL" in text
    assert json.loads((tmp_path / "watermark.json").read_text())["runs"][0]["pictures"][0]["name"] == "one"
    for plot in ("recovery-psnr", "recovery-strength", "p-values", "time-size"):
        assert "</svg>" in (tmp_path / f"{plot}.svg").read_text()


def test_a_run_stops_when_its_time_is_up() -> None:
    said: list[str] = []
    method = Method("fake", 8, lambda image, payload: image, lambda image: (None, False))
    covers = [Cover("one", "sky", draw("sky", 1, 128, 128))] * 3
    run = recovery.measure(method, covers, ENTRIES[:1], progress=said.append, most_seconds=-1)
    assert run.pictures == []
    assert "time is up" in said[0]


def test_shares_count_only_whole_messages() -> None:
    assert report.share(["exact", "present", "missed", "wrong"]) == "25"
    assert report.share([]) == "-"
    assert [recovery.size_class(side) for side in (479, 480, 699, 700)] == [
        "under 480 px",
        "480-699 px",
        "480-699 px",
        ">= 700 px",
    ]


def test_peers_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(methods, "PEERS_FOLDER", tmp_path / "nothing")
    monkeypatch.setattr(methods.sys, "path", [p for p in methods.sys.path if "build/peers" not in p])
    monkeypatch.setitem(methods.sys.modules, "imwatermark", None)
    monkeypatch.setitem(methods.sys.modules, "blind_watermark", None)
    found, absent = methods.peers()
    assert found == []
    assert [line.split(":")[0] for line in absent] == ["dwtDct", "dwtDctSvd", "rivaGan", "blind-watermark"]
    assert all("make bench-watermark-peers" in line for line in absent)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    options = argparse.Namespace(images=tmp_path, quick=False, seed=1)
    with pytest.raises(SystemExit, match="has no pictures"):
        command.covers_for(options)


def test_tables_go_between_the_marks_of_a_document(tmp_path: Path) -> None:
    document = tmp_path / "text.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.into_document("new\n", document)
    assert document.read_text() == f"before\n{report.BEGIN}\nnew\n{report.END}\nafter\n"
    document.write_text("no marks")
    with pytest.raises(ValueError, match="add them"):
        report.into_document("new", document)


def test_every_picture_of_the_document_is_drawn_or_plotted() -> None:
    document = Path(__file__).parents[3] / "docs" / "watermark.md"
    names = re.findall(r"\]\(pictures/([a-z0-9.-]+)\)", document.read_text("utf-8"))
    assert len(names) >= 10
    assert all((document.parent / "pictures" / name).stat().st_size for name in names)
    text = document.read_text("utf-8")
    assert report.BEGIN in text
    assert text.index(report.BEGIN) < text.index(report.END)

"""`countermark verify` and `countermark receipt` on files."""

import json
from pathlib import Path

import pytest

from service.generators.builtin import draw
from service.verification import Verifier, judge
from tests.golden.verification.cases import cases
from tests.unit.service.conftest import Run
from watermark.picture import encode_picture

PROVEN = {"ours-intact", "ours-recovered", "ours-altered", "two-marks-old-key", "trusted-elsewhere"}


@pytest.mark.parametrize("name", cases())
def test_only_a_proven_origin_ends_with_status_0(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither a label, likeness, a copied mark, an expired signature nor a contradiction is a proof."""
    report = judge(cases()[name])
    monkeypatch.setattr(Verifier, "verify", lambda self, data, *, pixels: report)
    done = run("verify", picture)
    assert done.status == (0 if name in PROVEN else 1)
    assert report.summary in done.out


def test_a_signature_that_nobody_trusts_proves_nothing(
    run: Run, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for changes in ({"trusted": False}, {"development_signer": True}):
        report = judge(cases()["trusted-elsewhere"])
        c2pa = report.signals.c2pa.model_copy(update=changes)
        report = report.model_copy(update={"signals": report.signals.model_copy(update={"c2pa": c2pa})})
        monkeypatch.setattr(Verifier, "verify", lambda self, data, *, pixels, report=report: report)
        assert run("verify", picture).status == 1


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    path.write_bytes(encode_picture(draw("a file", 0, 200, 200), "png"))
    return path


def test_a_receipt_and_a_pdf_and_their_check(run: Run, picture: Path, tmp_path: Path) -> None:
    assert run("verify", picture, "--receipt", "r.jws", "--pdf", "r.pdf").status == 1  # nothing found
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    (tmp_path / "keys.json").write_text(run("receipt", "keys").out)
    good = run("receipt", "verify", "r.jws", "--key", "keys.json", "--image", picture)
    assert good.status == 0
    assert "the signature holds" in good.out
    row = json.loads(run("receipt", "verify", "r.jws", "--key", "keys.json", "--json").out)
    assert (row["valid"], row["image_compared"]) == (True, False)
    assert row["report"]["verdict"] == "nothing_found"
    assert "rotate" not in run("receipt", "rotate").out
    assert len(json.loads(run("receipt", "keys").out)["keys"]) == 2
    assert run("receipt", "verify", "r.jws", "--key", "keys.json", "--image", "keys.json").status == 1


def test_a_receipt_of_another_installation_is_not_valid(run: Run, picture: Path, tmp_path: Path) -> None:
    run("verify", picture, "--receipt", "r.jws")
    (tmp_path / "other.json").write_text(run("receipt", "keys", "--data-dir", "elsewhere").out)
    checked = run("receipt", "verify", "r.jws", "--key", "other.json")
    assert checked.status == 1
    assert "NOT VALID" in checked.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("receipt", "verify", "picture.png", "--key", "picture.png"), "jwks.json"),
        (("receipt", "verify", "picture.png", "--key", "none.json"), "none.json"),
        (("verify", "picture.png", "picture.png", "--receipt", "r.jws"), "expected one"),
    ],
)
def test_what_cannot_be_judged_says_why(
    run: Run, picture: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run(*arguments)
    assert done.status == 2
    assert words in done.err


def test_without_pixels_and_the_schema(run: Run, picture: Path) -> None:
    report = json.loads(run("verify", picture, "--no-pixels", "--json").out)
    assert report["signals"]["watermark"]["status"] == "not_checked"
    schema = json.loads(run("verify", "--schema").out)
    assert schema["title"] == "VerificationReport"

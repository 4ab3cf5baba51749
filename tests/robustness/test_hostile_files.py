"""Hostile files through decoding, metadata and manifest reading: own ones, and corpora where they are present."""

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from watermark.formats import MIME
from watermark.label import AiLabel
from watermark.manifest import ManifestSigner
from watermark.metadata import build_exif, build_text, build_xmp
from watermark.picture import WRITABLE, encode_picture
from watermark.signing import create_development_identity
from watermark.thumbnail import make_thumbnail

ROOT = Path(__file__).parents[2]
CORPORA = ROOT.parent / "shared" / "corpora"
PICTURE_CODES = {
    "ok",
    "empty_file",
    "file_too_large",
    "too_many_pixels",
    "not_a_picture",
    "unsupported_format",
    "corrupt_picture",
}


def judged(folder):
    """Judge a folder in a limited process and check what must hold of every file whatsoever."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("judge_files.py")), str(folder)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
    )
    assert run.returncode == 0, run.stderr[-2000:].decode("utf-8", "replace")
    outcomes = json.loads(run.stdout)
    escaped = {name: outcome for name, outcome in outcomes.items() if outcome[0] not in PICTURE_CODES}
    assert not escaped
    assert outcomes
    return outcomes


# ---- our own


def bases():
    """One small file of each format; the writable ones labelled and signed."""
    noise = np.random.default_rng(2).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    now = datetime.now(UTC)
    signer = ManifestSigner(create_development_identity(now))
    label = AiLabel("0123456789abcdef", "provider", "system", "1", now)
    files = {}
    for kind in MIME:
        if kind in WRITABLE:
            data = encode_picture(
                noise, kind, exif=build_exif(label), xmp=build_xmp(label), text=build_text(label)
            )
            files[kind] = signer.sign(
                data, MIME[kind], label, soft_binding=label.record_id, thumbnail=make_thumbnail(noise)
            ).data
        else:
            out = io.BytesIO()
            Image.fromarray(noise).save(out, kind)
            files[kind] = out.getvalue()
    return files


def mutated(data, rng):
    """Damage a file in one of six ways."""
    broken = bytearray(data)
    way = rng.integers(6)
    at = int(rng.integers(len(broken)))
    if way == 0:
        return bytes(broken[:at])
    if way == 1:  # scattered flips
        for place in rng.integers(len(broken), size=rng.integers(1, 30)):
            broken[place] ^= 1 << rng.integers(8)
    elif way == 2:  # a length or offset field at its extremes, near the header where they live
        place = int(rng.integers(min(300, len(broken) - 4)))
        broken[place : place + 4] = rng.choice(
            [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4), b"\x80\0\0\0"]
        )
    elif way == 3:  # a piece cut out
        del broken[at : at + int(rng.integers(1, 200))]
    elif way == 4:  # a piece repeated
        broken[at:at] = broken[at : at + int(rng.integers(1, 400))] * 3
    else:  # the right opening, then noise
        broken[int(rng.integers(8, 64)) :] = rng.bytes(400)
    return bytes(broken)


def test_damaged_files_are_judged_never_fatal(tmp_path):
    rng = np.random.default_rng(20261122)
    files = bases()
    for kind, data in files.items():
        (tmp_path / f"{kind}-whole").write_bytes(data)
        for i in range(90):
            (tmp_path / f"{kind}-{i:03d}").write_bytes(mutated(data, rng))
    outcomes = judged(tmp_path)
    assert len(outcomes) == 91 * len(files)
    for kind in files:
        expected = ["ok", "detected", "valid", "ok", ""] if kind in WRITABLE else ["ok", "not_detected"]
        assert outcomes[f"{kind}-whole"][: len(expected)] == expected
    # the damage must have done something, or the test tests nothing
    refused = [name for name, outcome in outcomes.items() if outcome[0] != "ok"]
    assert len(refused) > len(outcomes) / 3
    broken = [name for name, outcome in outcomes.items() if outcome[2:4] == ["invalid", "failed"]]
    assert broken


def test_damage_is_never_called_intact(tmp_path):
    """A signed file whose bytes changed outside the padding of its manifest does not read as valid."""
    rng = np.random.default_rng(7)
    for kind, data in bases().items():
        if kind not in WRITABLE:
            continue
        for i in range(60):
            at = int(rng.integers(1, len(data)))
            (tmp_path / f"{kind}-cut-{i}").write_bytes(data[:at])
            (tmp_path / f"{kind}-longer-{i}").write_bytes(data + rng.bytes(i + 1))
    for name, outcome in judged(tmp_path).items():
        assert outcome[2:4] != ["valid", "ok"], name


# ---- files made by others


def corpus(name):
    folder = CORPORA / name
    if not folder.is_dir():
        pytest.skip(f"no {name} in the shared folder beside the checkout")
    return folder


@pytest.mark.corpus
def test_a_corpus_of_crashes_bombs_and_odd_modes_is_judged():
    outcomes = judged(corpus("pillow-test-images"))
    assert len(outcomes) > 700
    codes = [outcome[0] for outcome in outcomes.values()]
    assert codes.count("ok") > 600
    bombs = [name for name in outcomes if "decompression_bomb." in name or "reallybig" in name]
    assert bombs
    assert all(outcomes[name][0] in {"too_many_pixels", "unsupported_format"} for name in bombs)
    cut = ("truncated_image.png", "truncated_jpeg.jpg", "truncated_end_chunk.png", "broken_data_stream.png")
    truncated = {name: outcome[0] for name, outcome in outcomes.items() if name.endswith(cut)}
    assert len(truncated) == 4
    assert set(truncated.values()) == {"corrupt_picture"}
    assert not any(outcome[2:3] == ["valid"] for outcome in outcomes.values())


@pytest.mark.corpus
def test_signed_files_of_others_are_broken_for_the_right_reason_or_intact():
    outcomes = judged(corpus("c2pa-public-testfiles"))
    broken = {
        "E-sig-CA.jpg": "claimSignature.mismatch",
        "E-dat-CA.jpg": "assertion.dataHash.mismatch",
        "E-uri-CA.jpg": "assertion.hashedURI.mismatch",
        "E-uri-CIE-sig-CA.jpg": "assertion.hashedURI.mismatch",
        "E-clm-CAICAI.jpg": "ingredient.manifest.missing",
        "XCA.jpg": "assertion.dataHash.mismatch",
        "XCI.jpg": "assertion.dataHash.mismatch",
    }
    for name, (decoded, _, status, integrity, reason) in outcomes.items():
        assert decoded == "ok"
        short = name.rpartition("adobe-20220124-")[2]
        if short in {"A.jpg", "I.jpg"}:
            assert status == "not_present"
        elif short in broken:
            assert (status, integrity, reason) == ("invalid", "failed", broken[short])
        elif "nikon" in name:  # its certificate ran out and nobody timestamped the signature
            assert (status, integrity, reason) == ("invalid", "ok", "signingCredential.expired")
        elif "truepic" in name:  # states two data hashes, of which one does not fit
            assert (status, integrity, reason) == ("invalid", "failed", "assertion.dataHash.mismatch")
        else:
            assert (status, integrity) == ("valid", "ok"), name

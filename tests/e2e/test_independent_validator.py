"""@trustnxt/c2pa-ts, a C2PA validator in TypeScript that shares no code with ours, agrees on what is intact.

It reads JPEG, PNG and AVIF. Version 0.9.4 takes the token of a version 2 timestamp for a whole RFC 3161 response and so
rejects every file with one; files here have none. It does not look into the manifests of ingredients either; that ours
does is tested in tests/unit/watermark/test_manifest.py.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from tests.signed_regions import protected, with_flip
from watermark.label import COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, AiLabel
from watermark.manifest import ManifestSigner, Source
from watermark.metadata import build_exif, build_xmp
from watermark.picture import MIME, encode_picture
from watermark.signing import create_development_identity
from watermark.thumbnail import make_thumbnail

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent / "validator"
KINDS = ("jpeg", "png", "avif")
NOW = datetime.now(UTC)
ID = "0123456789abcdef"
LABEL = AiLabel(ID, "provider", "system", "1.0", NOW)
EDIT = AiLabel(ID, "provider", "system", "1.0", NOW, COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA, edited=True)
RNG = np.random.default_rng(7)
IMAGE = RNG.integers(0, 256, (160, 240, 3), dtype=np.uint8)

Judge = Callable[[dict[str, bytes]], dict[str, dict]]


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge files by name, all in one process."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed (apt-get install nodejs npm)")
    home = tmp_path_factory.mktemp("validator")
    for name in ("package.json", "judge.mjs"):
        shutil.copy(HERE / name, home)
    install = ["npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=home, capture_output=True, text=True, timeout=240, check=False)
    if done.returncode:
        pytest.skip(f"@trustnxt/c2pa-ts could not be installed: {done.stderr[-300:]}")

    def judge_all(files: dict[str, bytes]) -> dict[str, dict]:
        for name, data in files.items():
            (home / name).write_bytes(data)
        lines = "".join(f"{home / name}\n" for name in files)
        done = subprocess.run(
            ["node", "judge.mjs"],
            cwd=home,
            input=lines,
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(rows) == len(files)
        return {Path(row["path"]).name: row for row in rows}

    return judge_all


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """A created and an edited picture of each kind; the edit of a signed parent."""
    signer, thumbnail = ManifestSigner(create_development_identity(NOW)), make_thumbnail(IMAGE, 64)

    def signed(kind: str, label: AiLabel, *sources: Source) -> bytes:
        data = encode_picture(IMAGE, kind, exif=build_exif(label), xmp=build_xmp(label))
        made = signer.sign(data, MIME[kind], label, soft_binding=ID, sources=sources, thumbnail=thumbnail)
        return made.data

    created = {f"created.{kind}": signed(kind, LABEL) for kind in KINDS}
    edited = {
        f"edited.{kind}": signed(kind, EDIT, Source(created["created.png"], "image/png", thumbnail=thumbnail))
        for kind in KINDS
    }
    return created | edited


def test_accepts_what_we_sign(judge: Judge, files: dict[str, bytes]) -> None:
    for name, verdict in judge(files).items():
        assert (verdict["valid"], verdict["failures"]) == (True, []), name
        assert verdict["checks"] > 8, name


def tampered(data: bytes, mime: str) -> dict[str, bytes]:
    """Copies of one file, each tampered with in one way."""
    places = RNG.choice(protected(data, mime), 12, replace=False)
    copies = {f"flip-{at}": with_flip(data, int(at), 1 << int(RNG.integers(8))) for at in places}
    for word in (
        b"watermarked.bound",
        b"lgorithmicMedia",
        b"created_assertions",
        b"c2pa.soft-binding",
        ID.encode(),
    ):
        at = data.rindex(word) + len(word) // 2
        copies[f"forged-{word.decode()}"] = with_flip(data, at, 1)
    copies["stripped-of-its-end"] = data[:-40]
    return copies


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("made", ["created", "edited"])
def test_rejects_each_tampered_copy(judge: Judge, files: dict[str, bytes], kind: str, made: str) -> None:
    copies = tampered(files[f"{made}.{kind}"], MIME[kind])
    verdicts = judge({f"{name}.{kind}": copy for name, copy in copies.items()})
    assert len(verdicts) == 18
    assert [name for name, verdict in verdicts.items() if verdict["valid"]] == []


@pytest.mark.parametrize("kind", KINDS)
def test_rejects_a_manifest_on_another_picture(judge: Judge, files: dict[str, bytes], kind: str) -> None:
    """The signed file with the pixels of its negative: container and manifest whole, content another."""
    other = bytearray(files[f"created.{kind}"])
    places = protected(bytes(other), MIME[kind])
    for at in places[len(places) // 2 :: 97]:
        other[at] ^= 0x10
    assert not judge({f"moved.{kind}": bytes(other)})[f"moved.{kind}"]["valid"]

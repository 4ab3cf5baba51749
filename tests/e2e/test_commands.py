"""The `countermark` command as a person runs it: a process, files, exit statuses."""

import io
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from service.generators.builtin import draw

pytestmark = pytest.mark.e2e


def run(*arguments: object, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service.cli", *map(str, arguments), "--data-dir", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def picture(home: Path) -> Path:
    path = home / "plain.png"
    Image.fromarray(draw("a harbour town", 0, 640, 640)).save(path)
    return path


def test_mark_strip_verify(home: Path, picture: Path) -> None:
    """The product's main promise: a stripped, scaled, recompressed copy still leads to its record."""
    data, marked = home / "data", home / "marked.png"
    done = run("mark", picture, marked, "--json", data=data)
    assert done.returncode == 0, done.stderr
    record_id = json.loads(done.stdout)["countermark_id"]

    report = json.loads(run("verify", marked, "--json", data=data).stdout)
    assert report["verdict"] == "ours"
    assert report["record"]["id"] == record_id
    assert report["record"]["exact_file"] is True
    assert report["signals"]["c2pa"]["status"] == "valid"
    assert report["signals"]["c2pa"]["trusted"] is True
    assert report["signals"]["watermark"]["payload"] == record_id
    assert report["signals"]["metadata"]["status"] == "detected"

    stripped = home / "stripped.jpg"
    pixels = np.asarray(Image.open(marked).convert("RGB"))
    Image.fromarray(cv2.resize(pixels, (480, 480), interpolation=cv2.INTER_AREA)).save(stripped, quality=70)
    done = run("verify", stripped, "--json", data=data)
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["record"]["id"] == record_id
    assert report["record"]["exact_file"] is False
    assert report["signals"]["c2pa"]["status"] == "recovered"
    assert report["signals"]["c2pa"]["pixels_match"] is False
    assert report["signals"]["metadata"]["status"] == "not_detected"


def test_verify_finds_nothing_in_a_plain_picture(home: Path, picture: Path) -> None:
    done = run("verify", picture, data=home / "elsewhere")  # here its marked copy is known
    assert done.returncode == 1
    assert "human-made" in done.stdout


def test_verify_cannot_judge_a_text_file(home: Path) -> None:
    (home / "note.png").write_text("no picture")
    done = run("verify", home / "note.png", data=home / "data")
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr


def test_embed_and_detect(home: Path, picture: Path) -> None:
    key = home / "key.hex"
    key.write_text("00112233445566778899aabbccddeeff\n")
    out = home / "embedded.webp"
    done = run("embed", picture, out, "--payload", "0123456789abcdef", "--key-file", key, data=home / "data")
    assert done.returncode == 0, done.stderr
    done = run("detect", out, "--json", "--key-file", key, data=home / "data")
    assert done.returncode == 0
    assert json.loads(done.stdout)["payload"] == "0123456789abcdef"
    again = home / "again.png"
    second = ("embed", out, again, "--payload", "fedcba9876543210", "--key-file", key)
    assert run(*second, "--quality", "robust", data=home / "data").returncode == 0
    row = json.loads(run("detect", again, "--json", "--key-file", key, data=home / "data").stdout)
    assert {row["payload"], *row["other_payloads"]} == {"0123456789abcdef", "fedcba9876543210"}
    assert run(*second, "--replace", data=home / "data").returncode == 0
    row = json.loads(run("detect", again, "--json", "--key-file", key, data=home / "data").stdout)
    assert (row["payload"], row["other_payloads"]) == ("fedcba9876543210", [])
    done = run("detect", picture, out, "--json", data=home / "data")  # another key: the installation's
    assert done.returncode == 1
    assert [row["payload"] for row in json.loads(done.stdout)] == [None, None]


def test_classify(home: Path) -> None:
    assert run("classify", "a lighthouse at dusk", data=home / "data").returncode == 0
    done = run("classify", "explicit porn of naked people having sex", "--json", data=home / "data")
    assert done.returncode == 1
    assert json.loads(done.stdout)["action"] == "block"
    rows = home / "rows.jsonl"
    rows.write_text('{"text": "a red apple", "id": 7}\n{"text": "two dogs"}\n')
    done = run("classify", "--jsonl", rows, data=home / "data")
    first = json.loads(done.stdout.splitlines()[0])
    assert done.returncode == 0
    assert first["id"] == 7
    assert 0 <= first["unsafe"] <= 1
    assert len(first["categories"]) == 17


def test_audit_and_report(home: Path, picture: Path) -> None:
    data = home / "audited"
    assert run("mark", picture, home / "m.jpg", data=data).returncode == 0
    done = run(
        "mark",
        picture,
        home / "refused.jpg",
        "--prompt",
        "explicit porn of naked people having sex",
        data=data,
    )
    assert done.returncode == 1
    assert not (home / "refused.jpg").exists()
    report = json.loads(run("report", "--format", "json", data=data).stdout)
    assert report["total"]["allowed"] == 1
    assert report["total"]["blocked"] == 1
    proof = json.loads(run("audit", "prove", 1, data=data).stdout)
    assert proof
    assert run("audit", "verify", data=data).returncode == 0
    database = data / "audit.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw = bytearray(database.read_bytes())
    position = raw.find(b'"outcome":"blocked"')
    assert position > 0
    raw[position + 12] ^= 1
    database.write_bytes(raw)
    done = run("audit", "verify", "--json", data=data)
    assert done.returncode == 1
    assert json.loads(done.stdout)["first_bad_index"] == 1


def test_audit_of_a_mistyped_directory_cannot_be_judged(home: Path) -> None:
    done = run("audit", "verify", data=home / "no-such-installation")
    assert done.returncode == 2
    assert "data-dir" in done.stderr
    assert not (home / "no-such-installation").exists()


@pytest.mark.parametrize(
    "command",
    [
        "serve",
        "embed",
        "detect",
        "mark",
        "verify",
        "classify",
        "audit",
        "report",
        "policy",
        "review",
        "resign",
    ],
)
def test_every_command_has_help(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service.cli", command, "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "Usage" in io.StringIO(done.stdout).read()

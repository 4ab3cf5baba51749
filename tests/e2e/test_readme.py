"""The README's own commands, run as they stand against a real server (only the address is replaced)."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Server

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def run(script: str, folder: Path) -> str:
    tools = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_lines_generate_mark_and_verify(server: Server, folder: Path) -> None:
    blocks = [b.replace("http://127.0.0.1:8000", server.url) for b in BLOCKS if "curl" in b]
    assert len(blocks) == 2, "one block generates, one marks and verifies"
    run(blocks[0], folder)
    report = json.loads(run(blocks[1], folder))
    assert (folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert report["verdict"] == "ours"
    assert report["signals"]["c2pa"]["status"] == "valid"
    assert report["signals"]["c2pa"]["ingredients"] == 1, "the marked picture was made from the generated one"


def test_command_lines_exist(folder: Path) -> None:
    """Every `countermark` line names a command and options that there are."""
    lines = [
        line.strip() for block in BLOCKS for line in block.splitlines() if line.startswith("countermark ")
    ]
    assert len(lines) >= 5
    for line in lines:
        words = line.split("#")[0].split()
        path = words[1:3] if words[1] == "audit" else words[1:2]
        shown = run(f"COLUMNS=200 countermark {' '.join(path)} --help", folder)
        for option in (w for w in words if w.startswith("--")):
            assert option in shown, line


def test_make_lists_every_command_that_the_documents_name() -> None:
    listed = run("make help", ROOT)
    named = re.findall(
        r"[`\n ]make ([a-z0-9-]+)(?:`|\n|  +#)", README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    )
    for name in named:
        assert re.search(rf"^{name}\s", listed, re.MULTILINE), name

"""A real server process for the end-to-end tests."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest


@dataclass
class Server:
    """A running `countermark serve`; `log` grows as it writes."""

    url: str
    data_dir: Path
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)


def start_server(data_dir: Path, **environment: str) -> Server:
    """Start the service on a free port and wait until it says that it is ready."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERMARK_")} | environment
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "serve", "--port", "0", "--data-dir", str(data_dir)],
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )
    log: list[str] = []

    def collect() -> None:
        assert process.stderr is not None
        log.extend(process.stderr)

    threading.Thread(target=collect, daemon=True).start()
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        match = re.search(r"Verify page\s+(http://\S+)/", "".join(log))
        if match:
            return Server(match[1], data_dir, process, log)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    process.kill()
    raise RuntimeError("the service did not start:\n" + "".join(log))


def stop_server(running: Server) -> None:
    """Ask the service to stop and check that it did so in order (uvicorn ends by the signal it was sent)."""
    running.process.terminate()
    assert running.process.wait(timeout=60) in {0, -signal.SIGTERM}, "".join(running.log)
    assert not [line for line in running.log if "Traceback" in line], "".join(running.log)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all end-to-end tests of a run."""
    running = start_server(tmp_path_factory.mktemp("data"))
    yield running
    stop_server(running)

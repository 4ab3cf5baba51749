"""The command line in this process, and an installation that marks and verifies."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.cli import main
from tests.unit.service.verification_house import House, build


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `countermark` with arguments; settings come from nowhere but them and `tmp_path`."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["countermark", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Done(int(ended.value.code or 0), out, err)

    monkeypatch.chdir(tmp_path)
    return call


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Give one installation that marks and verifies."""
    house = build(tmp_path_factory.mktemp("data"))
    yield house
    house.registry.close()

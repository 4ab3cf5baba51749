"""Where settings come from, which source wins, and what a wrong one says."""

from pathlib import Path

import numpy as np
import pytest

from safety.errors import CheckMissing
from service.errors import StartupError
from service.runtime import open_guard
from service.settings import Settings, load_settings

ROOT = Path(__file__).parents[3]


def test_defaults_need_no_configuration() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.generator == "builtin"
    assert settings.on_loopback


def test_flag_beats_environment_beats_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "countermark.toml"
    file.write_text('port = 1\nprovider = "file"\nworkers = 7\n')
    monkeypatch.setenv("COUNTERMARK_PORT", "2")
    monkeypatch.setenv("COUNTERMARK_PROVIDER", "environment")
    settings = load_settings(file, port=3)
    assert (settings.port, settings.provider, settings.workers) == (3, "environment", 7)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prot = 1", "prot"),
        ("port = 70000", "port"),
        ("port = ", "config"),
        ("workers = 'many'", "workers"),
        ("provider = ''", "provider"),
        ("combine = 'median'", "combine"),
        ("classifier_timeout_s = 0", "classifier_timeout_s"),
        ("prompt_classifiers = []", "prompt_classifiers"),
        ("prompt_classifiers = 'ngram'", "prompt_classifiers"),
        ("[classifier_options.prompt_typo]\nx = 1", "prompt_typo.*not in use"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "countermark.toml"
    file.write_text(text)
    with pytest.raises(StartupError, match=words):
        load_settings(file)


def test_classifiers_come_from_the_file_with_their_options(tmp_path: Path) -> None:
    file = tmp_path / "countermark.toml"
    file.write_text(
        'prompt_classifiers = ["ngram"]\nimage_classifiers = []\ncombine = "mean"\n'
        'classifier_timeout_s = 2.5\n[classifier_options.ngram]\nmodel_dir = "/nowhere"\n'
    )
    guard = open_guard(load_settings(file, data_dir=tmp_path / "data"))
    with pytest.raises(CheckMissing, match="nowhere"):  # its model is not there
        guard.check_prompt("x")
    assert guard.check_image(np.zeros((64, 64, 3), np.uint8)).models == ()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"none\.toml"):
        load_settings(tmp_path / "none.toml")


def test_every_setting_is_documented() -> None:
    """The README's table lists each setting by name."""
    readme = (ROOT / "README.md").read_text("utf-8")
    missing = [name for name in Settings.model_fields if f"`{name}`" not in readme]
    assert not missing
    assert all(field.description for field in Settings.model_fields.values())

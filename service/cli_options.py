"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Inputs = Annotated[list[Path], typer.Argument(metavar="IN...", help="picture files")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="keys, registry and audit log \\[default: countermark-data]")
]
Config = Annotated[Path | None, typer.Option("--config", help="settings in a TOML file")]
Json = Annotated[bool, typer.Option("--json", help="print one JSON document")]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", help="watermark key in hex \\[default: the one in the data directory]"),
]

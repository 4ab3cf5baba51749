"""All tables about safety, one command: prompt models, names, checks of pictures.

    python -m tests.benchmarks.safety_tables --data DIR [--out DIR] [--images DIR] [--icons DIR --backgrounds DIR]

`--data` is a folder of labelled prompts. Each part is a command of its own, run in a process of its own so that its
CPU times are not those of its neighbours; a part whose folder was not given is left out, and said to be. Ends with 1
where a part failed.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from classifiers import known_classifiers

_PARTS_OF_PROMPTS = ("prompt_encoder", "ngram")


def commands(chosen: argparse.Namespace) -> list[tuple[str, list[str] | None]]:
    """Give (heading, module and arguments) of every part; None where its folder was not given."""
    data, out = str(chosen.data), Path(chosen.out)
    evaluate = ["classifiers.training.evaluate_prompt", "--data", data, "--processes", str(chosen.processes)]
    parts: list[tuple[str, list[str] | None]] = [
        (f"Prompts: {name}", [*evaluate, "--model", name, "--out", str(out / name)])
        for name in _PARTS_OF_PROMPTS
        if name in known_classifiers("prompt")
    ]
    parts.append(("Names", ["classifiers.training.evaluate_names", "--data", data]))
    images = ["--images", str(chosen.images)] if chosen.images else []
    parts.append(("Text and nudity in pictures", ["tests.benchmarks.picture_checks", *images]))
    logos = [
        "--icons",
        str(chosen.icons),
        "--backgrounds",
        str(chosen.backgrounds),
        "--out",
        str(out / "logos"),
    ]
    given = chosen.icons and chosen.backgrounds
    parts.append(("Logos", ["classifiers.training.evaluate_logos", *logos] if given else None))
    return parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every part; 0 when all of them printed their tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.safety_tables", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of .jsonl or .jsonl.gz files")
    parser.add_argument("--out", type=Path, default=Path("evaluation"), help="folder for tables and curves")
    parser.add_argument("--images", type=Path, help="folder of harmless pictures, beside the built-in ones")
    parser.add_argument("--icons", type=Path, help="folder of SVG marks")
    parser.add_argument("--backgrounds", type=Path, help="folder of pictures without marks")
    parser.add_argument("--processes", type=int, default=1, help="for scoring prompts")
    chosen = parser.parse_args(arguments)
    failed = 0
    for heading, command in commands(chosen):
        print(f"\n## {heading}\n", flush=True)
        if command is None:
            print("Left out: give --icons and --backgrounds.", flush=True)
        elif subprocess.run([sys.executable, "-m", *command], check=False).returncode:
            print(f"FAILED: python -m {' '.join(command)}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    raise SystemExit(main())

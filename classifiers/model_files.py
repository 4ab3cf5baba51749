"""Read the files of a model, and only those that its card vouches for.

Owns one rule: a weight file is used only if its SHA-256 stands in the `card.md` beside it, so that what scores is
what was measured.
"""

import hashlib
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from classifiers.errors import ModelUnreadable


def model_folder(name: str, model_dir: str | Path | None = None) -> Traversable | Path:
    """Give `model_dir`, or the folder of the model `name` in the package when it is None."""
    return Path(model_dir) if model_dir else resources.files("classifiers") / "models" / name


def load_model_files(folder: Traversable | Path, names: Sequence[str]) -> dict[str, bytes]:
    """Read the files `names` of `folder`.

    Raises:
        ModelUnreadable: one is missing, or its SHA-256 is not in `card.md`.

    """
    try:
        card = (folder / "card.md").read_text(encoding="utf-8")
        found = {name: (folder / name).read_bytes() for name in names}
    except (OSError, UnicodeDecodeError) as error:
        raise ModelUnreadable(
            f"model: got {folder} ({error}), expected card.md, {', '.join(names)} there; restore them or train again"
        ) from error
    for name, content in found.items():
        digest = hashlib.sha256(content).hexdigest()
        if digest not in card:
            raise ModelUnreadable(
                f"model: got {folder / name} with SHA-256 {digest}, expected the one that card.md names; "
                "restore the file or train again"
            )
    return found

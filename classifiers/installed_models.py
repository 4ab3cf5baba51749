"""Open ONNX models: those in this package, and those that another installed distribution carries.

Owns two rules: of the other distribution nothing is used but the file (none of its code is imported), and the file
only if its SHA-256 stands in our card of that model, so that what scores is what was measured. Sessions use one
thread: requests run side by side.
"""

import hashlib
from collections.abc import Sequence
from importlib import metadata
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import onnxruntime

from classifiers.errors import ClassifierUnavailable, ModelUnreadable


def read_installed_model(distribution: str, path: str, folder: Traversable | Path) -> bytes:
    """Read the file `path` of the installed `distribution`, which `card.md` in `folder` must vouch for.

    Raises:
        ClassifierUnavailable: the distribution is not installed, or has no such file.
        ModelUnreadable: the file is not the one that the card names.

    """
    try:
        content = Path(str(metadata.distribution(distribution).locate_file(path))).read_bytes()
    except (metadata.PackageNotFoundError, OSError) as error:
        raise ClassifierUnavailable(
            f"{path}: got no such file, expected the one in the distribution {distribution}; "
            f"run `pip install -c constraints.txt {distribution}`"
        ) from error
    try:
        card = (folder / "card.md").read_text(encoding="utf-8")
    except OSError as error:
        raise ModelUnreadable(
            f"{folder / 'card.md'}: got {error}, expected the model's card; restore it"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest not in card:
        raise ModelUnreadable(
            f"{path}: got SHA-256 {digest}, expected the one in {folder / 'card.md'}; "
            f"install the version of {distribution} that constraints.txt names"
        )
    return content


def open_session(model: bytes, disabled: Sequence[str] = ()) -> Any:
    """Open an onnxruntime session on one core, without the graph optimisers `disabled`.

    Raises:
        ModelUnreadable: not an ONNX model.

    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"], disabled_optimizers=list(disabled)
        )
    except Exception as error:  # onnxruntime's own exceptions share no base class
        raise ModelUnreadable(
            f"ONNX model: got {len(model)} bytes that onnxruntime cannot open ({error}), expected a model; restore it"
        ) from error

"""Open checkpoints that the user has: a directory, or a hub id in the local cache, read by transformers.

Owns what all loaders of such checkpoints share, and these rules: no code out of a checkpoint is ever run
(`trust_remote_code` is off, weights are safetensors, never pickles); nothing is fetched unless the user set
`local_files_only=False`, and then only while loading; a checkpoint that lacks a weight of the network is refused,
because transformers would fill the gap with random numbers and only warn.
"""

import importlib
from pathlib import Path
from typing import Any

import torch

from classifiers.errors import ClassifierUnavailable, ModelUnreadable, OptionsInvalid


def load_transformers() -> Any:
    """Import transformers.

    Raises:
        ClassifierUnavailable: it is not installed.

    """
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise ClassifierUnavailable(
            f"checkpoint loader: got {error}, expected transformers; run `pip install 'countermark[hub]'`"
        ) from error


def choose_device(device: str) -> torch.device:
    """Give the torch device of that name, such as `cpu`, `cuda` or `cuda:1`, after one number was put there.

    Raises:
        OptionsInvalid: no such device here.

    """
    try:
        chosen = torch.device(device)
        torch.zeros(1, device=chosen)
    except Exception as error:  # a build of torch without CUDA raises AssertionError, others RuntimeError
        raise OptionsInvalid(
            f"device: got {device!r} ({error}), expected one that torch can use here, such as 'cpu' or 'cuda'"
        ) from error
    return chosen


def load_part(kind: Any, model: str | Path, *, local_files_only: bool, **options: Any) -> Any:
    """Load a processor, tokenizer or configuration: `kind.from_pretrained(model)`.

    Raises:
        ModelUnreadable: not there, or not what that class reads.

    """
    try:
        return kind.from_pretrained(
            str(model), local_files_only=local_files_only, trust_remote_code=False, **options
        )
    except Exception as error:  # whatever a foreign file makes a parser raise
        raise _unreadable(model, error) from error


def load_network(kind: Any, model: str | Path, *, local_files_only: bool, device: str, **options: Any) -> Any:
    """Load a network for inference on `device`, in the number format that the checkpoint has.

    Raises:
        OptionsInvalid: no such device.
        ModelUnreadable: not there, damaged, of another kind, or without some of the network's weights.

    """
    where = choose_device(device)
    network, told = load_part(
        kind,
        model,
        local_files_only=local_files_only,
        dtype="auto",
        use_safetensors=True,
        output_loading_info=True,
        **options,
    )
    lacking = sorted(told["missing_keys"])
    if lacking:
        raise ModelUnreadable(
            f"checkpoint {model}: got no weights for {', '.join(lacking[:3])} ({len(lacking)} in all), expected "
            f"every weight of {type(network).__name__}; use a checkpoint that was trained for this task"
        )
    try:
        return network.to(where).eval()
    except RuntimeError as error:
        raise ModelUnreadable(
            f"checkpoint {model}: got {error}, expected room on {device}; use another device"
        ) from error


def name_of(plug_in: str, model: str | Path, network: Any) -> str:
    """Give the name for the audit record: the plug-in, the checkpoint and, of one out of a hub, its commit."""
    commit = getattr(network.config, "_commit_hash", None)
    shown = Path(model).name if Path(model).is_dir() else str(model)
    return f"{plug_in}({shown}@{commit})" if commit else f"{plug_in}({shown})"


def _unreadable(model: str | Path, error: Exception) -> ModelUnreadable:
    return ModelUnreadable(
        f"checkpoint {model}: got {type(error).__name__}: {error}; expected a directory with config.json, safetensors "
        f"weights and a processor or tokenizer, or the id of one in the hub cache; fetch it first, or set "
        f"local_files_only to false"
    )

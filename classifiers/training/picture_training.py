"""Train an image network on labelled pictures, with or without differential privacy.

Owns the loop. Rules it keeps: rare classes weigh more (inverse frequency); each epoch ends with a look at the
validation pictures, the best epoch is kept, and training stops after `patience` epochs without a better one; the same
seed gives the same run on the same machine, except where privacy forbids it.

Private training is DP-SGD (Abadi et al. 2016, arXiv 1607.00133) by opacus: Poisson sampling, each picture's gradient
cut to norm `CLIP`, noise chosen so that `epochs` epochs spend at most the given epsilon. What it promises is about
single training pictures. Noise and sampling come from the operating system's randomness, not from the seed: whoever
knows the seed could take the noise out again.
"""

import copy
import logging
import secrets
import sys
import warnings
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from classifiers.errors import ClassifierUnavailable
from classifiers.picture_input import network_input, squash
from classifiers.training.picture_augment import augment
from classifiers.training.picture_network import prepare_for_privacy

_LOG = logging.getLogger(__name__)

CLIP: Final = 1.0
"""Largest gradient norm of one picture; opacus' own examples use 1.0 to 1.2."""
_PRIVATE_AT_ONCE: Final = 16
"""Pictures whose own gradients are held at the same time: 16 x 100 MB for a ResNet-50."""
_WARM_UP: Final = 0.1
_WEIGHT_DECAY: Final = 0.02


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train.

    Attributes:
        side: pixels of the square that the network reads.
        mean, std: of each colour, see `network_input`.
        epochs: at most.
        patience: epochs without a better validation result before it stops.
        batch: pictures a step.
        rate: highest learning rate of AdamW; it rises over a tenth of the steps and falls as a cosine.
        seed: of weights, order and augmentation.
        epsilon, delta: privacy budget, or None for ordinary training.

    """

    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    epochs: int
    patience: int
    batch: int
    rate: float
    seed: int
    epsilon: float | None = None
    delta: float = 1e-5


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Attributes:
        network: in the state of its best epoch, on the CPU.
        best_epoch: counted from 1.
        epochs: how many were run.
        epsilon: privacy spent over all of them, None for ordinary training.

    """

    network: torch.nn.Module
    best_epoch: int
    epochs: int
    epsilon: float | None


class TrainingPictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """Augmented pictures, another variant each epoch."""

    def __init__(self, squares: NDArray[np.uint8], label: NDArray[np.int64], recipe: Recipe) -> None:
        self._squares, self._label, self._recipe = squares, label, recipe
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._label)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, int]:
        rng = np.random.default_rng((self._recipe.seed, self.epoch, at))
        square = augment(self._squares[at], self._recipe.side, rng)
        pixels = network_input(square, self._recipe.mean, self._recipe.std)[0]
        return torch.from_numpy(pixels), int(self._label[at])


def fit(
    network: torch.nn.Module,
    training: tuple[NDArray[np.uint8], NDArray[np.int64]],
    validation: tuple[NDArray[np.uint8], NDArray[np.int64]],
    recipe: Recipe,
) -> Trained:
    """Train `network` on (squares, label), choosing the epoch by another (squares, label).

    Raises:
        ClassifierUnavailable: private training without opacus.

    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    weight = torch.from_numpy(class_weights(training[1])).to(device)
    pictures = TrainingPictures(*training, recipe)
    if recipe.epsilon is not None:
        network = prepare_for_privacy(network)
    network = network.to(device).train()
    optimizer: Any = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=_WEIGHT_DECAY)
    loader: Any = torch.utils.data.DataLoader(
        pictures, batch_size=min(recipe.batch, len(pictures)), shuffle=True
    )
    wrapped, spent = network, None
    if recipe.epsilon is not None:
        wrapped, optimizer, loader, spent = _private(network, optimizer, loader, recipe)
    steps = _Schedule(recipe.rate, recipe.epochs * len(loader))
    best: tuple[float, float] = (-1.0, 0.0)
    best_epoch, kept = 0, copy.deepcopy(network.state_dict())
    epoch = 0
    for epoch in range(1, recipe.epochs + 1):
        pictures.epoch = epoch
        network.train()
        loss = _run_epoch(wrapped, optimizer, loader, weight, steps, f"epoch {epoch}/{recipe.epochs}")
        logits = logits_of(network, validation[0], recipe)
        now = _judge(logits, validation[1])
        _LOG.info(
            "epoch %d of %d: training loss %.4f, validation recall %.4f, loss %.4f",
            epoch, recipe.epochs, loss, now[0], -now[1],
        )  # fmt: skip
        if now > best:
            best, best_epoch, kept = now, epoch, copy.deepcopy(network.state_dict())
        elif epoch - best_epoch >= recipe.patience:
            _LOG.info("no better epoch since %d: stopping", best_epoch)
            break
    network.load_state_dict(kept)
    return Trained(network.cpu().eval(), best_epoch, epoch, spent() if spent else None)


def logits_of(network: torch.nn.Module, squares: NDArray[np.uint8], recipe: Recipe) -> NDArray[np.float32]:
    """Score squares uint8 (n, S, S, 3) unchanged but for their size: float32 (n, classes)."""
    device = next(network.parameters()).device
    network.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(squares), 32):
            pixels = [
                network_input(squash(square, recipe.side), recipe.mean, recipe.std)
                for square in squares[start : start + 32]
            ]
            batch = torch.from_numpy(np.concatenate(pixels)).to(device)
            parts.append(network(pixel_values=batch).logits.float().cpu().numpy())
    return np.concatenate(parts)


def class_weights(label: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give n / (classes * n of the class): float32 (classes,). All are 1 where the classes are of one size."""
    counts = np.bincount(label)
    return (len(label) / (len(counts) * counts)).astype(np.float32)


def _judge(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> tuple[float, float]:
    """Give (mean recall of the classes, minus the log loss): larger is better, the second breaks ties."""
    right = logits.argmax(axis=1) == truth
    recall = float(np.mean([right[truth == name].mean() for name in np.unique(truth)]))
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(truth))
    return recall, -float(loss)


class _Schedule:
    """Learning rate, step by step."""

    def __init__(self, rate: float, total: int) -> None:
        self._rate, self._total, self._done = rate, total, 0

    def next(self) -> float:
        share = self._done / max(1, self._total)
        self._done += 1
        return (
            self._rate * min(1.0, share / _WARM_UP + 0.01) * float((1 + np.cos(np.pi * min(1.0, share))) / 2)
        )


def _run_epoch(
    network: torch.nn.Module,
    optimizer: Any,
    loader: Any,
    weight: torch.Tensor,
    steps: _Schedule,
    title: str,
) -> float:
    total, seen = 0.0, 0
    with _bounded(loader, optimizer) as batches:
        for pixels, label in _shown(batches, title, len(loader)):
            for group in optimizer.param_groups:
                group["lr"] = steps.next()
            label = label.to(weight.device)  # noqa: PLW2901
            logits = network(pixel_values=pixels.to(weight.device)).logits
            # The mean is over the pictures, not over their weights: no picture's gradient may depend on another's.
            losses = torch.nn.functional.cross_entropy(logits, label, reduction="none") * weight[label]
            loss = losses.mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += float(losses.detach().sum())
            seen += len(label)
    return total / max(1, seen)


def _shown(batches: Iterable[Any], title: str, count: int) -> Iterable[Any]:
    return track(batches, description=title, total=count, transient=True, disable=not sys.stderr.isatty())


def _bounded(loader: Any, optimizer: Any) -> Any:
    """Private batches are cut into pieces that fit into memory; ordinary ones pass."""
    if not hasattr(optimizer, "noise_multiplier"):
        return nullcontext(loader)
    from opacus.utils.batch_memory_manager import BatchMemoryManager  # type: ignore[import-untyped]  # noqa: PLC0415

    return BatchMemoryManager(
        data_loader=loader, max_physical_batch_size=_PRIVATE_AT_ONCE, optimizer=optimizer
    )


def _private(
    network: torch.nn.Module, optimizer: Any, loader: Any, recipe: Recipe
) -> tuple[torch.nn.Module, Any, Any, Callable[[], float]]:
    try:
        from opacus import PrivacyEngine  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as error:
        raise ClassifierUnavailable(
            "private training: got no opacus, expected it; pip install 'countermark[train]'"
        ) from error
    loader.generator = _unseeded()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "secure RNG turned off": said in the card, with what replaces it
        engine: Any = PrivacyEngine()
        wrapped, optimizer, loader = engine.make_private_with_epsilon(
            module=network,
            optimizer=optimizer,
            data_loader=loader,
            target_epsilon=recipe.epsilon,
            target_delta=recipe.delta,
            epochs=recipe.epochs,
            max_grad_norm=CLIP,
            noise_generator=_unseeded(next(network.parameters()).device),
        )
    return wrapped, optimizer, loader, lambda: float(engine.get_epsilon(recipe.delta))


def _unseeded(device: torch.device | None = None) -> torch.Generator:
    return torch.Generator(device or torch.device("cpu")).manual_seed(secrets.randbits(63))

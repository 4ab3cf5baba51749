"""Four plots of one run, as SVG: recovery against quality and strength, the tail of p-values, time against size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

# text stays text, and nothing random or dated is written: a new run changes only what was measured
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "countermark", "font.size": 9})


def save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def recovery_against_psnr(
    points: Sequence[dict[str, float]], peers: Sequence[tuple[str, float, float]], path: Path
) -> None:
    """Our line over strengths; each peer is one point (name, mean PSNR in dB, share recovered)."""
    figure, axis = plt.subplots(figsize=(5.5, 3.5))
    axis.plot(
        [p["psnr_db"] for p in points], [100 * p["recovered"] for p in points], "o-", label="countermark"
    )
    for name, psnr_db, recovered in peers:
        axis.plot(psnr_db, 100 * recovered, "s", label=name)
    axis.set(xlabel="PSNR, dB", ylabel="messages recovered, %", ylim=(-3, 103))
    axis.legend()
    axis.grid(alpha=0.3)
    save(figure, path)


def recovery_against_strength(curves: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """One panel a distortion, from mild on the left to strong."""
    figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharey=True)
    for axis, (name, curve) in zip(axes.flat, curves.items(), strict=False):
        axis.plot(range(len(curve)), [100 * share for _, share in curve], "o-")
        axis.set_xticks(range(len(curve)), [f"{strength:g}" for strength, _ in curve])
        axis.set(xlabel=name, ylim=(-3, 103))
        axis.grid(alpha=0.3)
    for row in axes:
        row[0].set_ylabel("messages recovered, %")
    save(figure, path)


def tail(p_values: Sequence[float], path: Path) -> None:
    """Share of unmarked pictures with p at or below x; honest p-values stay below the diagonal."""
    figure, axis = plt.subplots(figsize=(4.5, 3.5))
    axis.loglog(
        sorted(p_values), [(i + 1) / len(p_values) for i in range(len(p_values))], ".", label="unmarked"
    )
    axis.loglog([1e-4, 1], [1e-4, 1], "k--", lw=0.8, label="exact")
    axis.axvline(1e-3, color="gray", lw=0.8, label="possible at p <= 1e-3")
    axis.set(
        xlabel="p-value x", ylabel="share with p <= x", xlim=(1e-4, 1.2), ylim=(0.5 / len(p_values), 1.2)
    )
    axis.legend()
    axis.grid(alpha=0.3)
    save(figure, path)


def time_against_size(curves: dict[str, list[tuple[int, float]]], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(5.5, 3.5))
    for name, curve in curves.items():
        style = "--" if name in {"float32 rFFT2", "JPEG encode"} else "o-"
        axis.loglog([side for side, _ in curve], [ms for _, ms in curve], style, label=name)
    sides = sorted({side for curve in curves.values() for side, _ in curve})
    axis.set_xticks(sides, [str(side) for side in sides])
    axis.minorticks_off()
    axis.set(xlabel="side of a square picture, px", ylabel="CPU ms, one core")
    axis.legend()
    axis.grid(alpha=0.3)
    save(figure, path)

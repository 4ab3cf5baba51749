"""What a mark survives: mark each picture, distort it in every way, read it, and keep one outcome for each.

Outcomes: "exact" (the whole message), "present" (found, message lost), "missed", and "wrong" (another message was
returned, which must never happen).
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np
from skimage.metrics import structural_similarity

from tests.benchmarks.watermark.covers import Cover, Picture
from tests.benchmarks.watermark.methods import Method
from tests.benchmarks.watermark.suite import SWEEPS, Entry, seeded

FLAT_DEVIATION = 1.0
"""A 9 x 9 neighbourhood whose luma deviates less than this, in grey levels, is flat."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Quality:
    """How far a marked picture is from its cover.

    Attributes:
        psnr_db: over RGB; inf for identical pictures.
        ssim: structural similarity over RGB, 7 x 7 windows.
        flat_luma_rms: RMS of the luma's change where the cover is flat; None without flat areas.

    """

    psnr_db: float
    ssim: float
    flat_luma_rms: float | None


@dataclass(frozen=True)
class Marked:
    """One picture of a run and what became of it.

    Attributes:
        name, kind: of the cover.
        short_side_px: of the cover.
        quality: of the marked picture.
        embed_s: CPU seconds.
        outcomes: distortion -> outcome.

    """

    name: str
    kind: str
    short_side_px: int
    quality: Quality
    embed_s: float
    outcomes: dict[str, str]


@dataclass
class Run:
    """All that one method did."""

    method: str
    payload_bits: int
    pictures: list[Marked] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def size_class(short_side_px: int) -> str:
    """The class in which results are reported."""
    return ">= 700 px" if short_side_px >= 700 else "480-699 px" if short_side_px >= 480 else "under 480 px"


def quality_of(cover: Picture, marked: Picture) -> Quality:
    """Compare a marked picture with its cover."""
    error = float(np.mean((marked.astype(np.float64) - cover) ** 2))
    luma = cv2.cvtColor(cover, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(luma, (9, 9))
    flat = cv2.blur(luma * luma, (9, 9)) - mean * mean < FLAT_DEVIATION**2
    change = (marked.astype(np.float32) - cover) @ np.float32((0.299, 0.587, 0.114))
    return Quality(
        10 * math.log10(255**2 / error) if error else math.inf,
        float(structural_similarity(cover, marked, channel_axis=2, data_range=255)),
        float(np.sqrt(np.mean(change[flat] ** 2))) if flat.mean() > 0.01 else None,
    )


def outcome_of(method: Method, image: Picture, payload: bytes) -> str:
    """Read a picture. A method without a verdict always returns something: wrong bits are then "missed"."""
    read, present = method.read(image)
    if read == payload:
        return "exact"
    if present is None or read is None:
        return "present" if present else "missed"
    return "wrong"


def measure(
    method: Method,
    covers: Iterable[Cover],
    entries: Sequence[Entry],
    *,
    progress: Progress,
    most_seconds: float = math.inf,
) -> Run:
    """Run the suite; no new picture is begun after `most_seconds` of wall-clock time."""
    run = Run(method.name, 8 * method.payload_bytes)
    begun, previous = time.monotonic(), None
    for cover in covers:
        if time.monotonic() - begun > most_seconds:
            progress(f"{method.name}: time is up after {len(run.pictures)} pictures")
            break
        payload = payload_for(cover, method)
        start = time.process_time()
        marked = method.embed(cover.image.copy(), payload)
        spent = time.process_time() - start
        other = cover.image[::-1, ::-1] if previous is None else previous
        outcomes = {}
        for entry in entries:
            distorted = entry.distort(marked.copy(), seeded(cover.name, entry.name), other)
            outcomes[entry.name] = outcome_of(method, distorted, payload)
        previous = cover.image
        quality = quality_of(cover.image, marked)
        run.pictures.append(
            Marked(cover.name, cover.kind, min(cover.image.shape[:2]), quality, spent, outcomes)
        )
        exact = sum(o == "exact" for o in outcomes.values())
        clock = time.monotonic() - begun
        found = f"{quality.psnr_db:.1f} dB, {exact} of {len(entries)}, {clock:.0f} s"
        progress(f"{method.name} {len(run.pictures)}: {cover.name} {found}")
    return run


def payload_for(cover: Cover, method: Method) -> bytes:
    return seeded(cover.name, "payload").bytes(method.payload_bytes)


def sweep(
    method: Method, covers: Sequence[Cover], progress: Progress
) -> dict[str, list[tuple[float, float]]]:
    """Recovery against the strength of each distortion in SWEEPS: name -> (strength, share read exactly)."""
    marked = [(c, method.embed(c.image.copy(), payload_for(c, method))) for c in covers]
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, (strengths, distort) in SWEEPS.items():
        curves[name] = []
        for strength in strengths:
            exact = sum(
                outcome_of(
                    method, distort(image, strength, seeded(cover.name, name)), payload_for(cover, method)
                )
                == "exact"
                for cover, image in marked
            )
            curves[name].append((strength, exact / len(marked)))
        progress(f"{method.name} sweep of {name}")
    return curves

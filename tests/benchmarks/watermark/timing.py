"""CPU time as multiples of what no method can do without: one float32 FFT, one JPEG encoding of the same picture.

CPU time of the process with one thread; the reference is measured right before each call, since a busy machine slows
both alike.
"""

import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from scipy import fft

import watermark
from tests.benchmarks.watermark.covers import draw
from tests.benchmarks.watermark.footprint import measured
from tests.benchmarks.watermark.geometry import rotated, scaled
from tests.benchmarks.watermark.methods import KEY

SIDE = 1024
KINDS = ("landscape", "portrait", "texture")


def cpu_ms(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return 1000 * (time.process_time() - start)


def references(image: np.ndarray) -> dict[str, float]:
    """CPU ms, median of five, of one rFFT2 of a plane and one JPEG encoding (quality 90)."""
    plane = image[..., 1].astype(np.float32)
    works = {
        "rfft2": lambda: fft.rfft2(plane, workers=1),
        "jpeg": lambda: cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90]),
    }
    return {name: statistics.median(cpu_ms(work) for _ in range(5)) for name, work in works.items()}


def multiples(repeats: int) -> dict[str, dict[str, float]]:
    """Median CPU ms and multiple of the rFFT2 at 1024 x 1024 for each task; "reference" rows have both references."""
    spent: dict[str, list[tuple[float, float]]] = {}
    for number in range(repeats):
        for kind in KINDS:
            cover = draw(kind, 900 + number, SIDE, SIDE)
            marked = watermark.embed(cover, bytes(8), key=KEY)
            turned, shrunk = rotated(marked, 20), scaled(marked, 0.8)
            tasks = {
                "embed": lambda c=cover: watermark.embed(c, bytes(8), key=KEY),
                "detect, untouched": lambda m=marked: watermark.detect(m, key=KEY),
                "detect, rotated 20°": lambda m=turned: watermark.detect(m, key=KEY),
                "detect, rescaled 80 %": lambda m=shrunk: watermark.detect(m, key=KEY),
                "detect, unmarked": lambda c=cover: watermark.detect(c, key=KEY),
            }
            for name, work in tasks.items():
                floor = references(cover)
                spent.setdefault("reference: float32 rFFT2", []).append((floor["rfft2"], 1.0))
                spent.setdefault("reference: JPEG encode", []).append(
                    (floor["jpeg"], floor["jpeg"] / floor["rfft2"])
                )
                ms = cpu_ms(work)
                spent.setdefault(name, []).append((ms, ms / floor["rfft2"]))
    return {
        name: {
            "ms": statistics.median(ms for ms, _ in pairs),
            "multiple": statistics.median(multiple for _, multiple in pairs),
        }
        for name, pairs in spent.items()
    }


def by_size(sides: list[int]) -> dict[str, list[tuple[int, float]]]:
    """CPU ms against the side of a square picture: task -> (side, ms)."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for side in sides:
        cover = draw("landscape", 7, side, side)
        floor = references(cover)
        marked = watermark.embed(cover, bytes(8), key=KEY)
        row = {
            "float32 rFFT2": floor["rfft2"],
            "JPEG encode": floor["jpeg"],
            "embed": cpu_ms(lambda c=cover: watermark.embed(c, bytes(8), key=KEY)),
            "detect, untouched": cpu_ms(lambda m=marked: watermark.detect(m, key=KEY)),
            "detect, unmarked": cpu_ms(lambda c=cover: watermark.detect(c, key=KEY)),
        }
        for name, ms in row.items():
            curves.setdefault(name, []).append((side, ms))
    return curves


def footprints() -> dict[str, float]:
    """CPU seconds of the import (median of three), peak growth of memory at 4096 x 4096 in MiB."""
    return {
        "import, s": statistics.median(measured("import") for _ in range(3)),
        "embed 4096 px, MiB": measured("embed", 4096),
        "detect 4096 px, MiB": measured("detect", 4096),
    }

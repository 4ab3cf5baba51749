"""CPU time of each stage of one generation and one verification, against physical references on the same
picture.

    make bench                     # prints a markdown table; ARGS="--side 2048 --repeats 5 --json out.json"

CPU time of the process (all its threads), median of the repeats: a busy machine does not distort it. The
references are one float32 FFT and one JPEG encoding of the same picture: what no product can be faster than
by much.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from scipy import fft

from service.generators import GenerationRequest
from service.generators.builtin import draw
from service.runtime import build_runtime
from service.settings import Settings
from service.stages import StageTimes
from service.trail import Trail

PROMPTS = ("a harbour at dusk", "a forest in winter", "stained glass", "marble", "city at night", "mountains")


def median_ms(work: Callable[[], object], repeats: int) -> float:
    """Median CPU milliseconds of `work`."""
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return 1000 * statistics.median(spent)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=6)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    side, repeats = options.side, options.repeats

    picture = draw(PROMPTS[0], 0, side, side)
    plane = picture[..., 1].astype(np.float32)
    rows = {
        "reference: one float32 rfft2": median_ms(lambda: fft.rfft2(plane, workers=1), repeats),
        "reference: one JPEG encode": median_ms(lambda: cv2.imencode(".jpg", picture), repeats),
        "reference: one PNG encode": median_ms(lambda: cv2.imencode(".png", picture), repeats),
    }
    with tempfile.TemporaryDirectory() as folder:
        parts = build_runtime(Settings(data_dir=Path(folder)))
        stages: dict[str, list[float]] = {}
        marked = b""
        for turn in range(repeats + 1):
            trail = Trail(f"bench-{turn}", "generation", stages=StageTimes(time.process_time))
            request = GenerationRequest(PROMPTS[turn % len(PROMPTS)], 1, side, side, None, None)
            marked = parts.gateway.generate(request, "png", None, trail)[0].data
            for name, seconds in trail.stages.seconds.items() if turn else ():  # the first turn warms caches
                stages.setdefault(name, []).append(1000 * seconds)
        rows |= {f"generate: {name}": statistics.median(spent) for name, spent in stages.items()}
        unmarked = cv2.imencode(".png", draw("a plain picture", 0, side, side)[..., ::-1])[1].tobytes()
        rows["verify: marked file"] = median_ms(lambda: parts.verifier.verify(marked), repeats)
        rows["verify: unmarked file"] = median_ms(
            lambda: parts.verifier.verify(unmarked), max(1, repeats // 2)
        )
        parts.close()
    print(f"CPU ms, {side}x{side}, median of {repeats}\n\n| stage | CPU ms |\n|---|--:|")
    for name, value in rows.items():
        print(f"| {name} | {value:.1f} |")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()

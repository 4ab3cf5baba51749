"""What one call costs a fresh process: `python -m tests.benchmarks.watermark.footprint import|embed|detect [SIDE]`.

Prints CPU seconds of `import watermark`, or MiB by which the peak of the process's resident memory grew while a drawn
SIDE x SIDE picture was marked or searched (the picture itself was there before). A process of its own, since a peak
cannot be taken back.
"""

import subprocess
import sys
import time
from pathlib import Path


def measured(what: str, side: int = 0) -> float:
    """Run this module in a new process and return what it prints."""
    command = [sys.executable, "-m", "tests.benchmarks.watermark.footprint", what, str(side)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _import_s() -> float:
    start = time.process_time()
    import watermark  # noqa: F401

    return time.process_time() - start


def _growth_mib(what: str, side: int) -> float:
    import cv2
    import numpy as np

    import watermark

    cv2.setNumThreads(1)
    key = bytes(range(32))
    rng = np.random.default_rng(1)
    small = rng.integers(0, 256, (256, 256, 3), np.uint8)
    watermark.detect(watermark.embed(small, bytes(8), key=key), key=key)  # tables that are kept anyway
    # doubled up, never through a larger temporary: the peak before the call must be the picture alone
    image = np.empty((side, side, 3), np.uint8)
    for row in range(side):
        image[row] = np.tile(small[row // 4 % 256], (side // 256 + 1, 1))[:side]
    before = _peak_kib()
    if what == "embed":
        watermark.embed(image, bytes(8), key=key)
    else:
        watermark.detect(image, key=key)
    return (_peak_kib() - before) / 1024


def _peak_kib() -> int:
    """Highest resident memory of this program. Linux alone has it; getrusage would count the parent's before exec."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


if __name__ == "__main__":
    print(_import_s() if sys.argv[1] == "import" else _growth_mib(sys.argv[1], int(sys.argv[2])))

"""Hill-climbing on the public answer: detected, possible or not detected, and nothing finer.

The attacker may ask the service about any picture, but sees no score. Every question is counted; what a question costs
(an account, a rate limit) is the service's defence, not the mark's.
"""

import io
from collections.abc import Callable, Iterator

import cv2
import numpy as np
from PIL import Image

import watermark
from tests.benchmarks.watermark_forgery import Lattice, Picture, add_pattern

BLOCK_PX = 32


class Oracle:
    """The public answer about any picture, and how often it was asked."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.asked = 0

    def __call__(self, picture: Picture) -> str:
        self.asked += 1
        return watermark.detect(picture, key=self._key).status


def remove(
    marked: Picture, oracle: Oracle, most: int, rng: np.random.Generator
) -> Iterator[tuple[int, Picture]]:
    """Find a picture that is not detected, then undo as much of the damage as stays not detected.

    Yields the number of questions so far and the best picture, whenever there is a better one.
    """
    ruined = next((p for p in _damaged(marked) if oracle(p) == "not_detected"), None)
    if ruined is None:
        return
    best = _nearest(marked, ruined, lambda p: oracle(p) == "not_detected")
    yield oracle.asked, best
    share, failures = 0.25, 0
    while oracle.asked < most:
        kept = rng.random(tuple(-(-side // BLOCK_PX) for side in marked.shape[:2])) > share
        where = np.kron(kept, np.ones((BLOCK_PX, BLOCK_PX), bool))[: marked.shape[0], : marked.shape[1], None]
        tried = np.where(where, best, marked)
        if oracle(tried) == "not_detected":
            best, failures = tried, 0
            yield oracle.asked, best
        else:
            failures += 1
            share = share / 2 if failures % 4 == 0 and share > 0.02 else share


def forge(clean: Picture, lifted: Lattice, oracle: Oracle) -> Picture | None:
    """Find how little of a lifted pattern makes a clean picture "detected"; None when no amount does."""
    weakest = None
    for level in (38.0, 40.0, 42.0, 44.0, 46.0, 48.0, 50.0, 52.0):
        forged = add_pattern(clean, lifted, level)
        if oracle(forged) != "detected":
            break
        weakest = forged
    return weakest


def _damaged(picture: Picture) -> Iterator[Picture]:
    """Ever worse copies."""
    height, width = picture.shape[:2]
    for quality in (10, 5):
        yield _jpeg(picture, quality)
    for factor in (0.25, 0.15, 0.1, 0.06):
        small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        yield cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def _nearest(marked: Picture, ruined: Picture, removed: Callable[[Picture], bool]) -> Picture:
    """Bisect the line from the marked picture to the ruined one."""
    low, high, best = 0.0, 1.0, ruined
    for _ in range(6):
        middle = (low + high) / 2
        tried = cv2.addWeighted(ruined, middle, marked, 1 - middle, 0)
        if removed(tried):
            high, best = middle, tried
        else:
            low = middle
    return best


def _jpeg(picture: Picture, quality: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.array(Image.open(file).convert("RGB"))

"""Draw the pictures of docs/watermark.md: `make docs-pictures` (ARGS=FOLDER for another folder).

All of them show what the shipped code does to pictures of covers.py: nothing is retouched but for stated gains.
"""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import fft

import watermark
from tests.benchmarks.watermark.covers import KINDS, Picture, draw
from tests.benchmarks.watermark.methods import KEY
from tests.benchmarks.watermark.toning import rounded
from watermark.alignment import normalised, sample
from watermark.message import carrier_coefficients
from watermark.search import Search
from watermark.tile import UNITS, pattern_factors, tile_for

PAYLOAD = bytes.fromhex("00112233445566aa")
GAP = 8
CROP = 200


def side_by_side(pictures: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Pictures of one height in a row with white gaps."""
    wide = [cv2.copyMakeBorder(p, 0, 0, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3) for p in pictures]
    return np.concatenate(wide, axis=1)[:, :-GAP]


def tile() -> Picture:
    """One period of the pattern at its own scale, 3 pixels a unit."""
    period = 3.0 * UNITS
    keyed = tile_for(KEY)
    left, right = pattern_factors(
        keyed, carrier_coefficients(keyed, PAYLOAD, 0), (int(period), int(period)), period, (0.0, 0.0)
    )
    return grey(128 + 45 * (left @ right))


def residual(cover: Picture, marked: Picture) -> Picture:
    """Marked picture, and its difference from the cover times ten on grey."""
    change = rounded(128 + 10 * (marked.astype(np.float32) - cover))
    return side_by_side([marked, change])


def spectra(cover: Picture, marked: Picture) -> Picture:
    """Log power of the whitened luma, before and after marking: the middle, up to 0.25 cycles a pixel."""
    shown = []
    for picture in (cover, marked):
        plane = Search([tile_for(KEY)], picture).view.residuals[0]
        height, width = plane.shape
        window = np.outer(np.hanning(height), np.hanning(width))
        power = np.abs(fft.fftshift(fft.fft2(plane * window, s=(1024, 1024)))) ** 2
        middle = cv2.resize(
            power[256:768, 256:768].astype(np.float32), (384, 384), interpolation=cv2.INTER_AREA
        )
        decibels = 10 * np.log10(middle / np.median(middle))
        shown.append(grey(np.clip(60 + 13 * decibels, 0, 255)))
    return side_by_side(shown)


def surfaces(cover: Picture, marked: Picture) -> Picture:
    """Correlation of the pilots over all 128 x 128 shifts at the nominal map, before and after; white is z = 8."""
    return side_by_side([surface(cover), surface(marked)])


def surface(picture: Picture) -> Picture:
    """The best variant's |z| at each shift, 3 pixels a shift: what `alignment.lock_pilots` takes the maximum of."""
    keyed = tile_for(KEY)
    search = Search([keyed], picture)
    looks = search.view.looks
    seen = normalised(keyed, sample(keyed, looks, np.eye(2) / search.nominal_period))
    pilots = seen[:, : len(keyed.pilots)].sum(axis=0)
    kx, ky = keyed.pilots[:, 0] % UNITS, keyed.pilots[:, 1] % UNITS
    heights = []
    for phases in keyed.pilot_phases:
        table = np.zeros((UNITS, UNITS), np.complex64)
        table[ky, kx] = np.conj(phases) * pilots
        heights.append(np.abs(fft.ifft2(table, norm="forward").real))
    z = np.max(heights, axis=0) / np.sqrt(0.5 * np.sum(np.abs(pilots) ** 2))
    return np.repeat(np.repeat(grey(z * 255 / 8), 3, axis=0), 3, axis=1)


def crops() -> Picture:
    """Crops at 100 % of the kinds where grain is seen first: above the covers, below the marked pictures."""
    rows: list[list[Picture]] = [[], []]
    for kind, top, left in (
        ("sky", 60, 300),
        ("skin", 200, 300),
        ("illustration", 120, 200),
        ("portrait", 250, 400),
    ):
        cover = draw(kind, 4, 768, 1024)
        for row, picture in zip(rows, (cover, watermark.embed(cover, PAYLOAD, key=KEY)), strict=True):
            row.append(np.ascontiguousarray(picture[top : top + CROP, left : left + CROP]))
    above, below = (side_by_side(row) for row in rows)
    gap = np.full((GAP, above.shape[1], 3), 255, np.uint8)
    return np.concatenate([above, gap, below], axis=0)


def kinds() -> Picture:
    """The twelve kinds of the benchmark's pictures, small."""
    small = [cv2.resize(draw(k, 1, 512, 512), (150, 150), interpolation=cv2.INTER_AREA) for k in KINDS]
    return np.concatenate([side_by_side(small[:6]), side_by_side(small[6:])], axis=0)


def grey(values: NDArray[np.floating]) -> Picture:
    return np.repeat(rounded(values)[..., None], 3, axis=2)


def main(arguments: list[str]) -> int:
    """Write every picture."""
    folder = Path(arguments[0] if arguments else "docs/pictures")
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    cover = draw("landscape", 4, 512, 512)
    marked = watermark.embed(cover, PAYLOAD, key=KEY)
    pictures = {
        "tile": tile(),
        "residual": residual(cover, marked),
        "spectrum": spectra(cover, marked),
        "surface": surfaces(cover, marked),
        "crops": crops(),
        "kinds": kinds(),
    }
    for name, picture in pictures.items():
        exact = name == "crops"  # to be judged by eye: nothing may be lost
        Image.fromarray(picture).save(folder / f"{name}.webp", lossless=exact, quality=85, method=6)
        print(f"{folder / name}.webp: {picture.shape[1]} x {picture.shape[0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

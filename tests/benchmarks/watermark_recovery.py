"""Quality of the invisible watermark and what it survives, on any folder of pictures or on drawn ones.

    make bench-watermark                                   # 12 pictures from the built-in generator
    make bench-watermark ARGS="--images DIR --unmarked 300"

Prints a markdown table. "message" is the share of pictures whose 64 bits came back exactly after the attack; a wrong
payload would be the worst outcome there is and is counted apart. False alarms are counted on the unmarked pictures
and crops of them. Everything is seeded by the picture's number.
"""

import argparse
import io
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import watermark
from service.generators.builtin import draw

Picture = NDArray[np.uint8]
KEY = bytes(range(32))
PROMPTS = ("harbour sea", "forest", "city at night", "mountains", "stained glass", "marble swirl")


def jpeg(image: Picture, quality: int, format_: str = "JPEG") -> Picture:
    file = io.BytesIO()
    Image.fromarray(image).save(file, format_, quality=quality)
    return np.array(Image.open(file).convert("RGB"))


def jpeg2000(image: Picture, ratio: int) -> Picture:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG2000", quality_mode="rates", quality_layers=[ratio])
    return np.array(Image.open(file).convert("RGB"))


def scale(image: Picture, x: float, y: float | None = None) -> Picture:
    size = (max(1, round(image.shape[1] * x)), max(1, round(image.shape[0] * (y or x))))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if x < 1 else cv2.INTER_CUBIC)


def back(image: Picture, share: float) -> Picture:
    return cv2.resize(scale(image, share), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def crop(image: Picture, area: float, rng: np.random.Generator) -> Picture:
    height, width = (round(side * math.sqrt(area)) for side in image.shape[:2])
    y, x = int(rng.integers(image.shape[0] - height + 1)), int(rng.integers(image.shape[1] - width + 1))
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def turn(image: Picture, degrees: float) -> Picture:
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), (width, height)
    )


def tone(image: Picture, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> Picture:
    table = np.clip(change(np.arange(256, dtype=np.float64)), 0, 255).astype(np.uint8)
    return table[image]


def noise(image: Picture, sigma: float, rng: np.random.Generator) -> Picture:
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def hide(image: Picture, area: float, rng: np.random.Generator) -> Picture:
    covered = image.copy()
    height, width = (round(side * math.sqrt(area)) for side in image.shape[:2])
    y, x = int(rng.integers(image.shape[0] - height + 1)), int(rng.integers(image.shape[1] - width + 1))
    covered[y : y + height, x : x + width] = 0
    return covered


def screenshot(image: Picture, rng: np.random.Generator) -> Picture:
    shown = tone(jpeg(scale(image, 0.8), 75), lambda v: 255 * (v / 255) ** 1.1)
    return crop(shown, 0.9, rng)


ATTACKS: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "untouched": lambda i, r: i,
    "JPEG 50": lambda i, r: jpeg(i, 50),
    "JPEG 20": lambda i, r: jpeg(i, 20),
    "JPEG 10": lambda i, r: jpeg(i, 10),
    "WebP 30": lambda i, r: jpeg(i, 30, "WEBP"),
    "JPEG 2000 60:1": lambda i, r: jpeg2000(i, 60),
    "resize 50 %": lambda i, r: scale(i, 0.5),
    "resize 25 %": lambda i, r: scale(i, 0.25),
    "resize 25 % and back": lambda i, r: back(i, 0.25),
    "crop keeping 50 %": lambda i, r: crop(i, 0.5, r),
    "crop keeping 25 %": lambda i, r: crop(i, 0.25, r),
    "crop keeping 10 %": lambda i, r: crop(i, 0.1, r),
    "rotation 5°": lambda i, r: turn(i, 5),
    "rotation 45°": lambda i, r: turn(i, 45),
    "rotation 90°": lambda i, r: np.ascontiguousarray(np.rot90(i)),
    "mirror": lambda i, r: np.ascontiguousarray(i[:, ::-1]),
    "aspect 0.9": lambda i, r: scale(i, 0.9, 1.0),
    "noise 10": lambda i, r: noise(i, 10, r),
    "blur 2": lambda i, r: cv2.GaussianBlur(i, (0, 0), 2),
    "blur 4": lambda i, r: cv2.GaussianBlur(i, (0, 0), 4),
    "median 5": lambda i, r: cv2.medianBlur(i, 5),
    "brightness 0.5": lambda i, r: tone(i, lambda v: v * 0.5),
    "grey": lambda i, r: cv2.cvtColor(cv2.cvtColor(i, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "a quarter covered": lambda i, r: hide(i, 0.25, r),
    "screenshot chain": screenshot,
    "rotate 3°, crop 80 %, scale 0.9, JPEG 60": lambda i, r: jpeg(scale(crop(turn(i, 3), 0.8, r), 0.9), 60),
}


def load(folder: Path | None) -> list[Picture]:
    if folder is None:
        return [draw(f"{PROMPTS[i % len(PROMPTS)]} {i}", i, 768, 768) for i in range(12)]
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
    return [np.array(Image.open(p).convert("RGB")) for p in files]


def unmarked(pictures: list[Picture], count: int) -> Iterator[Picture]:
    """The pictures themselves, then random crops of them."""
    for number in range(count):
        picture = pictures[number % len(pictures)]
        rng = np.random.default_rng(number)
        yield picture if number < len(pictures) else crop(picture, float(rng.uniform(0.2, 0.9)), rng)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, help="folder of pictures [default: 12 drawn ones]")
    parser.add_argument("--unmarked", type=int, default=60, help="unmarked pictures and crops to search")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = load(options.images)
    found, wrong = dict.fromkeys(ATTACKS, 0), 0
    psnr, embed_ms, detect_ms = [], [], []
    for number, cover in enumerate(pictures):
        payload = np.random.default_rng(number).bytes(8)
        start = time.process_time()
        marked = watermark.embed(cover, payload, key=KEY)
        embed_ms.append(1000 * (time.process_time() - start))
        psnr.append(10 * math.log10(255**2 / np.mean((marked.astype(float) - cover) ** 2)))
        for name, attack in ATTACKS.items():
            attacked = attack(marked, np.random.default_rng(number))
            start = time.process_time()
            answer = watermark.detect(attacked, key=KEY).payload if min(attacked.shape[:2]) >= 64 else None
            if name == "untouched":
                detect_ms.append(1000 * (time.process_time() - start))
            found[name] += answer == payload
            wrong += answer not in {None, payload}
        print(f"{number + 1} of {len(pictures)} pictures", end="\r", file=sys.stderr, flush=True)
    alarms = sum(watermark.detect(p, key=KEY).present for p in unmarked(pictures, options.unmarked))
    print(f"{len(pictures)} pictures, PSNR mean {statistics.mean(psnr):.1f} dB, least {min(psnr):.1f} dB")
    print(
        f"CPU: embed {statistics.median(embed_ms):.0f} ms, detect untouched {statistics.median(detect_ms):.0f} ms"
    )
    print(f"wrong payloads: {wrong}; false alarms: {alarms} of {options.unmarked}\n")
    print("| attack | message |\n|---|--:|")
    for name, count in found.items():
        print(f"| {name} | {100 * count / len(pictures):.0f} % |")


if __name__ == "__main__":
    main()

"""Does a copy without metadata lead to its record, and nothing else to any? `make bench-credentials`.

Registered pictures are marked and fingerprinted as the service does it, then attacked; what is left must lead to the
right record, by watermark or by fingerprint. Pictures that were never registered must lead nowhere. A mark that is
carried over to another picture (here as well as anybody could: embedded there with the true key) must be noticed,
because the record's fingerprint shows another picture; a true copy must not be taken for that.
"""

import argparse
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

import watermark
from service.generators.builtin import draw
from service.lookalikes import Lookalikes
from service.runtime import open_lookalikes
from service.settings import Settings
from service.stores import Record, registry_sqlite
from watermark.fingerprint import fingerprint

Picture = np.ndarray
KEY = bytes(range(32))
WORDS = ("sea", "city", "forest", "desert", "mountains", "night city", "red flowers", "snow", "abstract")


def coded(image: Picture, format_: str, **options: int) -> Picture:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format_, **options)
    return np.asarray(Image.open(buffer).convert("RGB"))


def scaled(image: Picture, factor: float) -> Picture:
    return cv2.resize(
        image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    )


def cut(image: Picture, share: float, rng: np.random.Generator) -> Picture:
    height, width = (round(side * share**0.5) for side in image.shape[:2])
    y, x = (int(rng.integers(0, room + 1)) for room in (image.shape[0] - height, image.shape[1] - width))
    return np.ascontiguousarray(image[y : y + height, x : x + width])


def turned(image: Picture, degrees: float) -> Picture:
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1), (width, height)
    )


def meme(image: Picture) -> Picture:
    height, width = image.shape[:2]
    out = np.full((height + height // 4, width, 3), 255, np.uint8)
    out[height // 4 :] = image
    cv2.putText(
        out, "WHEN IT WORKS", (width // 20, height // 6), cv2.FONT_HERSHEY_SIMPLEX, width / 350, (0, 0, 0), 3
    )
    return out


def covered(image: Picture, rng: np.random.Generator) -> Picture:
    out, (height, width) = image.copy(), image.shape[:2]
    y, x = int(rng.integers(0, height // 2)), int(rng.integers(0, width // 2))
    out[y : y + height // 2, x : x + width // 2] = 0
    return out


Attack = Callable[[Picture, np.random.Generator], Picture]
ATTACKS: dict[str, Attack] = {
    "none": lambda p, r: p,
    "jpeg 50": lambda p, r: coded(p, "JPEG", quality=50),
    "jpeg 10": lambda p, r: coded(p, "JPEG", quality=10),
    "webp 30": lambda p, r: coded(p, "WEBP", quality=30),
    "resize 50 %": lambda p, r: scaled(p, 0.5),
    "resize 25 %": lambda p, r: scaled(p, 0.25),
    "crop 75 %": lambda p, r: cut(p, 0.75, r),
    "crop 50 %": lambda p, r: cut(p, 0.5, r),
    "crop 25 %": lambda p, r: cut(p, 0.25, r),
    "rotate 10": lambda p, r: turned(p, 10),
    "rotate 90": lambda p, r: np.ascontiguousarray(np.rot90(p)),
    "mirror": lambda p, r: np.ascontiguousarray(p[:, ::-1]),
    "blur 4": lambda p, r: cv2.GaussianBlur(p, (0, 0), 4),
    "noise 25": lambda p, r: np.clip(p + r.normal(0, 25, p.shape), 0, 255).astype(np.uint8),
    "contrast": lambda p, r: np.clip((p.astype(float) - 128) * 1.5 + 128, 0, 255).astype(np.uint8),
    "grey": lambda p, r: cv2.cvtColor(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB),
    "meme": lambda p, r: meme(p),
    "quarter covered": covered,
    "crop, resize, jpeg": lambda p, r: coded(scaled(cut(turned(p, 3), 0.8, r), 0.9), "JPEG", quality=60),
}


def pictures(folder: Path | None, start: int, side: int) -> Iterator[Picture]:
    """Yield the folder's pictures, then drawn ones without end; `start` keeps two series apart."""
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"}:
            yield np.asarray(Image.open(path).convert("RGB"))
    for number in range(start, start + 1_000_000):
        yield draw(f"{WORDS[number % len(WORDS)]} {number}", number, side, side * 5 // 4)


def record(record_id: str, image: Picture) -> Record:
    height, width = image.shape[:2]
    return Record(
        id=record_id, created_at=datetime.now(UTC), kind="mark", tenant="default", generator="bench",
        generator_version="1", provider="bench", mime="image/png", width=width, height=height, sha256=record_id * 4,
        manifest_id=f"urn:c2pa:{record_id}", manifest=b"", watermark_key_id="bench", policy_version="1",
        action="allow", request_id="bench", fingerprint=fingerprint(image).to_bytes(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of pictures, used before drawn ones")
    parser.add_argument("--registered", type=int, default=100)
    parser.add_argument("--unregistered", type=int, default=200)
    parser.add_argument("--transplants", type=int, default=50)
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        registry = registry_sqlite.create(Path(folder) / "registry.sqlite")
        lookalikes = open_lookalikes(Settings(data_dir=Path(folder)), registry)
        marked: dict[str, Picture] = {}
        source = pictures(options.images, 0, options.side)
        while len(marked) < options.registered:
            image, record_id = next(source), registry.reserve(datetime.now(UTC))
            marked[record_id] = watermark.embed(image, bytes.fromhex(record_id), key=KEY)
            registry.put(record(record_id, marked[record_id]))
        result = {
            "registered": len(marked),
            "copies": copies(lookalikes, marked),
            "unregistered": strangers(lookalikes, options.unregistered, options.side),
            "transplants": transplants(lookalikes, marked, options.transplants, options.side),
        }
        registry.close()
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def copies(lookalikes: Lookalikes, marked: dict[str, Picture]) -> dict[str, dict[str, int]]:
    print(f"| copies of {len(marked)} pictures | either % | watermark % | fingerprint % | wrong | denied |")
    print("|---|--:|--:|--:|--:|--:|", flush=True)
    rows = {}
    for name, attack in ATTACKS.items():
        row = dict.fromkeys(("either", "watermark", "fingerprint", "wrong", "denied"), 0)
        for number, (record_id, image) in enumerate(marked.items()):
            copy = attack(image, np.random.default_rng(number))
            payload = watermark.detect(copy, key=KEY).payload
            found = [one.record_id for one in lookalikes.find(copy) if one.comparison.status == "match"]
            by_mark, by_print = payload == bytes.fromhex(record_id), found[:1] == [record_id]
            likeness = lookalikes.compare(copy, record_id)
            row["either"] += by_mark or by_print
            row["watermark"] += by_mark
            row["fingerprint"] += by_print
            row["wrong"] += (payload is not None and not by_mark) or (
                not by_mark and bool(found) and not by_print
            )
            row["denied"] += by_mark and likeness is not None and likeness.status == "no_match"
        rows[name] = row
        shares = (f"{100 * row[key] / len(marked):.1f}" for key in ("either", "watermark", "fingerprint"))
        print(f"| {name} | {' | '.join(shares)} | {row['wrong']} | {row['denied']} |", flush=True)
    return rows


def strangers(lookalikes: Lookalikes, count: int, side: int) -> dict[str, float]:
    row: dict[str, float] = {"pictures": count, "marked": 0, "match": 0, "similar": 0}
    source, spent = pictures(None, 500_000, side), 0.0
    for _ in range(count):
        image = next(source)
        row["marked"] += watermark.detect(image, key=KEY, effort="fast").payload is not None
        start = time.process_time()
        found = lookalikes.find(image)
        spent += time.process_time() - start
        for status in ("match", "similar"):
            row[status] += any(one.comparison.status == status for one in found)
    row["find_ms"] = round(1000 * spent / max(1, count), 1)
    print("unregistered:", row, flush=True)
    return row


def transplants(lookalikes: Lookalikes, marked: dict[str, Picture], count: int, side: int) -> dict[str, int]:
    """Put the ids of registered pictures into others and count how many comparisons say so."""
    row = {"pairs": count, "flagged": 0}
    source, ids = pictures(None, 700_000, side), list(marked)
    for number in range(count):
        record_id = ids[number % len(ids)]
        forged = watermark.embed(next(source), bytes.fromhex(record_id), key=KEY)
        likeness = lookalikes.compare(forged, record_id)
        row["flagged"] += likeness is not None and likeness.status == "no_match"
    print("transplants:", row, flush=True)
    return row


if __name__ == "__main__":
    main()

"""Does a copy without metadata lead to its record, and nothing else to any? `make bench-credentials`.

Pictures are marked, signed and registered as the service does it. Then each is put through a few distortions of the
watermark's suite, dealt like cards so that every distortion has its share, and the pixels alone are verified: the
report must name the right record, by watermark or by fingerprint, and no other. Pictures that were never registered
must lead nowhere (fingerprints only: false alarms of the watermark are `make calibrate-watermark`'s). A mark that was
carried over to another picture, embedded there with the true key as nobody else could, must be noticed, and a
true copy must not be taken for one.

About half an hour of CPU: ARGS="--images DIR DIR --registered 1000 --attacks 3 --unregistered 10000".
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

import watermark
from service.marking import Origin
from service.runtime import Runtime, build_runtime
from service.settings import Settings
from service.stages import StageTimes
from service.verification_report import VerificationReport
from tests.benchmarks.credential_pictures import registered, strangers
from tests.benchmarks.watermark.covers import Picture
from tests.benchmarks.watermark.suite import Entry, seeded, suite

APART = {"crop to 10 %, middle", "crop to 10 %, anywhere", "crop to 10 %, enlarged back",
         "one ninth on a blank page"}  # fmt: skip
"""Distortions that keep less than a quarter of the picture: counted, but not in the total."""

SIGNS = ("right", "watermark", "fingerprint", "wrong", "denied")


def encoded(image: Picture) -> bytes:
    """Return a PNG of the pixels and nothing else."""
    return cv2.imencode(".png", image[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()


def decoded(data: bytes) -> Picture:
    return np.ascontiguousarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1])


def mark(parts: Runtime, pictures: Iterable[tuple[str, Picture]]) -> dict[str, tuple[str, bytes]]:
    """Mark and register pictures; return name and pixels (PNG, to save memory) by record id.

    A picture that is found among those before it is left out and told: the folder has it twice, or it is a wrong
    match and the picture's copies could not be told from the other's.
    """
    marked = {}
    origin = Origin("generation", "bench", "1", "1", "allow", "bench")
    for name, image in pictures:
        same = [one for one in parts.lookalikes.find(image, most=1) if one.comparison.status == "match"]
        if same:
            print(f"not registered: {name} is taken for {marked[same[0].record_id][0]}", flush=True)
            continue
        done = parts.gateway._marker.mark(image, "png", origin, StageTimes())
        marked[done.id] = name, encoded(decoded(done.data))
    return marked


def deal(entries: list[Entry], each: int) -> Iterator[list[Entry]]:
    """Yield `each` different distortions for one picture after another, all distortions equally often."""
    rng, deck = seeded("deal"), []
    while True:
        hand: list[Entry] = []
        while len(hand) < each:
            deck = deck or [entries[index] for index in rng.permutation(len(entries))]
            hand.append(deck.pop())
        yield hand


def transplanted(report: VerificationReport) -> bool:
    return any(finding.code == "transplanted_watermark" for finding in report.findings)


def copies(
    parts: Runtime, marked: dict[str, tuple[str, bytes]], folders: list[Path], attacks: int
) -> dict[str, dict[str, int]]:
    """Attack and verify; return counts by distortion."""
    rows: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(("copies", *SIGNS), 0))
    others = [image for _, image in strangers(folders, 8)]
    hands = deal(suite(), attacks)
    for number, (record_id, (name, data)) in enumerate(marked.items()):
        for entry in next(hands):
            copy = entry.distort(decoded(data), seeded(name, entry.name), others[number % len(others)])
            report = parts.verifier.verify(encoded(copy))
            near = [o.record_id for o in parts.lookalikes.find(copy) if o.comparison.status == "match"]
            named = report.record.id if report.record else None
            signs = {
                "right": named == record_id,
                "watermark": report.signals.watermark.payload == record_id,
                "fingerprint": near[:1] == [record_id],
                "wrong": named not in {None, record_id} or bool(set(near) - {record_id}),
                "denied": transplanted(report),
            }
            row = rows[entry.name]
            row["copies"] += 1
            for sign, value in signs.items():
                row[sign] += value
            if not signs["right"] or signs["wrong"] or signs["denied"]:
                said = ", ".join(sign for sign, value in signs.items() if value) or "nothing"
                print(f"{entry.name}: {name} ({copy.shape[1]}x{copy.shape[0]}): {said}", flush=True)
    return {entry.name: rows[entry.name] for entry in suite() if entry.name in rows}


def total(rows: dict[str, dict[str, int]]) -> dict[str, int]:
    """Add up all rows but those of APART."""
    counted = [row for name, row in rows.items() if name not in APART]
    return {key: sum(row[key] for row in counted) for key in ("copies", *SIGNS)}


def print_table(rows: dict[str, dict[str, int]]) -> None:
    print("\n| copies | number | right record % | watermark % | fingerprint % | wrong record | denied |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, row in ({"all but crops under 25 %": total(rows)} | rows).items():
        shares = " | ".join(f"{100 * row[sign] / max(1, row['copies']):.1f}" for sign in SIGNS[:3])
        print(f"| {name} | {row['copies']} | {shares} | {row['wrong']} | {row['denied']} |")


def unregistered(parts: Runtime, folders: list[Path], number: int) -> dict[str, float]:
    """Search for strangers by fingerprint."""
    row: dict[str, float] = {"pictures": 0, "match": 0, "similar": 0}
    spent = 0.0
    for name, image in strangers(folders, number):
        start = time.process_time()
        found = parts.lookalikes.find(image)
        spent += time.process_time() - start
        row["pictures"] += 1
        for status in ("match", "similar"):
            row[status] += any(one.comparison.status == status for one in found)
        if found:
            print(f"stranger: {name}: {found[0].comparison}", flush=True)
    row["find_ms"] = round(1000 * spent / max(1, number), 1)
    return row


def transplants(parts: Runtime, ids: list[str], number: int) -> dict[str, int]:
    """Put the ids of registered pictures into others and count what the reports call them."""
    row = {"pairs": number, "contradicted": 0, "unconfirmed": 0, "not_noticed": 0}
    for record_id, (name, image) in zip((ids * number)[:number], strangers([], number), strict=True):
        image = cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)  # noqa: PLW2901
        forged = watermark.embed(image, bytes.fromhex(record_id), key=parts.keys.watermark)
        report = parts.verifier.verify(encoded(forged))
        said = "contradicted" if transplanted(report) else report.verdict
        row[said if said in row else "not_noticed"] += 1
        if said != "contradicted":
            print(f"carried over: {name}: {said}", flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", type=Path, nargs="+", default=[], help="folders of pictures, used before drawn ones"
    )
    parser.add_argument("--registered", type=int, default=100)
    parser.add_argument("--attacks", type=int, default=3, help="distortions of each registered picture")
    parser.add_argument("--unregistered", type=int, default=200)
    parser.add_argument("--transplants", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        parts = build_runtime(Settings(data_dir=Path(folder)))
        marked = mark(parts, registered(options.images, options.registered))
        print(f"{len(marked)} registered", flush=True)
        alone = unregistered(parts, options.images, options.unregistered)
        print(f"unregistered, searched by fingerprint alone: {alone}", flush=True)
        carried = transplants(parts, list(marked), options.transplants)
        print(f"transplants: {carried}", flush=True)
        rows = copies(parts, marked, options.images, options.attacks)
        print_table(rows)
        parts.close()
    result = {"registered": len(marked), "total": total(rows), "copies": rows,
              "unregistered": alone, "transplants": carried}  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

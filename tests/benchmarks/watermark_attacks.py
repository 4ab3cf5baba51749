"""The attacks: each yields rows that say what it achieved (watermark_outcomes.py)."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

import watermark
from tests.benchmarks import watermark_oracle
from tests.benchmarks.watermark_forgery import (
    FORGED_PSNR_DB,
    MARK_PSNR_DB,
    Knowledge,
    Picture,
    add_change,
    add_pattern,
    lattice,
    learn,
    psnr,
    spoil_own_fold,
    strongest,
    subtract_template,
)
from tests.benchmarks.watermark_outcomes import KEY, Row
from watermark.errors import ImageTooFlat

SIDE_PX = 512


@dataclass(frozen=True)
class Scene:
    """Pictures of one size: those that the attacker collects, those to be cleaned, those to be forged onto."""

    collected: list[Picture]
    victims: list[Picture]
    clean: list[Picture]
    seed: int

    def payload(self, number: int) -> bytes:
        return np.random.default_rng([self.seed, number]).bytes(8)


def residual(marked: Picture) -> NDArray[np.float32]:
    """What a denoiser takes away, float32 (H, W, 3): an outsider's guess of the mark."""
    return marked.astype(np.float32) - denoised(marked, 4)


def denoised(picture: Picture, strength: float) -> Picture:
    return np.asarray(cv2.fastNlMeansDenoisingColored(picture, None, strength, strength, 5, 13))


def averaging(scene: Scene, counts: Sequence[int], *, same_payload: bool) -> Iterator[Row]:
    """Collect n marked pictures, average what they have in common, subtract it or paste it."""
    payload = (lambda _: scene.payload(0)) if same_payload else scene.payload
    marked = [watermark.embed(p, payload(i), key=KEY) for i, p in enumerate(scene.collected)]
    residuals = [residual(picture) for picture in marked]
    registered = {payload(i): picture for i, picture in enumerate(marked)}
    own = [payload(1000 + i) for i in range(len(scene.victims))]
    victims = [watermark.embed(p, bits, key=KEY) for p, bits in zip(scene.victims, own, strict=True)]
    ids = "one id" if same_payload else "different ids"
    for count in counts:
        known = learn(marked[:count], residuals[:count])
        sizes = ", ".join(str(len(group.members)) for group in known.groups) or "none"
        needs = f"{count} marked pictures, {ids}"
        removals: dict[str, Callable[[Picture], Picture]] = {
            "average, subtract": partial(add_change, change=known.naive, psnr_db=MARK_PSNR_DB, sign=-1),
            f"align (groups: {sizes}), average, subtract": partial(subtract_template, known=known),
            "find the pilots by their power, turn the signs of half": partial(
                spoil_own_fold, rows=known.pilots(), rng=np.random.default_rng(count)
            ),
        }
        for name, attack in removals.items():
            row = Row("remove", name, needs)
            for victim, bits in zip(victims, own, strict=True):
                row.removal(attack(victim), victim, bits, registered)
            yield row
        yield from _forging(scene, known, needs, registered)


def _forging(
    scene: Scene, known: Knowledge, needs: str, registered: Mapping[bytes, Picture]
) -> Iterator[Row]:
    plain = Row("forge", "average, paste", needs)
    aligned = Row("forge", "align, average, paste", needs)
    for clean in scene.clean:
        plain.forgery(add_change(clean, known.naive, FORGED_PSNR_DB), clean, registered)
        if known.groups:
            template = known.template(known.groups[0])
            aligned.forgery(add_pattern(clean, template, FORGED_PSNR_DB), clean, registered)
    yield plain
    if known.groups:
        yield aligned


def copying(scene: Scene) -> Iterator[Row]:
    """Lift the mark of one picture onto others."""
    bits = scene.payload(0)
    sources = [watermark.embed(p, bits, key=KEY) for p in scene.victims[:4]]
    pairs = [(source, clean) for source in sources for clean in scene.clean]
    for level in (MARK_PSNR_DB, FORGED_PSNR_DB - 3):
        row = Row("forge", f"what a denoiser takes away, pasted at {level:.1f} dB", "1 marked picture")
        for source, clean in pairs:
            row.forgery(add_change(clean, residual(source), level), clean, {bits: source})
        yield row
    for level in (MARK_PSNR_DB, FORGED_PSNR_DB - 3):
        row = Row("forge", f"fold at the known period, pasted at {level:.1f} dB", "1 marked picture")
        for source, clean in pairs:
            row.forgery(add_pattern(clean, lattice(source), level), clean, {bits: source})
        yield row
    for count in (48, 100):
        row = Row("remove", f"turn the signs of half of its own {count} strongest harmonics", "the picture")
        for number, cover in enumerate(scene.victims):
            victim = watermark.embed(cover, scene.payload(number), key=KEY)
            after = spoil_own_fold(victim, strongest(victim, count), np.random.default_rng(number))
            row.removal(after, victim, scene.payload(number))
        yield row


def flat_request(scene: Scene) -> Iterator[Row]:
    """Have a flat picture marked, take the difference, paste it."""
    bits = scene.payload(0)
    flat = np.full((SIDE_PX, SIDE_PX, 3), 128, np.uint8)
    noisy = np.clip(flat + np.random.default_rng(scene.seed).normal(0, 3, flat.shape), 0, 255).astype(
        np.uint8
    )
    for name, picture in (("flat grey", flat), ("grey with noise of 3 levels", noisy)):
        for refuse in (False, True):
            row = Row(
                "forge", f"{name}, refusal {'on' if refuse else 'off'}: difference pasted", "one request"
            )
            try:
                marked = watermark.embed(picture, bits, key=KEY, refuse_flat=refuse)
            except ImageTooFlat:
                row.attack = f"{name}, refusal on: refused, nothing to paste"
                yield row
                continue
            # whatever the picture holds, the attacker holds it too: the difference is the pattern itself
            for clean in scene.clean:
                lifted = _difference_lattice(marked, picture)
                row.forgery(add_pattern(clean, lifted, MARK_PSNR_DB), clean, {bits: marked})
            yield row


def _difference_lattice(marked: Picture, original: Picture) -> NDArray[np.complex128]:
    middle = np.full(marked.shape, 128.0)
    return lattice(np.clip(middle + 20.0 * (marked.astype(float) - original), 0, 255).astype(np.uint8))


def washing(scene: Scene) -> Iterator[Row]:
    """No knowledge at all: denoise, or mark over the mark."""
    own = [scene.payload(i) for i in range(len(scene.victims))]
    victims = [watermark.embed(p, bits, key=KEY) for p, bits in zip(scene.victims, own, strict=True)]

    def overwritten(picture: Picture, times: int) -> Picture:
        for number in range(times):
            other = np.random.default_rng([scene.seed, number, 7]).bytes(32)
            picture = watermark.embed(picture, scene.payload(500 + number), key=other)
        return picture

    attacks: dict[str, Callable[[Picture], Picture]] = {
        "non-local means, h = 6": lambda p: denoised(p, 6),
        "non-local means, h = 12": lambda p: denoised(p, 12),
        "non-local means, h = 20": lambda p: denoised(p, 20),
        "bilateral, 9 px, 60 levels": lambda p: cv2.bilateralFilter(p, 9, 60, 5),
        "marked over with 1 other key": lambda p: overwritten(p, 1),
        "marked over with 5 other keys": lambda p: overwritten(p, 5),
        "marked over with the same key, another id (both are looked for)": lambda p: watermark.embed(
            p, scene.payload(600), key=KEY
        ),
    }
    for name, attack in attacks.items():
        row = Row("remove", name, "the picture")
        for victim, bits in zip(victims, own, strict=True):
            row.removal(attack(victim), victim, bits, [scene.payload(600)])
        yield row


def climbing(scene: Scene, most: int) -> Iterator[Row]:
    """Ask the public answer."""
    row = Row("remove", f"hill climb on the three-level answer, at most {most} questions", "the answer")
    steps: list[str] = []
    for number, cover in enumerate(scene.victims[:2]):
        bits = scene.payload(number)
        victim = watermark.embed(cover, bits, key=KEY)
        oracle = watermark_oracle.Oracle(KEY)
        best, shown = victim, {}
        for asked, better in watermark_oracle.remove(
            victim, oracle, most, np.random.default_rng(scene.seed + number)
        ):
            best, shown[asked] = better, psnr(better, victim)
        row.removal(best, victim, bits)
        if shown:
            first, last = next(iter(shown.items())), max(shown.items())
            steps.append(f"{first[1]:.1f} dB after {first[0]}, {last[1]:.1f} after {last[0]}")
    row.attack += f" ({'; '.join(steps)})"
    yield row

    row, questions = (
        Row("forge", "fold of one picture, weakest that the answer accepts", "1 marked picture, the answer"),
        [],
    )
    for number, clean in enumerate(scene.clean):
        bits = scene.payload(number)
        source = watermark.embed(scene.victims[number % len(scene.victims)], bits, key=KEY)
        oracle = watermark_oracle.Oracle(KEY)
        forged = watermark_oracle.forge(clean, lattice(source), oracle)
        questions.append(oracle.asked)
        row.forgery(clean if forged is None else forged, clean, {bits: source})
    row.attack += f" ({statistics.mean(questions):.0f} questions)"
    yield row

    row = Row("forge", f"{most} tiles of random keys on a clean picture, each asked about", "the answer")
    oracle, answers = watermark_oracle.Oracle(KEY), []
    clean = cv2.resize(scene.clean[0], (SIDE_PX // 2, SIDE_PX // 2), interpolation=cv2.INTER_AREA)
    for number in range(most):
        other = np.random.default_rng([scene.seed, number]).bytes(32)
        answers.append(oracle(watermark.embed(clean, scene.payload(number), key=other)))
    row.shown, row.read = [a == "detected" for a in answers], [False] * most
    row.attack += f" ({sum(a == 'possible' for a in answers)} possible)"
    yield row

"""What an attack on the invisible watermark achieved: one row, and the table of all."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import watermark
from tests.benchmarks.watermark_forgery import Picture, psnr
from watermark.fingerprint import fingerprint
from watermark.fingerprint_match import compare

KEY = bytes(range(32))


@dataclass
class Row:
    """Outcomes of one attack.

    Attributes:
        goal: "remove" | "forge".
        attack: what was done.
        needs: what the attacker must have.
        shown: for each picture tried, whether the mark (a mark) is detected afterwards.
        read: and whether an id that the service had given out was read.
        contradicted: for each id read off a forgery, whether the fingerprint of the registered picture says that this
            is another picture.
        wrong: messages that the service never gave out.
        cost_db: PSNR of each picture tried.

    """

    goal: str
    attack: str
    needs: str
    shown: list[bool] = field(default_factory=list)
    read: list[bool] = field(default_factory=list)
    contradicted: list[bool] = field(default_factory=list)
    wrong: int = 0
    cost_db: list[float] = field(default_factory=list)

    def removal(self, picture: Picture, before: Picture, issued: bytes, others: Iterable[bytes] = ()) -> None:
        """Ask the detector about a picture that was marked with `issued`; `others` were given out too."""
        messages = self._ask(picture, before)
        self.read.append(issued in messages)
        self.wrong += len(messages - {issued, *others})

    def forgery(self, picture: Picture, before: Picture, registered: Mapping[bytes, Picture]) -> None:
        """Ask the detector, and compare with the registered picture whose id is read, as the service does."""
        messages = self._ask(picture, before)
        read = sorted(messages & registered.keys())
        self.read.append(bool(read))
        self.wrong += len(messages - registered.keys())
        if read:
            original = fingerprint(registered[read[0]])
            self.contradicted.append(compare(fingerprint(picture), original).status == "no_match")

    def _ask(self, picture: Picture, before: Picture) -> set[bytes]:
        found = watermark.detect(picture, key=KEY)
        self.shown.append(found.present)
        self.cost_db.append(psnr(picture, before))
        return {m for m in (found.payload, *(other.payload for other in found.others)) if m is not None}

    def line(self) -> str:
        """One line of the table."""
        tried = len(self.shown)
        cost = f"{statistics.mean(self.cost_db):.1f}" if self.cost_db else "-"
        answered = f"{sum(self.contradicted)} of {len(self.contradicted)}"
        last = f"{cost} | {answered}" if self.goal == "forge" else cost
        return f"| {self.attack} | {self.needs} | {sum(self.shown)} of {tried} | {sum(self.read)} of {tried} | {last} |"


def report(rows: Iterable[Row]) -> str:
    """Lay the rows out as two tables."""
    rows = list(rows)
    head = {
        "remove": "| attack | needs | still detected | id still read | PSNR dB |\n|---|---|--:|--:|--:|",
        "forge": "| attack | needs | shown as marked | id read | PSNR dB | fingerprint says no |\n"
        "|---|---|--:|--:|--:|--:|",
    }
    titles = {"remove": "**Removal**: the fewer the worse.", "forge": "**Forging**: the more the worse."}
    parts = []
    for goal in ("remove", "forge"):
        lines = "\n".join(row.line() for row in rows if row.goal == goal)
        parts.append(f"{titles[goal]}\n\n{head[goal]}\n{lines}\n")
    wrong = sum(row.wrong for row in rows)
    parts.append(f"Messages read that the service never gave out: {wrong}.\n")
    return "\n".join(parts)

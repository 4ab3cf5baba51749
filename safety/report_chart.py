"""The bar chart of a moderation report as numbers, drawn alike in HTML (SVG) and PDF.

At most MAX_BARS stacked bars; a longer report has bars of several days each.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from safety.report_counts import Tally

MAX_BARS = 62  # two months of days: at 640 px wide a bar and its gap are still 10 px


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: the days it covers and its three parts, in entries."""

    first_day: str
    last_day: str
    allowed: int
    blocked: int
    failed: int

    @property
    def total(self) -> int:
        """The height of the bar, in entries."""
        return self.allowed + self.blocked + self.failed

    @property
    def label(self) -> str:
        """The day, or the first and the last of them."""
        return self.first_day if self.first_day == self.last_day else f"{self.first_day} to {self.last_day}"


@dataclass(frozen=True, slots=True)
class Chart:
    """All bars, the value of the topmost grid line, and the values of the grid lines from 0 up.

    The last bar may cover fewer days than `days_per_bar`.
    """

    bars: tuple[Bar, ...]
    days_per_bar: int
    top: int
    ticks: tuple[int, ...]


def lay_out(days: Sequence[Tally]) -> Chart:
    """Group the days (in order, none missing) into bars and choose the scale."""
    width = math.ceil(len(days) / MAX_BARS)
    bars = []
    for start in range(0, len(days), width):
        group = days[start : start + width]
        sums = (sum(getattr(day, part) for day in group) for part in ("allowed", "blocked", "failed"))
        bars.append(Bar(group[0].name, group[-1].name, *sums))
    step = _round_step(max((bar.total for bar in bars), default=0))
    count = max(1, math.ceil(max((bar.total for bar in bars), default=0) / step))
    return Chart(tuple(bars), width, step * count, tuple(step * line for line in range(count + 1)))


def _round_step(highest: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50 ... that spans `highest` in at most five steps."""
    power = 1
    while True:
        for factor in (1, 2, 5):
            if factor * power * 5 >= highest:
                return factor * power
        power *= 10

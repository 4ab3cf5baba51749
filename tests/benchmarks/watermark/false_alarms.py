"""What is found where nothing is: p-values of unmarked pictures, and of marked ones under a wrong key.

If p-values are honest, a share of at most x of unmarked pictures has p <= x. This is the tail that a threshold cuts;
`make calibrate-watermark` measures it on thousands of searches.
"""

from collections.abc import Callable, Iterator

import watermark
from tests.benchmarks.watermark.covers import KINDS, Cover, Picture, draw
from tests.benchmarks.watermark.geometry import cropped
from tests.benchmarks.watermark.methods import KEY
from tests.benchmarks.watermark.suite import seeded

WRONG_KEY = bytes(range(100, 132))


def unmarked(covers: list[Cover], count: int) -> Iterator[Picture]:
    """The covers, then crops of them and drawn pictures in turn; `count` in all."""
    kinds = list(KINDS)
    for number in range(count):
        if number < len(covers):
            yield covers[number].image
        elif number % 2:
            rng = seeded("unmarked", str(number))
            yield cropped(covers[number % len(covers)].image, float(rng.uniform(0.3, 0.9)), rng)
        else:
            yield draw(kinds[number // 2 % len(kinds)], 5000 + number, 512, 640)


def search_unmarked(
    covers: list[Cover], count: int, wrong_key_on: int, progress: Callable[[str], None]
) -> dict[str, object]:
    """Search `count` unmarked pictures, and `wrong_key_on` marked ones with another key.

    Returns:
        p_values: of the unmarked; alarms, payloads: how many were called present, or gave a message;
        wrong_key: the same two counts and the number tried.

    """
    answers = []
    for number, image in enumerate(unmarked(covers, count)):
        answers.append(watermark.detect(image, key=KEY))
        if number % 20 == 19:
            progress(f"unmarked {number + 1} of {count}")
    marked = [watermark.embed(c.image, bytes(8), key=KEY) for c in covers[:wrong_key_on]]
    others = [watermark.detect(image, key=WRONG_KEY) for image in marked]
    return {
        "p_values": sorted(a.p_value for a in answers),
        "alarms": sum(a.present for a in answers),
        "payloads": sum(a.payload is not None for a in answers),
        "wrong_key": {
            "tried": len(others),
            "alarms": sum(a.present for a in others),
            "payloads": sum(a.payload is not None for a in others),
        },
    }

"""Many pictures at once: `embed_batch` and `detect_batch`.

On a GPU the front end, the spectra and the coherent tests of level 0 (search.py) run in torch for a batch of pictures
of one size; what is not read there goes on alone, on the CPU, from the residuals that were made. On a CPU torch is
slower than numpy one picture after the other (NOTES.md has the figures), so there pictures are worked on side by side
in threads: OpenCV and the transforms release the interpreter. Either way the answer is that of `detect`.

torch is imported when a device is asked for or looked for, never by `import watermark`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ctypes.util import find_library
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from watermark.detection import Detection, answer, check_request, detect
from watermark.embedding import embed
from watermark.errors import BadPayload
from watermark.inputs import SHORTEST_SEARCHED_PX, AnyImage, Picture, check_image
from watermark.search import SEARCHED_PX

if TYPE_CHECKING:
    from watermark.torch_search import PreparedSearch

Item = TypeVar("Item")
Result = TypeVar("Result")

PIXELS_AT_ONCE = {"cpu": 400_000, "cuda": 16_000_000}
"""Searched pixels that torch works on at a time, about 120 bytes of device memory each at the peak."""


def embed_batch(
    images: Sequence[Picture], payloads: Sequence[bytes], *, key: bytes, threads: int = 1, **options: Any
) -> list[Picture]:
    """Mark several pictures, each with its own payload.

    Args:
        images: as many as payloads.
        payloads: 8 bytes each.
        key: of all.
        threads: pictures that are worked on side by side.
        options: of all, as `embed` takes them: profile, strength, refuse_flat, replace.

    Returns:
        One marked picture for each, in their order.

    Raises:
        BadPayload: not one payload a picture; and what `embed` raises, for the first picture that it refuses.

    """
    if len(images) != len(payloads):
        raise BadPayload(f"payloads: got {len(payloads)} for {len(images)} images, expected one each")

    def one(pair: tuple[Picture, bytes]) -> Picture:
        return embed(*pair, key=key, **options)

    return _side_by_side(one, zip(images, payloads, strict=True), threads)


def detect_batch(
    images: Sequence[AnyImage],
    *,
    key: bytes | Sequence[bytes],
    effort: str = "normal",
    localize: bool = False,
    device: str | None = None,
    threads: int = 1,
) -> list[Detection]:
    """Look for the mark in several pictures; arguments, answers and errors are those of `detect`.

    Args:
        images: of any sizes; those of one size share a batch.
        key: one key or several, searched in all pictures.
        effort: spent on each.
        localize: whether each answer has a map.
        device: where torch runs level 0, such as "cuda" or "cpu"; None: CUDA where there is a device, else no torch.
        threads: pictures that are searched side by side, beyond level 0 if that runs in torch.

    Returns:
        One answer a picture, in their order.

    """
    if device is None:
        device = _cuda()
    if device is None:
        one = partial(detect, key=key, effort=effort, localize=localize)
        return _side_by_side(one, images, threads)

    from watermark.torch_search import prepare  # noqa: PLC0415 - torch takes two seconds to import

    tiles = check_request(key, effort)
    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        groups[check_image(image, SHORTEST_SEARCHED_PX).shape[:2]].append(number)

    def finish(search: "PreparedSearch") -> Detection:
        search.run(effort)
        return answer(search, localize=localize)

    found: dict[int, Detection] = {}
    for size, members in groups.items():
        count = max(
            1, PIXELS_AT_ONCE["cpu" if device == "cpu" else "cuda"] // min(size[0] * size[1], SEARCHED_PX)
        )
        for start in range(0, len(members), count):
            chosen = members[start : start + count]
            searches = prepare(tiles, [images[number] for number in chosen], device)
            found |= zip(chosen, _side_by_side(finish, searches, threads), strict=True)
    return [found[number] for number in range(len(images))]


def _cuda() -> str | None:
    """Name the CUDA device if there is one; torch is imported only where there is a driver."""
    if find_library("cuda") is None and find_library("nvcuda") is None:
        return None
    import torch  # noqa: PLC0415 - see the module

    return "cuda" if torch.cuda.is_available() else None


def _side_by_side(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> list[Result]:
    """Map in order, on several threads if asked for."""
    if threads <= 1:
        return [work(item) for item in items]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, items))

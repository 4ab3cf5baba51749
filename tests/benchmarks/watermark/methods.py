"""The marks that are compared: ours, and those that anyone can install from PyPI, as their documentation calls them.

The peers are installed apart (`make bench-watermark-peers` fills build/peers without touching the environment); without
them the run says so. None of them has a verdict of its own, so what they read is compared with what was written.
"""

import contextlib
import importlib
import io
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import watermark
from tests.benchmarks.watermark.covers import Picture

KEY = bytes(range(32))
PEERS_FOLDER = Path("build/peers")
PEER_BYTES = 4
"""The peers' usual message of 32 bits; 64 bits make them weaker."""


@dataclass(frozen=True)
class Method:
    """One way to mark.

    Attributes:
        name: as shown.
        payload_bytes: of a message.
        embed: takes uint8 (H, W, 3) RGB and a payload, gives the marked picture.
        read: gives the payload or None, and whether a mark was found (None: the method does not say).

    """

    name: str
    payload_bytes: int
    embed: Callable[[Picture, bytes], Picture]
    read: Callable[[Picture], tuple[bytes | None, bool | None]]


def ours(strength: float = 1.0, profile: str | None = None) -> Method:
    """The public API of this project under one fixed key."""
    options = {} if profile is None else {"profile": profile}

    def read(image: Picture) -> tuple[bytes | None, bool]:
        if min(image.shape[:2]) < watermark.inputs.SHORTEST_SEARCHED_PX:
            return None, False
        found = watermark.detect(image, key=KEY)
        return found.payload, found.present

    return Method(
        "countermark",
        8,
        lambda image, payload: watermark.embed(image, payload, key=KEY, strength=strength, **options),
        read,
    )


def peers() -> tuple[list[Method], list[str]]:
    """The peers that are installed, and a sentence for each that is not."""
    if PEERS_FOLDER.is_dir() and str(PEERS_FOLDER) not in sys.path:
        sys.path.append(str(PEERS_FOLDER))  # last: nothing of theirs may hide ours
    found: list[Method] = []
    absent: list[str] = []
    makers = {name: lambda name=name: _of_imwatermark(name) for name in ("dwtDct", "dwtDctSvd", "rivaGan")}
    for name, make in {**makers, "blind-watermark": _blind_watermark}.items():
        try:
            found.append(make())
        except (ImportError, OSError, RuntimeError) as error:
            absent.append(f"{name}: not measured ({error}); `make bench-watermark-peers` installs it")
    return found, absent


def _of_imwatermark(method: str) -> Method:
    """PyPI invisible-watermark; its pictures are BGR."""
    library = importlib.import_module("imwatermark")
    if method == "rivaGan":
        library.WatermarkEncoder.loadModel()

    def embed(image: Picture, payload: bytes) -> Picture:
        encoder = library.WatermarkEncoder()
        encoder.set_watermark("bytes", payload)
        return _swapped(encoder.encode(_swapped(image), method).astype(np.uint8))

    def read(image: Picture) -> tuple[bytes | None, None]:
        decoder = library.WatermarkDecoder("bytes", 8 * PEER_BYTES)
        return _unless_refused(lambda: bytes(decoder.decode(_swapped(image), method))), None

    return Method(method, PEER_BYTES, embed, read)


def _blind_watermark() -> Method:
    """PyPI blind-watermark in bit mode with its example passwords; its pictures are BGR, its output is not rounded."""
    with contextlib.redirect_stdout(io.StringIO()):
        library = importlib.import_module("blind_watermark")

    def new() -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return library.WaterMark(password_wm=1, password_img=1)

    def embed(image: Picture, payload: bytes) -> Picture:
        marker = new()
        marker.read_img(img=_swapped(image))
        marker.read_wm([bool(b) for b in np.unpackbits(np.frombuffer(payload, np.uint8))], mode="bit")
        return _swapped(np.clip(np.rint(marker.embed()), 0, 255).astype(np.uint8))

    def extract(image: Picture) -> bytes:
        bits = new().extract(embed_img=_swapped(image), wm_shape=8 * PEER_BYTES, mode="bit")
        return np.packbits(np.asarray(bits) >= 0.5).tobytes()

    return Method("blind-watermark", PEER_BYTES, embed, lambda i: (_unless_refused(lambda: extract(i)), None))


def _swapped(image: Picture) -> Picture:
    return np.ascontiguousarray(image[..., ::-1])


def _unless_refused(read: Callable[[], bytes]) -> bytes | None:
    """A reader that raises on a picture (too small, for most) has not read it."""
    try:
        return read()
    except Exception:  # noqa: BLE001 - the peers raise whatever their arrays raise
        return None

"""The suite: every distortion by name, in groups, and the sweeps over one distortion's strength.

A distortion takes the marked picture, a generator seeded by the picture's and the distortion's names, and another
picture of the run (for collages), and gives the picture that is searched. Nothing else reaches the detector.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tests.benchmarks.watermark import capture, composing, compression, geometry, toning
from tests.benchmarks.watermark.covers import Picture

Distortion = Callable[[Picture, np.random.Generator, Picture], Picture]


@dataclass(frozen=True)
class Entry:
    """One row of the table.

    Attributes:
        name: as shown.
        group: of the compact table.
        distort: see the module.
        quick: whether the short run has it.

    """

    name: str
    group: str
    distort: Distortion
    quick: bool = False


def _only(distort: Callable[[Picture], Picture]) -> Distortion:
    """A distortion that needs nothing but the picture."""
    return lambda image, rng, other: distort(image)


def seeded(*names: str) -> np.random.Generator:
    """A generator that names alone decide: results do not depend on the order of a run."""
    return np.random.default_rng(zlib.crc32("|".join(names).encode()))


def suite() -> list[Entry]:
    """Every distortion that this machine's Pillow can do."""
    return [
        *_compressions(),
        *_scalings(),
        *_movements(),
        *_crops(),
        *_filters(),
        *_tones(),
        *_compositions(),
    ]


def left_out() -> list[str]:
    """What the suite would have if Pillow had the codecs."""
    codecs = {".avif": "AVIF", ".jxl": "JPEG XL"}
    return [name for extension, name in codecs.items() if not compression.has_codec(extension)]


def _compressions() -> list[Entry]:
    c, group = compression, "compression"
    rows = [Entry("untouched", "untouched", lambda i, r, o: i, quick=True)]
    for quality in (90, 75, 50, 40, 30, 20, 10):
        quick = quality in {50, 20, 10}
        rows.append(Entry(f"JPEG {quality}", group, lambda i, r, o, q=quality: c.jpeg(i, q), quick))
    rows += [
        Entry("JPEG 50, 4:4:4", group, lambda i, r, o: c.jpeg(i, 50, c.CHROMA_444)),
        Entry(
            "JPEG 60, then 50 on another grid",
            group,
            lambda i, r, o: c.jpeg_twice_misaligned(i, 60, 50),
            quick=True,
        ),
        Entry("WebP 80", group, lambda i, r, o: c.through(i, "WEBP", quality=80)),
        Entry("WebP 50", group, lambda i, r, o: c.through(i, "WEBP", quality=50)),
        Entry("WebP 30", group, lambda i, r, o: c.through(i, "WEBP", quality=30), quick=True),
        Entry("JPEG 2000 30:1", group, lambda i, r, o: c.jpeg2000(i, 30)),
        Entry("JPEG 2000 60:1", group, lambda i, r, o: c.jpeg2000(i, 60), quick=True),
    ]
    if c.has_codec(".avif"):
        for quality in (50, 30):
            rows.append(
                Entry(
                    f"AVIF {quality}",
                    group,
                    lambda i, r, o, q=quality: c.through(i, "AVIF", quality=q, speed=10),
                )
            )
    if c.has_codec(".jxl"):
        rows.append(Entry("JPEG XL 50", group, lambda i, r, o: c.through(i, "JXL", quality=50)))
    rows += [
        Entry("colour at an eighth of the resolution", group, lambda i, r, o: c.coarse_chroma(i, 8)),
        Entry("palette of 32 colours", group, lambda i, r, o: c.palette(i, 32, dithered=False), quick=True),
        Entry("palette of 32, dithered", group, lambda i, r, o: c.palette(i, 32, dithered=True)),
        Entry("4 levels a channel, ordered dither", group, lambda i, r, o: c.ordered_dither(i, 4)),
    ]
    return rows


def _scalings() -> list[Entry]:
    g, group = geometry, "scaling"
    rows = []
    for share in (0.75, 0.5, 0.25):
        name = f"resize {share:.0%}".replace("%", " %")
        rows.append(Entry(name, group, lambda i, r, o, s=share: g.scaled(i, s), share < 0.6))
        rows.append(
            Entry(f"{name} and back", group, lambda i, r, o, s=share: g.scaled_and_back(i, s), share < 0.3)
        )
    rows += [
        Entry("enlarge 150 %", group, lambda i, r, o: g.scaled(i, 1.5)),
        Entry("enlarge 200 % (Lanczos), sharpen", group, lambda i, r, o: g.enlarged_and_sharpened(i, 2.0)),
        Entry("width 90 %", group, lambda i, r, o: g.scaled(i, 0.9, 1.0), quick=True),
        Entry("width 85 %, height 110 %", group, lambda i, r, o: g.scaled(i, 0.85, 1.1)),
    ]
    return rows


def _movements() -> list[Entry]:
    g, group = geometry, "geometry"
    rows = [
        Entry(f"rotate {degrees}°", group, lambda i, r, o, d=degrees: g.rotated(i, d), degrees in {5, 45})
        for degrees in (1, 5, 10, 30, 45, 77)
    ]
    rows += [
        Entry("rotate 90°", group, lambda i, r, o: np.ascontiguousarray(np.rot90(i))),
        Entry("straighten 7°", group, lambda i, r, o: g.straightened(i, 7)),
        Entry("mirror", group, lambda i, r, o: np.ascontiguousarray(i[:, ::-1]), quick=True),
        Entry("upside down", group, lambda i, r, o: np.ascontiguousarray(i[::-1])),
        Entry("perspective 3 %", group, lambda i, r, o: g.perspective(i, r, 0.03), quick=True),
        Entry("perspective 6 %", group, lambda i, r, o: g.perspective(i, r, 0.06)),
        Entry("shear 2°", group, lambda i, r, o: g.sheared(i, 2), quick=True),
        Entry("shear 5°", group, lambda i, r, o: g.sheared(i, 5)),
        Entry("elastic 1 px", group, lambda i, r, o: g.elastic(i, r, 1.0), quick=True),
        Entry("elastic 2 px", group, lambda i, r, o: g.elastic(i, r, 2.0)),
        Entry("barrel distortion 3 %", group, lambda i, r, o: g.barrel(i, 0.03)),
        Entry("seam carving 3 %", group, lambda i, r, o: g.seams_removed(i, 0.03)),
    ]
    return rows


def _crops() -> list[Entry]:
    g, rows = geometry, []
    for area in (0.75, 0.5, 0.25, 0.10):
        name = f"{area:.0%}".replace("%", " %")
        quick = area < 0.6
        rows += [
            Entry(f"crop to {name}, middle", "crops", lambda i, r, o, a=area: g.cropped(i, a)),
            Entry(f"crop to {name}, anywhere", "crops", lambda i, r, o, a=area: g.cropped(i, a, r), quick),
            Entry(
                f"crop to {name}, enlarged back", "crops", lambda i, r, o, a=area: g.cropped_and_back(i, a, r)
            ),
        ]
    return rows


def _filters() -> list[Entry]:
    t, group = toning, "noise and filters"
    return [
        Entry("noise 5", group, lambda i, r, o: t.noise(i, 5, r)),
        Entry("noise 10", group, lambda i, r, o: t.noise(i, 10, r), quick=True),
        Entry("noise 25", group, lambda i, r, o: t.noise(i, 25, r)),
        Entry("salt and pepper 2 %", group, lambda i, r, o: t.salt_and_pepper(i, 0.02, r)),
        Entry("film grain 8", group, lambda i, r, o: t.film_grain(i, 8, r), quick=True),
        Entry("blur 1", group, lambda i, r, o: cv2.GaussianBlur(i, (0, 0), 1)),
        Entry("blur 2", group, lambda i, r, o: cv2.GaussianBlur(i, (0, 0), 2), quick=True),
        Entry("blur 4", group, lambda i, r, o: cv2.GaussianBlur(i, (0, 0), 4), quick=True),
        Entry("motion blur 9 px", group, lambda i, r, o: t.motion_blur(i, 9)),
        Entry("median 3", group, lambda i, r, o: cv2.medianBlur(i, 3)),
        Entry("median 5", group, lambda i, r, o: cv2.medianBlur(i, 5)),
        Entry("bilateral filter", group, _only(t.bilateral), quick=True),
        Entry("non-local means", group, _only(t.means_of_similar_patches)),
        Entry("wavelet denoising", group, lambda i, r, o: t.wavelet_shrunk(i, 12)),
        Entry("sharpen", group, lambda i, r, o: t.sharpened(i, 1.0, 1.0)),
        Entry("unsharp mask 2 px, 150 %", group, lambda i, r, o: t.sharpened(i, 1.5, 2.0)),
    ]


def _tones() -> list[Entry]:
    t, group = toning, "tone and colour"
    return [
        Entry("brightness 0.5", group, lambda i, r, o: t.toned(i, lambda v: v * 0.5), quick=True),
        Entry("brightness 1.5", group, lambda i, r, o: t.toned(i, lambda v: v * 1.5)),
        Entry("contrast 0.5", group, lambda i, r, o: t.contrast(i, 0.5)),
        Entry("contrast 1.5", group, lambda i, r, o: t.contrast(i, 1.5)),
        Entry("gamma 0.7", group, lambda i, r, o: t.gamma(i, 0.7)),
        Entry("gamma 1.4", group, lambda i, r, o: t.gamma(i, 1.4)),
        Entry("hue 18°, saturation 1.3", group, lambda i, r, o: t.hue_turned(i, 18, 1.3)),
        Entry("grey", group, _only(t.grey), quick=True),
        Entry("negative", group, lambda i, r, o: 255 - i),
        Entry("4 bits a channel", group, lambda i, r, o: t.posterised(i, 4)),
        Entry("white balance", group, lambda i, r, o: t.white_balanced(i, 1.2, 0.8)),
        Entry("histogram equalisation", group, _only(t.equalised)),
        Entry("CLAHE 3", group, lambda i, r, o: t.locally_equalised(i, 3.0)),
    ]


def _compositions() -> list[Entry]:
    m, c, over = composing, capture, "overlays and collages"
    return [
        Entry("logo over 10 %", over, lambda i, r, o: m.logo(i, 0.1, r)),
        Entry("a quarter covered", over, lambda i, r, o: m.covered(i, 0.25, r)),
        Entry("three emoji", over, lambda i, r, o: m.emoji(i, 3, r)),
        Entry("meme captions", over, _only(m.captioned)),
        Entry("meme border", over, lambda i, r, o: m.bordered(i, 0.12)),
        Entry("collage, a quarter of it ours", over, lambda i, r, o: m.pasted_into(i, o, r), quick=True),
        Entry("mirrored collage", over, _only(m.mirrored_collage), quick=True),
        Entry("one ninth on a blank page", over, lambda i, r, o: m.one_ninth_on_a_page(i, r)),
        Entry("nine patches pulled apart", over, lambda i, r, o: m.nine_patches(i, 0.06), quick=True),
        Entry("screenshot", "chains", lambda i, r, o: c.screenshot(i, r)),
        Entry("two social networks", "chains", _only(c.social_networks)),
        Entry(
            "rotate 3°, crop 80 %, scale 0.9, JPEG 60", "chains", lambda i, r, o: c.edited(i, r), quick=True
        ),
        Entry("print and scan (simulated)", "chains", lambda i, r, o: c.print_and_scan(i, r), quick=True),
        Entry(
            "photo of a screen (simulated)", "chains", lambda i, r, o: c.photo_of_a_screen(i, r), quick=True
        ),
    ]


SWEEPS: dict[str, tuple[tuple[float, ...], Callable[[Picture, float, np.random.Generator], Picture]]] = {
    "JPEG quality": ((50, 30, 20, 15, 10, 5), lambda i, s, r: compression.jpeg(i, round(s))),
    "crop, share of the area": ((0.5, 0.25, 0.1, 0.05, 0.02), geometry.cropped),
    "resize, share of the side": ((0.5, 0.35, 0.25, 0.18), lambda i, s, r: geometry.scaled(i, s)),
    "blur, px": ((1, 2, 3, 4, 5), lambda i, s, r: cv2.GaussianBlur(i, (0, 0), s)),
    "noise, grey levels": ((10, 25, 40, 60), toning.noise),
    "shear, degrees": ((1, 2, 4, 6), lambda i, s, r: geometry.sheared(i, s)),
}
"""From mild to strong: (strengths, distortion)."""

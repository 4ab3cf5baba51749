"""Distortions that store a picture in fewer bits: codecs, palettes, coarse colour. uint8 (H, W, 3) RGB."""

import io

import cv2
import numpy as np
from PIL import Image

from tests.benchmarks.watermark.covers import Picture

CHROMA_444, CHROMA_420 = 0, 2
"""Pillow's numbers for JPEG subsampling."""


def has_codec(extension: str) -> bool:
    """Whether Pillow, as installed, writes files of this extension (".avif", ".jxl")."""
    return Image.registered_extensions().get(extension, "") in Image.SAVE


def through(image: Picture, format_: str, **options: object) -> Picture:
    """Write and read back."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, format_, **options)
    return np.array(Image.open(file).convert("RGB"))


def jpeg(image: Picture, quality: int, subsampling: int = CHROMA_420) -> Picture:
    return through(image, "JPEG", quality=quality, subsampling=subsampling)


def jpeg2000(image: Picture, ratio: int) -> Picture:
    return through(image, "JPEG2000", quality_mode="rates", quality_layers=[ratio])


def jpeg_twice_misaligned(image: Picture, first: int, second: int) -> Picture:
    """Two JPEGs whose 8 x 8 grids are 3 and 5 pixels apart: what an edit between two saves leaves."""
    return jpeg(np.ascontiguousarray(jpeg(image, first)[3:, 5:]), second)


def coarse_chroma(image: Picture, factor: int) -> Picture:
    """Keep the luma; average the colour differences over `factor` x `factor` pixels."""
    planes = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    size = (image.shape[1], image.shape[0])
    small = (max(1, size[0] // factor), max(1, size[1] // factor))
    chroma = cv2.resize(planes[..., 1:], small, interpolation=cv2.INTER_AREA)
    planes[..., 1:] = cv2.resize(chroma, size, interpolation=cv2.INTER_LINEAR)
    return cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB)


def palette(image: Picture, colours: int, *, dithered: bool) -> Picture:
    """A palette of the picture's own, as in a GIF; dithered by error diffusion (Floyd and Steinberg, 1976) or not."""
    rgb = Image.fromarray(image)
    own = rgb.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    if dithered:
        own = rgb.quantize(palette=own, dither=Image.Dither.FLOYDSTEINBERG)
    return np.array(own.convert("RGB"))


def ordered_dither(image: Picture, levels: int) -> Picture:
    """Few levels a channel with Bayer's 8 x 8 threshold pattern."""
    pattern = np.zeros((1, 1))
    for _ in range(3):
        pattern = np.block([[4 * pattern, 4 * pattern + 2], [4 * pattern + 3, 4 * pattern + 1]])
    height, width = image.shape[:2]
    threshold = np.tile((pattern + 0.5) / 64, (height // 8 + 1, width // 8 + 1))[:height, :width, None]
    steps = np.floor(image / 255 * (levels - 1) + threshold)
    return np.clip(np.rint(steps * 255 / (levels - 1)), 0, 255).astype(np.uint8)

"""Lines of harmless text, drawn onto pictures: to calibrate the text detector and to measure what is read.

English letters come from the fonts that matplotlib carries (DejaVu, STIX); Chinese ones need a font file given by
the caller, as no package that this project installs has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from classifiers.errors import TrainingDataInvalid

Picture = NDArray[np.uint8]  # (H, W, 3) RGB
Language = Literal["en", "zh"]

_WORDS: Final = [
    "open",
    "gate",
    "river",
    "market",
    "winter",
    "bread",
    "garden",
    "letter",
    "seven",
    "stone",
    "music",
    "travel",
    "silver",
    "doctor",
    "window",
    "paper",
    "house",
    "summer",
    "family",
    "orange",
    "yellow",
    "bridge",
]
_SIGNS: Final = tuple(
    "今天天气很好我们去公园里看花朋友家人学习工作快乐音乐图书馆老师学生中国北京上海城市山水风景春夏秋冬"
)
_LATIN_FONTS: Final = (
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSerif.ttf",
    "DejaVuSansMono.ttf",
    "STIXGeneral.ttf",
    "DejaVuSerif-BoldItalic.ttf",
)


@dataclass(frozen=True, slots=True)
class Style:
    """How a line is drawn.

    Attributes:
        height: of a capital letter or a Chinese sign, in pixels.
        contrast: difference of the line's luma to the mean beneath it. From 100 on the colour is a random one.
        angle: degrees, counterclockwise.
        mirrored: left and right swapped.

    """

    height: int
    contrast: int = 130
    angle: int = 0
    language: Language = "en"
    mirrored: bool = False


def latin_fonts() -> list[Path]:
    """List the font files for English."""
    import matplotlib as mpl  # noqa: PLC0415 - a dependency of training alone

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return [folder / name for name in _LATIN_FONTS]


def write_line(
    rng: np.random.Generator, picture: Picture, style: Style, fonts: Sequence[Path]
) -> tuple[Picture, str]:
    """Draw a random line at a random place: the new picture and the text.

    Raises:
        TrainingDataInvalid: 200 lines in a row did not fit.

    """
    for _ in range(200):
        text = _phrase(rng, style.language)
        mask = _mask(text, style, fonts[int(rng.integers(len(fonts)))])
        high, wide = mask.shape[:2]
        if high < picture.shape[0] - 4 and wide < picture.shape[1] - 4:
            break
    else:
        raise TrainingDataInvalid(
            f"picture: got {picture.shape[1]}x{picture.shape[0]}, expected room for a line {style.height} px high"
        )
    y = int(rng.integers(2, picture.shape[0] - high - 1))
    x = int(rng.integers(2, picture.shape[1] - wide - 1))
    beneath = picture[y : y + high, x : x + wide].astype(np.float32)
    drawn = picture.copy()
    mixed = beneath * (1 - mask) + _colour(rng, beneath, style.contrast) * mask
    drawn[y : y + high, x : x + wide] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)
    return drawn, text


def _phrase(rng: np.random.Generator, language: Language) -> str:
    if language == "zh":
        return "".join(rng.choice(_SIGNS, int(rng.integers(4, 9))))
    text = " ".join(rng.choice(_WORDS, int(rng.integers(2, 5))))
    return (text, text.upper(), text.title())[int(rng.integers(3))]


def _mask(text: str, style: Style, path: Path) -> NDArray[np.float32]:
    """Give how far each pixel is covered, float32 (h, w, 1) in [0, 1]."""
    top, bottom = ImageFont.truetype(path, 100).getbbox("H" if style.language == "en" else "国")[1::2]
    font = ImageFont.truetype(path, max(4, round(style.height * 100 / (bottom - top))))
    x0, y0, x1, y1 = font.getbbox(text)
    layer = Image.new("L", (int(x1 - x0) + 8, int(y1 - y0) + 8))
    ImageDraw.Draw(layer).text((4 - x0, 4 - y0), text, font=font, fill=255)
    if style.mirrored:
        layer = layer.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turned = layer.rotate(style.angle, expand=True, resample=Image.Resampling.BICUBIC)
    return np.asarray(np.asarray(turned)[..., None] / 255, np.float32)


def _colour(rng: np.random.Generator, beneath: NDArray[np.float32], contrast: int) -> NDArray[np.float32]:
    luma = float(beneath.mean())
    away = contrast if luma < 128 else -contrast
    base = rng.integers(0, 256, 3).astype(np.float32) if contrast >= 100 else beneath.mean((0, 1))
    return np.asarray(np.clip(base - base.mean() + luma + away, 0, 255), np.float32)

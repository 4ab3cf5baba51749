"""Pictures to calibrate and measure with: from a folder, and those that scikit-image and scikit-learn carry."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from classifiers.training.picture_text import Picture

_KINDS: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
_PHOTOGRAPHS: Final = (
    "astronaut", "brick", "chelsea", "clock_motion", "coffee", "color", "grass", "gravel", "hubble_deep_field",
    "ihc", "moon", "motorcycle_left", "motorcycle_right", "retina", "rocket", "camera", "coins", "cell",
)  # fmt: skip
"""Sample pictures inside scikit-image's wheel, without those that are diagrams or show text."""


def packaged_pictures() -> Iterator[tuple[str, Picture]]:
    """Give name and picture of the photographs in scikit-image's and scikit-learn's packages."""
    import skimage  # noqa: PLC0415 - a dependency of development alone
    import sklearn.datasets  # noqa: PLC0415

    yield from folder_pictures([Path(skimage.__file__).parent / "data"], only=_PHOTOGRAPHS)
    samples = sklearn.datasets.load_sample_images()
    yield from zip((Path(name).name for name in samples.filenames), samples.images, strict=True)


def folder_pictures(folders: Sequence[Path], only: Sequence[str] = ()) -> Iterator[tuple[str, Picture]]:
    """Give name and picture of what OpenCV can decode in `folders`, in order of name; `only` names stems."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in _KINDS or (only and path.stem not in only):
                continue
            try:
                picture = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
            except cv2.error:  # larger than OpenCV allows
                picture = None
            if picture is None:
                warnings.warn(f"{path}: not decoded, left out", stacklevel=2)
                continue
            yield path.name, np.asarray(picture, np.uint8)


def square(picture: Picture, side: int) -> Picture:
    """Cut the middle square out and scale it to `side`."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    how = cv2.INTER_AREA if edge > side else cv2.INTER_CUBIC
    part = picture[top : top + edge, left : left + edge]
    return np.asarray(cv2.resize(part, (side, side), interpolation=how), np.uint8)

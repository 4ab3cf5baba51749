"""How well `countermark comply` reads visible labels: `python -m tests.benchmarks.visible_labels [--images DIR]`.

Labels of every drawing profile are put on pictures, copied as people copy pictures, and read: how many are found, how
far the measured height is from the true one, and how many unlabelled pictures are said to have one.
"""

import argparse
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from classifiers.text_reader import TextReader
from service.generators.builtin import draw
from service.visible_labels import find_visible_labels
from watermark.labels.profile import load_profile, profile_names
from watermark.labels.visible import draw_label

Pixels = NDArray[np.uint8]
COPIES = {"as drawn": (1.0, None), "75 %, JPEG 70": (0.75, 70), "50 %, JPEG 50": (0.5, 50)}


def copied(image: Pixels, scale: float, quality: int | None) -> Pixels:
    """Scale and recompress; None leaves the picture as it is."""
    if quality is None:
        return image
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    out = io.BytesIO()
    Image.fromarray(image).resize(size, Image.Resampling.LANCZOS).save(out, "JPEG", quality=quality)
    return np.asarray(Image.open(out))


def main() -> None:
    """Print one markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--images", type=Path, help="folder of pictures; ten of the built-in generator without"
    )
    folder = parser.parse_args().images
    if folder:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".png", ".jpg", ".jpeg", ".webp"})
        pictures = [np.asarray(Image.open(path).convert("RGB")) for path in files]
    else:
        pictures = [draw(f"picture {seed}", seed, 768, 512) for seed in range(10)]
    reader = TextReader()
    false = sum(bool(find_visible_labels(reader, picture)) for picture in pictures)
    print(f"{len(pictures)} pictures; {false} unlabelled ones are said to have a label\n")
    print("| label | copy | found | height: mean error | largest error |\n|---|---|--:|--:|--:|")
    for name in profile_names():
        rule = load_profile(name).visible
        for copy, (scale, quality) in COPIES.items() if rule else ():
            errors = []
            for picture in pictures:
                labelled = draw_label(picture, (rule.text,), rule.height_share)
                found = find_visible_labels(reader, copied(labelled, scale, quality))
                shortest = min(picture.shape[:2])
                true = np.ceil(shortest * rule.height_share) / shortest
                if found:
                    errors.append(max(label.height_share for label in found) / true - 1)
            figures = f"{np.mean(errors):+.1%} | {max(errors, key=abs):+.1%}" if errors else "- | -"
            print(f"| {rule.text} | {copy} | {len(errors)}/{len(pictures)} | {figures} |")


if __name__ == "__main__":
    main()

"""Judge which brands' logos a picture shows.

    picture -> pyramid -> finder: the hottest spots -> describer: a vector each -> nearest brand -> score

Owns the matching of vectors and the score `trademark`. Rules it keeps: the networks know no brand; a brand is the
vector of its mark's clean rendering, so that one dropped into `brand_dir` as SVG or picture is looked for without
training; weights and vectors are used only if their SHA-256 is the one in `card.md` beside them; one thread, no
network, no torch. `found` names the brands whose own score reached `NAMED_FROM`.

What it does not see: marks smaller than 5 % of the longer side, marks told apart by colours alone, marks turned by
more than 30 degrees, mirrored or drawn freely, and brands that are not on its list. Architecture and training:
`training.train_logos`. Figures: `models/logos/card.md`.
"""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import BrandInvalid, ModelUnreadable
from classifiers.installed_models import open_session
from classifiers.logo_finder import (
    Network,
    Spot,
    build_pyramid,
    cut_spot,
    describer_input,
    find_spots,
    render_views,
    scale_picture,
)
from classifiers.logo_marks import MAX_BYTES, read_mark
from classifiers.model_files import load_model_files, model_folder
from classifiers.picture_input import check_picture
from classifiers.scores import Scores, no_scores

NAMED_FROM: Final = 0.5
"""Score from which a brand is named; the default policy annotates from there on."""
MAX_BRANDS: Final = 2000
"""Files of one `brand_dir`: a folder given by mistake must not keep the service from starting."""
BRAND_SUFFIXES: Final = (".svg", ".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, slots=True)
class Finding:
    """The brand that a spot of the picture looks most like.

    Attributes:
        brand: its title.
        score: in [0, 1].
        x, y, side: the spot in shares of the picture's longer side.

    """

    brand: str
    score: float
    x: float
    y: float
    side: float


@dataclass(frozen=True, slots=True)
class Brands:
    """What is looked for.

    Attributes:
        titles: names, as decisions show them.
        vectors: float32 (N, D), unit vectors.

    """

    titles: tuple[str, ...]
    vectors: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns a heat and a likeness into a score.

    Attributes:
        heat, likeness, offset: weights of the logit `heat * heat + likeness * z + offset`.
        cohort: float32 (M, D), vectors of pieces without a mark: z is the cosine less its mean over the cohort, by
            its spread there, so that a plain mark (a ring, a square) must be more alike than an intricate one.

    """

    heat: float
    likeness: float
    offset: float
    cohort: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Observation:
    """What the networks saw, hottest spot first.

    Attributes:
        spots: in pixels of the picture.
        likeness: float32 (N,), to the nearest brand, see `Calibration.cohort`.
        brand: int64 (N,), row of that brand.

    """

    spots: list[Spot]
    likeness: NDArray[np.float32]
    brand: NDArray[np.int64]


class LogoClassifier:
    """Finds brand marks; thread-safe."""

    def __init__(self, finder: Network, describer: Network, brands: Brands, calibration: Calibration) -> None:
        self._finder = finder
        self._describer = describer
        self._titles = brands.titles
        against = brands.vectors @ calibration.cohort.T
        self._vectors = brands.vectors.T
        self._usual = against.mean(axis=1)
        self._spread = against.std(axis=1)
        self._calibration = calibration
        self.model: str = f"image_logos({len(brands.titles)} brands)"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB, of any size; see `classifiers.scores.ImageClassifier`.

        Raises:
            ImageRejected: not such an array.

        """
        findings = self.look(image)
        best = max((finding.score for finding in findings), default=0.0)
        named = tuple(dict.fromkeys(one.brand for one in findings if one.score >= NAMED_FROM))
        return Scores(
            unsafe=0.0,
            categories=no_scores() | {"trademark": best},
            model=self.model,
            knows=frozenset({"trademark"}),
            found={"trademark": named} if named else {},
        )

    def look(self, image: NDArray[np.uint8]) -> list[Finding]:
        """Give the best brand of every spot, best first.

        Raises:
            ImageRejected: not uint8 (H, W, 3).

        """
        seen = self.observe(image)
        longest = max(image.shape[:2])
        findings = [
            Finding(
                self._titles[brand],
                self._chance(spot.heat, likeness),
                spot.x / longest,
                spot.y / longest,
                spot.side / longest,
            )
            for spot, likeness, brand in zip(
                seen.spots, seen.likeness.tolist(), seen.brand.tolist(), strict=True
            )
        ]
        return sorted(findings, key=lambda one: -one.score)

    def observe(self, image: NDArray[np.uint8]) -> Observation:
        """Find the spots of `image` and the nearest brand of each, without judging.

        Raises:
            ImageRejected: not uint8 (H, W, 3).

        """
        check_picture(image)
        levels = build_pyramid(scale_picture(image))
        spots = find_spots(levels, self._finder)
        pieces = np.stack([cut_spot(levels, spot) for spot in spots])
        vectors = self._describer(describer_input(pieces))
        likeness = (vectors @ self._vectors - self._usual) / self._spread
        factor = max(image.shape[:2]) / max(levels[0].shape[:2])
        return Observation(
            [Spot(spot.x * factor, spot.y * factor, spot.side * factor, spot.heat) for spot in spots],
            np.asarray(likeness.max(axis=1), np.float32),
            likeness.argmax(axis=1),
        )

    def _chance(self, heat: float, likeness: float) -> float:
        calibration = self._calibration
        logit = calibration.heat * heat + calibration.likeness * likeness + calibration.offset
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))


def describe_brands(marks: dict[str, NDArray[np.uint8]], describer: Network) -> Brands:
    """Give the brands of `marks`, silhouettes by title: the mean of each one's views, of unit length."""
    vectors = np.stack(
        [describer(describer_input(render_views(mark))).mean(axis=0) for mark in marks.values()]
    )
    return Brands(tuple(marks), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def read_brand_folder(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read the marks of a folder: one file a brand, its name (without suffix) the title.

    Raises:
        BrandInvalid: not a folder, too many files, or a file that is not a mark (names starting with a dot are
            passed over).

    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise BrandInvalid(f"brand folder: got {folder} ({error}), expected a folder of marks") from error
    if len(paths) > MAX_BRANDS:
        raise BrandInvalid(f"brand folder: got {len(paths)} files in {folder}, expected at most {MAX_BRANDS}")
    stems = [path.stem for path in paths]
    twice = next((stem for stem in stems if stems.count(stem) > 1), None)
    if twice is not None:
        raise BrandInvalid(f"brand folder: got a second file for {twice!r} in {folder}, expected one a brand")
    marks = {}
    for path in paths:
        if path.suffix.lower() not in BRAND_SUFFIXES or not path.is_file():
            raise BrandInvalid(
                f"brand file {path.name}: got no file of a known kind, expected {', '.join(BRAND_SUFFIXES)}; remove it "
                "from the folder"
            )
        try:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise BrandInvalid(f"brand file {path.name}: got {error}, expected a readable file") from error
        marks[path.stem] = read_mark(data, path.name)
    return marks


def load_network(model: bytes) -> Network:
    """Build a network from an ONNX file's content, on one thread.

    Raises:
        ModelUnreadable: not such a file.

    """
    session = open_session(model)
    name = session.get_inputs()[0].name
    return lambda batch: np.asarray(session.run(None, {name: batch})[0], np.float32)


def create_image(brand_dir: str | Path | None = None, model_dir: str | Path | None = None) -> LogoClassifier:
    """Build the classifier.

    Args:
        brand_dir: a folder of further marks, one SVG, PNG, JPEG or WebP a brand, named after it. A brand named as
            a shipped one takes its place.
        model_dir: another trained model; the one in the package when None.

    Raises:
        ModelUnreadable: a file of the model is missing or not the one that its card names.
        BrandInvalid: a file in `brand_dir` is not a mark.

    """
    files = load_model_files(
        model_folder("logos", model_dir), ("finder.onnx", "describer.onnx", "brands.npz")
    )
    describer = load_network(files["describer.onnx"])
    brands, calibration = _read_brands(files["brands.npz"])
    if brand_dir is not None:
        added = read_brand_folder(Path(brand_dir))
        if added:
            brands = _join(brands, describe_brands(added, describer))
    return LogoClassifier(load_network(files["finder.onnx"]), describer, brands, calibration)


def _join(brands: Brands, added: Brands) -> Brands:
    kept = [row for row, title in enumerate(brands.titles) if title not in added.titles]
    return Brands(
        tuple(brands.titles[row] for row in kept) + added.titles,
        np.concatenate((brands.vectors[kept], added.vectors)),
    )


def _read_brands(data: bytes) -> tuple[Brands, Calibration]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            meta: dict[str, Any] = json.loads(arrays["meta"].tobytes().decode("utf-8"))
            brands = Brands(tuple(meta["titles"]), arrays["vectors"].astype(np.float32))
            cohort = arrays["cohort"].astype(np.float32)
        return brands, Calibration(meta["heat"], meta["likeness"], meta["offset"], cohort)
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise ModelUnreadable(
            f"logo vectors: got {len(data)} bytes that cannot be read ({error}), expected an .npz of train_logos; "
            "restore it or train again"
        ) from error

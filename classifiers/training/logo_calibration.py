"""Choose how heat and likeness become the score of a logo.

Owns the two weights and the offset: a logistic regression over spots says how to weigh heat against likeness, then
the offset puts the score 0.5, from which the default policy annotates, where `RATE` of the pictures without marks
reach it. Marks and pictures must be other ones than those trained on, and other ones than those measured on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from classifiers.image_logos import LogoClassifier, Observation
from classifiers.training.logo_scenes import Picture, Placed
from classifiers.training.logo_trials import Trial

RATE: Final = 0.005
"""Share of pictures without a mark at or above 0.5. Half of the bar of 1 %: other people's pictures differ."""


@dataclass(frozen=True, slots=True)
class Weights:
    """See `classifiers.image_logos.Calibration`."""

    heat: float
    likeness: float
    offset: float


def calibrate(
    classifier: LogoClassifier, titles: list[str], trials: Iterable[Trial], empty: Iterable[Picture]
) -> tuple[Weights, float]:
    """Fit the weights on scenes of marks that `classifier` looks for (`titles`, by row) and on empty pictures.

    Also gives the recall of the scenes at the score 0.5 that follows.
    """
    rows: list[NDArray[np.float32]] = []
    right: list[bool] = []
    for trial in trials:
        seen = classifier.observe(trial.picture)
        rows.append(_features(seen))
        right.extend(
            on_mark(spot.x, spot.y, spot.side, trial.placed) and titles[brand] == trial.icon.slug
            for spot, brand in zip(seen.spots, seen.brand.tolist(), strict=True)
        )
    quiet = [_features(classifier.observe(picture)) for picture in empty]
    features = np.concatenate(rows + quiet)
    target = np.array(right + [False] * sum(len(part) for part in quiet))
    fitted = LogisticRegression(C=10.0).fit(features, target)
    heat, likeness = (float(weight) for weight in fitted.coef_[0])
    highest = [float((part @ fitted.coef_[0]).max()) for part in quiet]
    threshold = float(np.quantile(highest, 1 - RATE))
    recall = float(np.mean([float((part @ fitted.coef_[0]).max()) >= threshold for part in rows]))
    return Weights(heat, likeness, -threshold), recall


def on_mark(x: float, y: float, side: float, placed: Placed) -> bool:
    """Tell whether a spot points at the mark: centre within 0.4 sides, size within a factor of two."""
    near = max(abs(x - placed.x), abs(y - placed.y)) < 0.4 * placed.side
    return near and 0.5 < side / placed.side < 2


def _features(seen: Observation) -> NDArray[np.float32]:
    heat = np.array([spot.heat for spot in seen.spots], np.float32)
    return np.stack((heat, seen.likeness), axis=1)

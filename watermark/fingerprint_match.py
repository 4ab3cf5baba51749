"""Decide whether two fingerprints are of one picture: by geometry first, then by what is seen there.

Steps, each able to say no:
1. Features of one picture find their nearest in the other; only clear winners count.
2. One affine map must explain many of these pairs (RANSAC, Fischler and Bolles 1981); a homography is fitted to them.
3. The thumbnails, laid over each other by that map, must agree cell by cell. A logo, a caption or a label that two
   pictures share gives features enough for step 2, and fails here.
A picture with hardly any corner (sky, gradient) is compared by PDQ and its thumbnail alone.

Mirror images have no features in common: compare the mirrored picture's fingerprint too (service.lookalikes does).
"""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from watermark.fingerprint import THUMBNAIL_SIDE, WORK_SIDE, Fingerprint
from watermark.fingerprint_features import Features
from watermark.fingerprint_pdq import hamming

Status = Literal["match", "similar", "no_match"]
Matrix = NDArray[np.float64]

_FARTHEST_BITS, _RATIO = 70, 0.85
_TOLERANCE_PX = 4.0
_LEAST_INLIERS, _SIMILAR_INLIERS, _MATCH_INLIERS = 4, 8, 10
"""Unrelated photographs: at most 5 in 1,640 pairs; crops keeping a quarter 9 to 90. The second pair is inliers times
agreement, for scenes drawn by one program."""

_SIMILAR_CONFIRMED, _MATCH_CONFIRMED = 6.0, 8.0
_EVIDENCE_IN_WHOLE = 40.0
"""Inliers times agreement squared that copies of a whole picture have at least, of a part in proportion, unless their
PDQ hashes agree. Of 953 copies (40 photographs and drawings, 104 distortions) 98 % have it, most five times as much.
What lacks it are repeating textures and drawings of few lines: of some 4,000 strangers of the same kinds 236 resembled
one of 981 registered pictures without this rule, 3 with it."""

_AGREEING, _ALL_AGREEING = 0.5, 0.8
_PDQ_NEAR, _PDQ_SAME, _PDQ_RELATED = 20, 31, 80
"""Of 256 bits: 31 is what PDQ's description calls a match; two unrelated pictures differ in 128 +- 12."""

_PDQ_TRUSTED = 50
_SAME_GREY = 3.0  # root mean square of grey levels
_CELL = 8
_FLAT = 3.0  # grey levels of standard deviation below which a cell says nothing


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two pictures relate.

    Attributes:
        status: "match": a copy, confirmed by geometry and content. "similar": signs of it, not confirmed.
            "no_match": another picture.
        distance: bits (of 256) in which the PDQ hashes differ.
        inliers: pairs of features that one map explains.
        agreement: 0..1, share of the overlap in which the thumbnails agree.
        overlap: 0..1, share of the second picture that the first one covers.
        homography: 3 x 3 from the first picture to the second, both with sides of 1; None where there is no map.

    """

    status: Status
    distance: int
    inliers: int
    agreement: float
    overlap: float
    homography: Matrix | None


def compare(a: Fingerprint, b: Fingerprint, *, expected: bool = False) -> Comparison:
    """Compare two fingerprints; about 5 ms of CPU.

    `expected`: something else (a watermark) says already that `a` is a copy of `b`, so that signs too weak to find it
    by count as "similar", and "no_match" is said only where nothing fits.
    """
    distance = hamming(a.pdq, b.pdq)
    features = Features.from_bytes(a.features), Features.from_bytes(b.features)
    homography, inliers = _map_between(*features)
    if inliers >= _LEAST_INLIERS and homography is not None:
        agreement, overlap = _agreement(a, b, homography)
        shared = min(overlap, _overlap(b, np.asarray(np.linalg.inv(homography), np.float64)))
    else:
        homography, agreement, overlap, shared = None, 0.0, 0.0, 0.0
    status: Status = "no_match"
    confirmed = inliers * agreement if agreement >= _AGREEING else 0.0
    enough = expected or distance <= _PDQ_SAME or confirmed * agreement >= _EVIDENCE_IN_WHOLE * shared
    if enough and inliers >= _SIMILAR_INLIERS and confirmed >= _SIMILAR_CONFIRMED:
        status = "match" if inliers >= _MATCH_INLIERS and confirmed >= _MATCH_CONFIRMED else "similar"
    elif distance <= _PDQ_SAME and min(a.quality, b.quality) >= _PDQ_TRUSTED:
        agreement, overlap = _agreement(a, b, np.eye(3))
        homography = np.eye(3)
        status = "match" if distance <= _PDQ_NEAR and agreement >= _ALL_AGREEING else "similar"
    elif distance <= _PDQ_SAME and _thumbnails_equal(a, b):
        status = "similar"  # sky or a gradient: a copy looks like this, and so may another one
    elif expected and (agreement >= _AGREEING or distance <= _PDQ_RELATED):
        status = "similar"
    return Comparison(status, distance, inliers, agreement, overlap, homography)


def _map_between(a: Features, b: Features) -> tuple[Matrix | None, int]:
    """Return the homography from a to b (sides of 1; None: there is none) and how many pairs it explains."""
    if min(len(a), len(b)) < _LEAST_INLIERS:
        return None, 0
    pairs = [
        (best.queryIdx, best.trainIdx)
        for best, second in cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(a.descriptors, b.descriptors, k=2)
        if best.distance < _FARTHEST_BITS and best.distance < _RATIO * second.distance
    ]
    if len(pairs) < _LEAST_INLIERS:
        return None, 0
    left, right = np.array(pairs).T
    source, target = a.points[left] * WORK_SIDE, b.points[right] * WORK_SIDE
    affine, mask = cv2.estimateAffine2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_TOLERANCE_PX
    )
    if affine is None:
        return None, 0
    stretch = np.linalg.svd(affine[:, :2], compute_uv=False)
    if (
        np.linalg.det(affine[:, :2]) <= 0
        or stretch[0] > 12
        or stretch[1] < 1 / 12
        or stretch[0] > 4 * stretch[1]
    ):
        return None, 0  # folded, or flattened to a line: what RANSAC makes of chance pairs
    inside = mask.ravel() > 0
    # two features on one spot are one piece of evidence
    inliers = min(len(np.unique(np.rint(points[inside]), axis=0)) for points in (source, target))
    matrix = np.vstack([affine, [0, 0, 1]])
    if inliers >= 20:
        refined, _ = cv2.findHomography(source[inside], target[inside], 0)
        if refined is not None and np.linalg.det(refined) > 0:
            matrix = refined
    to_pixels = np.diag([WORK_SIDE, WORK_SIDE, 1.0])
    homography = np.linalg.inv(to_pixels) @ matrix @ to_pixels
    return homography / homography[2, 2], inliers


def _agreement(a: Fingerprint, b: Fingerprint, homography: Matrix) -> tuple[float, float]:
    """Return the share of the overlap that agrees, and the share of b that a covers.

    The thumbnails are compared in the frame in which the other one is shrunk, never grown.
    """
    shrinks = np.linalg.det(homography[:2, :2]) < 1
    overlap = _overlap(a, homography)
    if shrinks:
        moved, mask = _laid_over(a, homography)
        fixed = _thumbnail(b)
    else:
        moved, mask = _laid_over(b, np.asarray(np.linalg.inv(homography), np.float64))
        fixed = _thumbnail(a)
    return _agreeing_share(moved, fixed, mask), overlap


def _overlap(one: Fingerprint, homography: Matrix) -> float:
    """Return the share of the other picture that `one` covers."""
    _, covered = _laid_over(one, homography)
    return float((covered > 0.5).mean())


def _thumbnails_equal(a: Fingerprint, b: Fingerprint) -> bool:
    """Tell whether two pictures with some contrast differ by no more than compression would make them."""
    left, right = _thumbnail(a), _thumbnail(b)
    return min(left.std(), right.std()) > _FLAT and float(np.sqrt(np.mean((left - right) ** 2))) < _SAME_GREY


def _thumbnail(one: Fingerprint) -> NDArray[np.float32]:
    side = THUMBNAIL_SIDE
    return np.frombuffer(one.thumbnail, np.uint8).reshape(side, side).astype(np.float32)


def _laid_over(one: Fingerprint, homography: Matrix) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the thumbnail in the other picture's frame, and where it lies there (0..1)."""
    side = THUMBNAIL_SIDE
    centre = np.array([[side, 0, -0.5], [0, side, -0.5], [0, 0, 1]], np.float64)
    matrix = centre @ homography @ np.linalg.inv(centre)
    shrink = 1 / np.sqrt(max(1e-3, abs(np.linalg.det(homography[:2, :2]))))
    picture = _thumbnail(one)
    if shrink > 1.2:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.45 * float(shrink))
    moved = cv2.warpPerspective(
        picture, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    mask = cv2.warpPerspective(np.ones_like(picture), matrix, (side, side), flags=cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32), np.asarray(mask, np.float32)


def _agreeing_share(a: NDArray[np.float32], b: NDArray[np.float32], mask: NDArray[np.float32]) -> float:
    """Return the share of textured cells inside the mask whose contents correlate."""
    inside = _cells(mask).min(axis=1) > 0.9
    if not inside.any():
        return 0.0
    left, right = _cells(a)[inside], _cells(b)[inside]
    left = left - left.mean(axis=1, keepdims=True)
    right = right - right.mean(axis=1, keepdims=True)
    spread = left.std(axis=1), right.std(axis=1)
    textured = np.maximum(*spread) > _FLAT
    if not textured.any():
        return 0.0
    correlation = (left * right).mean(axis=1) / (spread[0] * spread[1] + 1.0)
    return float((correlation[textured] > 0.6).mean())


def _cells(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut 64 x 64 into 8 x 8 cells of 8 x 8: (64, 64)."""
    count = THUMBNAIL_SIDE // _CELL
    return values.reshape(count, _CELL, count, _CELL).swapaxes(1, 2).reshape(count * count, _CELL * _CELL)

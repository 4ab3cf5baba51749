"""The whole path on a tiny task: folders in, a served int8 model out."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from classifiers import OptionsInvalid, create_image_classifier
from classifiers.errors import ImageRejected, ModelUnreadable, TrainingDataInvalid
from classifiers.training import train_pictures
from classifiers.training.picture_folders import alike, split_groups
from classifiers.training.picture_network import SIZES
from classifiers.training.picture_report import fit_temperature
from classifiers.training.picture_scenes import draw


def paint(folder: Path, name: str, count: int) -> None:
    """Noise, reddish or greenish."""
    (folder / name).mkdir(parents=True)
    for at in range(count):
        rng = np.random.default_rng((name == "violence", at))
        picture = rng.integers(0, 120, (40, 40, 3), np.uint8)
        picture[:, :, 2 if name == "violence" else 1] += 90
        cv2.imwrite(str(folder / name / f"{at}.png"), picture)


@pytest.fixture(autouse=True, scope="module")
def tiny_network() -> Iterator[None]:
    """Two layers, since most of the time of a test is the export."""
    with pytest.MonkeyPatch.context() as patch:
        sizes = {"depths": [1, 1], "embedding_size": 8, "hidden_sizes": [8, 16], "layer_type": "basic"}
        patch.setitem(SIZES, "tiny", sizes)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("models") / "mine"
    paint(data, "safe", 24)
    paint(data, "violence", 16)
    figures = train_pictures.run(data, out, size="tiny", side=32, epochs=6, batch=8, rate=1e-2)
    assert figures["val"]["pictures"] == 8
    assert figures["privacy"] is None
    return out


def test_a_trained_model_is_served_and_tells_the_classes_apart(model: Path) -> None:
    served = create_image_classifier("image_resnet", model_dir=model)
    rng = np.random.default_rng(99)
    red, green = rng.integers(0, 120, (2, 70, 50, 3), np.uint8)
    red[:, :, 0] += 90
    green[:, :, 1] += 90
    bad, good = served.score(red), served.score(green)
    assert bad.categories["violence"] > 0.5 > good.categories["violence"]
    assert bad.unsafe == bad.categories["violence"]
    assert bad.knows == {"unsafe", "violence"}
    with pytest.raises(ImageRejected):
        served.score(np.zeros((4, 4), np.uint8))


def test_weights_that_the_card_does_not_name_are_refused(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "mapping.toml").write_text("safe = []\n")
    with pytest.raises(ModelUnreadable, match="exactly one line for each"):
        create_image_classifier("image_resnet", model_dir=tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"other")
    with pytest.raises(ModelUnreadable, match="SHA-256"):
        create_image_classifier("image_resnet", model_dir=tmp_path)


def test_a_model_folder_is_needed() -> None:
    with pytest.raises(OptionsInvalid, match="model_dir"):
        create_image_classifier("image_resnet")


def test_private_training_reports_the_epsilon_it_spent(tmp_path: Path) -> None:
    paint(tmp_path / "data", "safe", 20)
    paint(tmp_path / "data", "violence", 20)
    figures = train_pictures.run(
        tmp_path / "data", tmp_path / "out", size="tiny", side=32, epochs=1, batch=16, epsilon=8, delta=1e-3
    )
    assert 0 < figures["privacy"]["epsilon"] <= 8.01
    assert f"epsilon {figures['privacy']['epsilon']:.3f}" in (tmp_path / "out" / "card.md").read_text()


def test_a_class_that_means_nothing_stops_before_training(tmp_path: Path) -> None:
    paint(tmp_path, "safe", 4)
    paint(tmp_path, "tank", 4)
    with pytest.raises(TrainingDataInvalid, match="--feeds tank=violence"):
        train_pictures.run(tmp_path, tmp_path / "out")


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    paint(tmp_path, "safe", 4)
    paint(tmp_path, "violence", 4)
    (tmp_path / "safe" / "bad.png").write_bytes(b"no picture")
    with pytest.raises(TrainingDataInvalid, match="bad.png"):
        train_pictures.run(tmp_path, tmp_path / "out")


def test_copies_stay_on_one_side_of_the_split(tmp_path: Path) -> None:
    for at in range(6):
        cv2.imwrite(str(tmp_path / f"{at}.png"), draw("safe", 96, np.random.default_rng(at)))
    smaller = cv2.resize(cv2.imread(str(tmp_path / "0.png")), (64, 64), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(tmp_path / "copy.jpg"), smaller, [cv2.IMWRITE_JPEG_QUALITY, 85])
    group = alike([*sorted(tmp_path.glob("*.png")), tmp_path / "copy.jpg"])
    assert group.tolist() == [0, 1, 2, 3, 4, 5, 0]
    chosen = split_groups(np.zeros(7, np.int64), group, 0.3, 1)
    assert chosen.sum() == 2
    assert chosen[0] == chosen[6]


def test_temperature_undoes_overconfidence_and_never_claims_certainty() -> None:
    rng = np.random.default_rng(5)
    logits = rng.normal(0, 1.5, (4000, 2)).astype(np.float32)
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (rng.random(4000) < chance[:, 1]).astype(np.int64)
    assert fit_temperature(logits * 3, truth) == pytest.approx(3, rel=0.1)
    assert fit_temperature(np.array([[5, -5], [-5, 5]], np.float32), np.array([0, 1])) > 1

import shutil
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers import CATEGORIES, create_image_classifier
from classifiers.errors import BrandInvalid, ImageRejected, ModelUnreadable
from classifiers.image_logos import LogoClassifier, create_image, load_network, read_brand_folder
from classifiers.logo_marks import read_mark

HEAD = 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"'
# Both invented for this test: an M with a wedge, and a disc with two flames.
ACME = f'<svg {HEAD}><path d="M2 22V2h6l4 8 4-8h6v20h-5V11l-5 9-5-9v11z"/><path d="M10 2h4l-2 4z"/></svg>'
COMET = f'<svg {HEAD}><circle cx="8" cy="16" r="7"/><path d="M11 8L23 1l-7 12z"/><path d="M4 6L14 1l-5 6z"/></svg>'
PACKAGED = Path(str(resources.files("classifiers"))) / "models" / "logos"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("brands")
    (path / "Acme.svg").write_text(ACME)
    (path / "Comet.svg").write_text(COMET)
    (path / ".hidden").write_text("passed over")
    return path


@pytest.fixture(scope="module")
def logos(folder: Path) -> LogoClassifier:
    return create_image(brand_dir=folder)


@pytest.fixture(scope="module")
def shipped() -> LogoClassifier:
    return create_image()


def _ground(seed: int = 0, height: int = 512, width: int = 512) -> NDArray[np.uint8]:
    """Soft clouds of colour with grain, like a photograph out of focus."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (6, 8, 3)).astype(np.float32)
    soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(soft + rng.normal(0, 3, soft.shape), 0, 255).astype(np.uint8)


def _paste(
    ground: NDArray[np.uint8], svg: str, x: int, y: int, side: int, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    mark = cv2.resize(read_mark(svg.encode(), "a.svg"), (side, side), interpolation=cv2.INTER_AREA)
    cover = mark[:, :, None] / 255
    done = ground.astype(np.float32)
    done[y : y + side, x : x + side] = (
        done[y : y + side, x : x + side] * (1 - cover) + np.array(colour) * cover
    )
    return done.astype(np.uint8)


@pytest.mark.parametrize(("svg", "name"), [(ACME, "Acme"), (COMET, "Comet")])
@pytest.mark.parametrize(("side", "colour"), [(120, (10, 10, 10)), (140, (10, 10, 10))])
def test_a_mark_of_the_folder_is_found_and_named(
    logos: LogoClassifier, svg: str, name: str, side: int, colour: tuple[int, int, int]
) -> None:
    scores = logos.score(_paste(_ground(), svg, 120, 150, side, colour))
    assert scores.categories["trademark"] >= 0.5
    assert scores.found == {"trademark": (name,)}


def test_where_the_mark_is(logos: LogoClassifier) -> None:
    best = logos.look(_paste(_ground(1, 400, 800), ACME, 500, 200, 150, (250, 250, 250)))[0]
    assert best.brand == "Acme"
    assert (best.x, best.y) == pytest.approx((575 / 800, 275 / 800), abs=0.03)
    assert best.side == pytest.approx(150 / 800, rel=0.3)


def test_a_mark_is_found_at_any_size_of_the_picture(logos: LogoClassifier) -> None:
    scene = _paste(_ground(0), COMET, 120, 150, 140, (10, 10, 10))
    for side in (256, 1024):
        scaled = cv2.resize(scene, (side, side), interpolation=cv2.INTER_AREA)
        assert logos.score(scaled).found == {"trademark": ("Comet",)}


@pytest.mark.parametrize("seed", range(4))
def test_a_picture_without_marks_is_not_flagged(logos: LogoClassifier, seed: int) -> None:
    scores = logos.score(_ground(seed))
    assert scores.categories["trademark"] < 0.5
    assert scores.found == {}


def test_a_mark_that_is_not_on_the_list_is_not_named_after_itself(shipped: LogoClassifier) -> None:
    assert "Acme" not in shipped.score(_paste(_ground(), ACME, 120, 150, 140, (250, 250, 250))).found.values()


def test_only_trademark_is_known_and_evidence_stays_empty(shipped: LogoClassifier) -> None:
    scores = shipped.score(_ground())
    assert set(scores.categories) == set(CATEGORIES)
    assert scores.knows == frozenset({"trademark"})
    assert scores.unsafe == 0
    assert scores.evidence == ()


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 700, 3), (900, 2, 3), (33, 47, 3)])
def test_odd_sizes_are_scored(shipped: LogoClassifier, shape: tuple[int, int, int]) -> None:
    assert 0 <= shipped.score(np.full(shape, 90, np.uint8)).categories["trademark"] < 0.5


def test_what_is_no_picture_is_refused(shipped: LogoClassifier) -> None:
    for bad in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 4), np.uint8), np.zeros((8, 8, 3), np.float32)):
        with pytest.raises(ImageRejected):
            shipped.score(bad)


def test_the_registry_builds_it_with_at_least_a_hundred_brands() -> None:
    built = create_image_classifier("image_logos")
    assert isinstance(built, LogoClassifier)
    assert int(built.model.split("(")[1].split()[0]) >= 100


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    path = tmp_path / "logos"
    shutil.copytree(PACKAGED, path)
    return path


@pytest.mark.parametrize("name", ["finder.onnx", "describer.onnx", "brands.npz"])
def test_weights_that_the_card_does_not_name_are_refused(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(bytes(data))
    with pytest.raises(ModelUnreadable, match="SHA-256"):
        create_image(model_dir=copied)


def test_a_missing_model_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match=r"card\.md"):
        create_image(model_dir=tmp_path)
    with pytest.raises(ModelUnreadable, match="onnxruntime"):
        load_network(b"not a network")


def test_a_folder_of_brands_is_read_with_care(tmp_path: Path) -> None:
    with pytest.raises(BrandInvalid, match="folder"):
        read_brand_folder(tmp_path / "absent")
    (tmp_path / "Acme.svg").write_text(ACME)
    assert list(read_brand_folder(tmp_path)) == ["Acme"]
    (tmp_path / "Acme.png").write_bytes(b"")
    with pytest.raises(BrandInvalid, match="second file"):
        create_image(brand_dir=tmp_path)
    (tmp_path / "Acme.png").unlink()
    (tmp_path / "logo.ai").write_bytes(b"%PDF")
    with pytest.raises(BrandInvalid, match="known kind"):
        create_image(brand_dir=tmp_path)
    (tmp_path / "logo.ai").rename(tmp_path / "logo.png")
    with pytest.raises(BrandInvalid, match="no readable picture"):
        create_image(brand_dir=tmp_path)

"""`countermark similar` on tiny ResNets with random weights; no published checkpoint was run."""

import contextlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from classifiers.errors import ModelUnreadable
from classifiers.picture_vectors import PictureVectors, load_vectors
from service.generators.builtin import draw
from service.semantic import FILE, SemanticIndex
from service.stores.errors import RegistryUnavailable
from tests.unit.service.conftest import Done, Run
from watermark.errors import WatermarkError
from watermark.picture import encode_picture
from watermark.thumbnail import make_thumbnail

transformers = pytest.importorskip(
    "transformers", reason="needs the extra hub: pip install 'countermark[hub]'"
)


def make_checkpoint(folder: Path, seed: int = 3, kind: str = "ResNetModel", **saving: Any) -> Path:
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    torch.manual_seed(seed)
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    getattr(transformers, kind)(config).save_pretrained(folder, **saving)
    ConvNextImageProcessorPil(size={"shortest_edge": 32}, crop_pct=0.875).save_pretrained(folder)
    return folder


@pytest.fixture
def vectors(tmp_path: Path) -> PictureVectors:
    return load_vectors(make_checkpoint(tmp_path / "resnet"))


def scene(seed: int) -> np.ndarray:
    return draw(f"scene {seed}", seed, 256, 192)


class Registry:
    """As much of service.stores.RegistryStore as the index asks for; record ids are numbers."""

    def __init__(self, pictures: list[bytes | None]) -> None:
        self.pictures, self.asked = pictures, 0

    def fingerprints(self, after: int = 0) -> Any:
        return iter([(at + 1, f"{at + 1:016x}", b"") for at in range(after, len(self.pictures))])

    def thumbnail(self, record_id: str) -> bytes | None:
        self.asked += 1
        return self.pictures[int(record_id, 16) - 1]


def index_of(folder: Path, vectors: PictureVectors, registry: Registry) -> SemanticIndex:
    index = SemanticIndex(folder, vectors, registry, registry.thumbnail)  # type: ignore[arg-type]
    index.catch_up(lambda count: None)
    return index


def six() -> Registry:
    return Registry([make_thumbnail(scene(seed)) for seed in range(6)])


def test_a_vector_is_that_of_the_network_at_length_1(tmp_path: Path, vectors: PictureVectors) -> None:
    from PIL import Image

    pipe = transformers.AutoImageProcessor.from_pretrained(tmp_path / "resnet")
    network = transformers.ResNetModel.from_pretrained(tmp_path / "resnet").eval()
    with torch.no_grad():
        raw = network(**pipe(Image.fromarray(scene(1)), return_tensors="pt")).pooler_output.flatten().numpy()
    vector = vectors.embed(scene(1))
    assert (vector.shape, vector.dtype) == ((32,), np.float32)
    assert vector == pytest.approx(raw / np.linalg.norm(raw), abs=1e-5)


def test_a_checkpoint_with_a_head_gives_the_same_vectors(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "head", kind="ResNetForImageClassification")
    bare = transformers.ResNetForImageClassification.from_pretrained(folder).resnet
    bare.save_pretrained(tmp_path / "bare")
    (tmp_path / "bare" / "preprocessor_config.json").write_bytes(
        (folder / "preprocessor_config.json").read_bytes()
    )
    one, other = (load_vectors(tmp_path / name).embed(scene(2)) for name in ("head", "bare"))
    assert one == pytest.approx(other, abs=1e-6)


def test_a_mere_line_is_no_more_work_than_a_picture(vectors: PictureVectors) -> None:
    assert np.linalg.norm(vectors.embed(np.zeros((1, 20_000, 3), np.uint8))) == pytest.approx(1, abs=1e-5)


def test_altered_copies_rank_first(tmp_path: Path, vectors: PictureVectors) -> None:
    index = index_of(tmp_path, vectors, six())
    for seed in range(6):
        copy = np.asarray(cv2.GaussianBlur(scene(seed), (0, 0), 1), np.uint8)[4:-4, 4:-4]
        found = index.search(copy, 3)
        assert found[0].record_id == f"{seed + 1:016x}"
        assert len(found) == 3
        assert 1 >= found[0].cosine >= found[1].cosine >= found[2].cosine >= 0


def test_the_file_is_used_again_and_only_new_records_are_looked_at(
    tmp_path: Path, vectors: PictureVectors
) -> None:
    registry = six()
    before = index_of(tmp_path, vectors, registry).search(scene(4), 6)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    registry.pictures.append(make_thumbnail(scene(9)))
    registry.asked = 0
    index = index_of(tmp_path, vectors, registry)
    assert (registry.asked, len(index)) == (1, 7)
    assert [one for one in index.search(scene(4), 7) if one.record_id != f"{7:016x}"] == before


def test_another_checkpoint_or_registry_starts_anew(tmp_path: Path, vectors: PictureVectors) -> None:
    registry = six()
    index_of(tmp_path, vectors, registry)
    other = load_vectors(make_checkpoint(tmp_path / "other", seed=4))
    assert other.model != vectors.model
    registry.asked = 0
    assert index_of(tmp_path, other, registry).search(scene(4), 1)[0].record_id == f"{5:016x}"
    assert registry.asked == 6
    shorter = Registry(registry.pictures[:2])
    assert len(index_of(tmp_path, other, shorter)) == 2


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 not a zip", b"\x80\x04K\x01."])
def test_a_damaged_file_counts_as_none(tmp_path: Path, vectors: PictureVectors, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    assert len(index_of(tmp_path, vectors, six())) == 6


def test_records_without_a_thumbnail_are_passed_over_once(tmp_path: Path, vectors: PictureVectors) -> None:
    registry = Registry([None, make_thumbnail(scene(1)), None])
    assert len(index_of(tmp_path, vectors, registry)) == 1
    assert len(index_of(tmp_path, vectors, registry)) == 1
    assert registry.asked == 3


def test_what_was_done_before_a_failure_is_kept(tmp_path: Path, vectors: PictureVectors) -> None:
    registry = six()
    registry.pictures[3] = b"no picture"
    with pytest.raises(WatermarkError):
        index_of(tmp_path, vectors, registry)
    registry.pictures[3], registry.asked = make_thumbnail(scene(3)), 0
    assert len(index_of(tmp_path, vectors, registry)) == 6
    assert registry.asked == 3


def test_a_folder_that_takes_no_file_is_explained(tmp_path: Path, vectors: PictureVectors) -> None:
    with pytest.raises(RegistryUnavailable, match="check disk and folder"):
        index_of(tmp_path / "absent", vectors, six())


def test_weights_that_are_pickles_are_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "pickle")
    state = transformers.ResNetModel.from_pretrained(folder).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(ModelUnreadable):
        load_vectors(folder)


def test_code_in_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "code")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    for name, kind in (("config.json", "AutoModel"), ("preprocessor_config.json", "AutoImageProcessor")):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(
            json.dumps(told | {"auto_map": {kind: "evil.Evil", "AutoConfig": "evil.Evil"}})
        )
    with contextlib.suppress(ModelUnreadable):  # refused or read without it: both will do
        load_vectors(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("change", ["type", "weight", "config"])
def test_what_is_no_resnet_is_refused(tmp_path: Path, change: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path / "model")
    if change == "type":
        transformers.ViTConfig().save_pretrained(folder)
    elif change == "weight":
        weights = load_file(folder / "model.safetensors")
        weights.pop(next(name for name in weights if name.endswith("convolution.weight")))
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
    else:
        (folder / "config.json").unlink()
    with pytest.raises(ModelUnreadable):
        load_vectors(folder)


@pytest.fixture
def installation(run: Run, tmp_path: Path) -> Path:
    """A data directory with two marked pictures, and settings that name a checkpoint."""
    make_checkpoint(tmp_path / "resnet")
    for seed in (1, 2):
        (tmp_path / f"{seed}.png").write_bytes(encode_picture(scene(seed), "png"))
        assert run("mark", f"{seed}.png", f"{seed}-marked.png", "--generator", "sdxl").status == 0
    config = tmp_path / "countermark.toml"
    config.write_text(f"semantic_model = {str(tmp_path / 'resnet')!r}\n")
    return config


def test_the_command_lists_records(run: Run, installation: Path, tmp_path: Path) -> None:
    marked = json.loads(run("verify", "2-marked.png", "--json").out)["record"]["id"]
    done = run("similar", "2.png", "--config", installation, "--json")
    assert done.status == 0, done.err
    answer = json.loads(done.out)
    assert answer["records"][0]["countermark_id"] == marked
    assert len(answer["records"]) == 2
    assert answer["records"][0]["generator"] == "sdxl"
    assert answer["records"][0]["thumbnail_url"].endswith(f"/v1/records/{marked}/thumbnail")
    assert "proves nothing" in answer["notice"]
    words = run("similar", "2.png", "--config", installation, "--most", "1").out.splitlines()
    assert marked in words[0]
    assert words[1:] == [answer["notice"]]


def test_what_is_missing_is_said(
    run: Run, installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> Done:
        done = run("similar", "2.png", *arguments)
        assert done.status == 2
        return done

    assert "semantic_model" in refused().err
    assert "--data-dir" in refused("--config", installation, "--data-dir", tmp_path / "typo").err
    assert not (tmp_path / "typo").exists()
    (tmp_path / "bad.toml").write_text(f"semantic_model = {str(tmp_path)!r}\n")
    assert "config.json" in refused("--config", tmp_path / "bad.toml").err
    monkeypatch.setattr(
        "service.registered_pictures.RegisteredPictures.thumbnail", lambda self, record_id: None
    )
    assert "no registered picture has a thumbnail" in refused("--config", installation).err
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    assert "countermark[hub]" in refused("--config", installation).err


def test_an_empty_registry_has_nothing(run: Run, tmp_path: Path) -> None:
    make_checkpoint(tmp_path / "resnet")
    (tmp_path / "1.png").write_bytes(encode_picture(scene(1), "png"))
    (tmp_path / "c.toml").write_text(f"semantic_model = {str(tmp_path / 'resnet')!r}\n")
    run("verify", "1.png")  # makes the registry
    done = run("similar", "1.png", "--config", "c.toml")
    assert (done.status, done.out) == (1, "nothing is registered yet\n")

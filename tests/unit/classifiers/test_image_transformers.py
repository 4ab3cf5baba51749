"""The loader on tiny checkpoints with random weights; no published checkpoint was run."""

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifiers import ClassifierUnavailable, OptionsInvalid, create_image_classifier
from classifiers.errors import ModelUnreadable
from classifiers.image_transformers import map_labels

transformers = pytest.importorskip("transformers")


def make_checkpoint(folder: Path, labels: list[str], kind: str = "vit", problem: str | None = None) -> Path:
    told: dict[str, Any] = {"id2label": dict(enumerate(labels)), "problem_type": problem}
    told["label2id"] = {label: at for at, label in enumerate(labels)}
    torch.manual_seed(3)
    if kind == "vit":
        config = transformers.ViTConfig(
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=32,
            patch_size=8,
            **told,
        )
        network = transformers.ViTForImageClassification(config)
        from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

        processor: Any = ViTImageProcessorPil(size={"height": 32, "width": 32})
    else:
        config = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", **told
        )
        network = transformers.ResNetForImageClassification(config)
        from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

        processor = ConvNextImageProcessorPil(size={"shortest_edge": 32})
    network.classifier.apply(spread)
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def spread(layer: torch.nn.Module) -> None:
    """Make answers of random weights differ by more than rounding."""
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.normal_(layer.weight, std=1.0)


def picture(seed: int = 1, shape: tuple[int, int, int] = (40, 60, 3)) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def expected(folder: Path, image: Any) -> list[float]:
    """Probabilities as transformers' own pipeline gives them."""
    from PIL import Image

    pipe = transformers.pipeline("image-classification", model=str(folder))
    rows = pipe(Image.fromarray(image), top_k=99)
    by_label = {row["label"]: row["score"] for row in rows}
    return [by_label[label] for label in pipe.model.config.id2label.values()]


@pytest.mark.parametrize("kind", ["vit", "resnet"])
def test_scores_are_those_of_the_checkpoint(tmp_path: Path, kind: str) -> None:
    folder = make_checkpoint(tmp_path, ["drawings", "hentai", "neutral", "porn", "sexy"], kind)
    chances = expected(folder, picture())
    assert max(chances) - min(chances) > 0.01
    scores = create_image_classifier("image_transformers", model=str(folder)).score(picture())
    assert scores.categories["sexual"] == pytest.approx(chances[1] + chances[3] + chances[4], abs=1e-5)
    assert scores.unsafe == scores.categories["sexual"]
    assert scores.knows == {"unsafe", "sexual"}
    assert tmp_path.name in scores.model


def test_labels_of_a_multi_label_checkpoint_do_not_add_up(tmp_path: Path) -> None:
    labels = ["porn", "gore", "hate"]
    folder = make_checkpoint(tmp_path, labels, problem="multi_label_classification")
    porn, gore, hate = expected(folder, picture())
    scores = create_image_classifier("image_transformers", model=str(folder)).score(picture())
    assert scores.categories["sexual"] == pytest.approx(porn, abs=1e-5)
    assert (
        scores.categories["violence/graphic"]
        == scores.categories["violence"]
        == pytest.approx(gore, abs=1e-5)
    )
    assert scores.unsafe == pytest.approx(max(porn, gore, hate), abs=1e-5)


def test_brands_alone_are_not_harm(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, ["logo", "none"])
    told = {"logo": "trademark", "none": []}
    scores = create_image_classifier("image_transformers", model=str(folder), categories=told).score(
        picture()
    )
    assert scores.knows == {"trademark"}
    assert scores.unsafe == 0 < scores.categories["trademark"]


@pytest.mark.parametrize("kind", ["vit", "resnet"])
@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (900, 3, 3), (1, 20000, 3), (200, 40, 3)], ids=str)
def test_any_shape_is_scored(tmp_path: Path, kind: str, shape: tuple[int, int, int]) -> None:
    classifier = create_image_classifier(
        "image_transformers", model=str(make_checkpoint(tmp_path, ["nsfw", "sfw"], kind))
    )
    scores = classifier.score(picture(1, shape))
    assert 0 < scores.categories["sexual"] < 1


def test_threads_share_one_classifier(tmp_path: Path) -> None:
    classifier = create_image_classifier(
        "image_transformers", model=str(make_checkpoint(tmp_path, ["nsfw", "normal"]))
    )
    alone = [classifier.score(picture(seed)).unsafe for seed in range(8)]
    together: dict[int, float] = {}
    threads = [
        threading.Thread(target=lambda s=seed: together.update({s: classifier.score(picture(s)).unsafe}))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [together[seed] for seed in range(8)] == pytest.approx(alone, abs=1e-6)
    assert len(set(alone)) == 8


def test_unknown_labels_are_listed() -> None:
    with pytest.raises(OptionsInvalid, match=r"the labels \['LABEL_0'\].*set categories"):
        map_labels(["LABEL_0", "nsfw"])


def test_options_come_before_common_names() -> None:
    feeds = map_labels(["LABEL_0", "nsfw", "Non-Violence"], {"LABEL_0": ["illicit"], "nsfw": "unsafe"})
    assert feeds == [("illicit",), ("unsafe",), ()]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"nsfw": "nudity"}, "got \\['nudity'\\]"),
        ({"nsfw": []}, "at least one of unsafe"),
        ({"porn": "sexual"}, "got labels \\['porn'\\]"),
    ],
    ids=["no such category", "nothing fed", "no such label"],
)
def test_wrong_mappings_are_refused(told: dict[str, Any], why: str) -> None:
    with pytest.raises(OptionsInvalid, match=why):
        map_labels(["nsfw", "sfw"], told)


def test_a_checkpoint_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = make_checkpoint(tmp_path, ["nsfw", "sfw"])
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if not name.startswith("classifier")}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelUnreadable, match=r"no weights for classifier\.bias"):
        create_image_classifier("image_transformers", model=str(folder))


def test_a_damaged_or_absent_checkpoint_is_refused_without_a_network(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path / "tiny", ["nsfw", "sfw"])
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelUnreadable, match="expected a directory"):
        create_image_classifier("image_transformers", model=str(folder))
    with pytest.raises(ModelUnreadable, match="acme/no-such-checkpoint"):
        create_image_classifier("image_transformers", model="acme/no-such-checkpoint")


def test_weights_that_are_no_numbers_do_not_become_a_score(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, ["nsfw", "sfw"])
    network = transformers.ViTForImageClassification.from_pretrained(folder)
    torch.nn.init.constant_(network.classifier.weight, float("nan"))
    network.save_pretrained(folder)
    with pytest.raises(ModelUnreadable, match="not finite"):
        create_image_classifier("image_transformers", model=str(folder)).score(picture())


def test_code_of_a_checkpoint_is_never_run(tmp_path: Path) -> None:
    import json

    folder = make_checkpoint(tmp_path, ["nsfw", "sfw"])
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "model_type": "evil",
        "auto_map": {"AutoConfig": "evil.C", "AutoModelForImageClassification": "evil.M"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelUnreadable):
        create_image_classifier("image_transformers", model=str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, ["nsfw", "sfw"])
    with pytest.raises(OptionsInvalid, match="got 'cuda:99'"):
        create_image_classifier("image_transformers", model=str(folder), device="cuda:99")


def test_without_transformers_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ClassifierUnavailable, match=r"pip install 'countermark\[hub\]'"):
        create_image_classifier("image_transformers", model="acme/any")

"""The loader on a tiny ShieldGemma 2 with random weights; Google's weights could not be had."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifiers import ClassifierUnavailable, create_image_classifier
from classifiers.errors import ImageRejected, ModelUnreadable
from classifiers.image_shieldgemma import violations

transformers = pytest.importorskip("transformers")

NAMED = ["<pad>", "<bos>", "<eos>", "<boi>", "<eoi>", "<img>", "<unk>", "Yes", "No"]
TEMPLATE = (
    "{% for m in messages %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<boi>{% else %}{{ c['text'] }}{% endif %}{% endfor %}{% endfor %}"
)


def make_checkpoint(
    folder: Path, yes: int = NAMED.index("Yes"), policies: dict[str, str] | None = None
) -> Path:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    vocabulary = [*NAMED, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    letters = Tokenizer(
        models.BPE(vocab={t: n for n, t in enumerate(vocabulary)}, merges=[], unk_token="<unk>")
    )
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=letters,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        extra_special_tokens={"boi_token": "<boi>", "eoi_token": "<eoi>", "image_token": "<img>"},
    )
    images = Gemma3ImageProcessorPil(size={"height": 28, "width": 28})
    transformers.ShieldGemma2Processor(
        images, tokenizer, chat_template=TEMPLATE, image_seq_length=4, policy_definitions=policies
    ).save_pretrained(folder)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.ShieldGemma2Config(
        text_config={**small, "vocab_size": len(vocabulary), "num_key_value_heads": 1, "head_dim": 8},
        vision_config={**small, "image_size": 28, "patch_size": 7},
        mm_tokens_per_image=4,
        boi_token_index=NAMED.index("<boi>"),
        eoi_token_index=NAMED.index("<eoi>"),
        image_token_index=NAMED.index("<img>"),
    )
    config.yes_token_index, config.no_token_index = yes, NAMED.index("No")
    torch.manual_seed(5)
    transformers.ShieldGemma2ForImageClassification(config).save_pretrained(folder)
    return folder


def picture(shape: tuple[int, int, int] = (40, 60, 3)) -> Any:
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("shieldgemma"))


def test_a_policy_scores_the_yes_of_its_own_question(checkpoint: Path) -> None:
    scores = create_image_classifier("image_shieldgemma", model=str(checkpoint)).score(picture())
    processor = transformers.ShieldGemma2Processor.from_pretrained(checkpoint)
    network = transformers.ShieldGemma2ForImageClassification.from_pretrained(checkpoint).eval()
    for policy, category in {
        "dangerous": "illicit",
        "sexual": "sexual",
        "violence": "violence/graphic",
    }.items():
        from PIL import Image

        asked = processor(images=[Image.fromarray(picture())], policies=[policy], return_tensors="pt")
        with torch.inference_mode():
            logits = network.model(**asked).logits[
                0, -1
            ]  # one question alone: no padding, the last is the answer
        yes = torch.softmax(logits[[NAMED.index("Yes"), NAMED.index("No")]], 0)[0].item()
        assert scores.categories[category] == pytest.approx(yes, abs=1e-4)
    asked_for = ("illicit", "sexual", "violence")
    assert len({scores.categories[name] for name in asked_for}) == 3
    assert scores.unsafe == max(scores.categories.values())
    assert scores.knows == {"unsafe", "illicit", "sexual", "violence", "violence/graphic"}


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (1, 20000, 3)], ids=str)
def test_any_shape_is_scored(checkpoint: Path, shape: tuple[int, int, int]) -> None:
    classifier = create_image_classifier("image_shieldgemma", model=str(checkpoint))
    assert 0 < classifier.score(picture(shape)).unsafe < 1


def test_what_is_no_picture_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ImageRejected):
        create_image_classifier("image_shieldgemma", model=str(checkpoint)).score(np.zeros((4, 4), np.uint8))


def test_column_0_is_the_violation() -> None:
    told = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    assert violations(told) == pytest.approx({"dangerous": 0.9, "sexual": 0.2, "violence": 0.5})


@pytest.mark.parametrize(
    "told", [torch.full((3, 2), float("nan")), torch.ones(2, 2)], ids=["nan", "two rows"]
)
def test_what_is_no_answer_does_not_become_a_score(told: torch.Tensor) -> None:
    with pytest.raises(ModelUnreadable, match="expected finite"):
        violations(told)


def test_a_tokenizer_with_another_yes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match=r"got \['<eoi>', 'No'\]"):
        create_image_classifier("image_shieldgemma", model=str(make_checkpoint(tmp_path, yes=4)))


def test_a_checkpoint_without_the_three_policies_is_refused(tmp_path: Path) -> None:
    folder = make_checkpoint(tmp_path, policies={"sexual": "No nudity."})
    with pytest.raises(ModelUnreadable, match=r"got policies \['sexual'\]"):
        create_image_classifier("image_shieldgemma", model=str(folder))


def test_without_transformers_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(ClassifierUnavailable, match=r"pip install 'countermark\[hub\]'"):
        create_image_classifier("image_shieldgemma", model="acme/any")

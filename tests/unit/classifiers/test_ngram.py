import hashlib
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from classifiers import create_prompt_classifier
from classifiers.errors import ModelUnreadable
from classifiers.ngram import NgramClassifier, bloom_probes, create_prompt, is_known

SHIPPED = Path(str(resources.files("classifiers") / "models" / "ngram"))


@pytest.fixture(scope="module")
def classifier() -> NgramClassifier:
    return create_prompt()


def test_the_card_names_the_weights_and_their_size_is_bounded() -> None:
    weights = (SHIPPED / "weights.npz").read_bytes()
    assert hashlib.sha256(weights).hexdigest() in (SHIPPED / "card.md").read_text(encoding="utf-8")
    assert len(weights) < 1_000_000


def test_weights_that_the_card_does_not_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_text((SHIPPED / "card.md").read_text(encoding="utf-8"), encoding="utf-8")
    damaged = bytearray((SHIPPED / "weights.npz").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (tmp_path / "weights.npz").write_bytes(damaged)
    with pytest.raises(ModelUnreadable, match="got weights with SHA-256"):
        create_prompt_classifier("ngram", model_dir=tmp_path)


def test_missing_or_foreign_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnreadable, match=r"expected weights\.npz"):
        create_prompt(tmp_path)
    with pytest.raises(ModelUnreadable, match="cannot be read"):
        NgramClassifier(b"not an npz")


def test_scoring_needs_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys; from classifiers import create_prompt_classifier as c; c().score('a cat');"
        "sys.exit(bool({'torch', 'sklearn', 'rapidocr'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_disguise_does_not_change_the_score(classifier: NgramClassifier) -> None:
    plain = classifier.score("naked woman having sex").unsafe
    for text in (
        "n\u200baked wom\u200ban having s\u200bex",
        "nаkеd wоmаn hаving sеx",
        "ＮＡＫＥＤ woman having sex",
    ):
        assert classifier.score(text).unsafe == pytest.approx(plain)
    assert plain > 0.5


def test_the_score_of_a_long_text_is_that_of_its_worst_part(classifier: NgramClassifier) -> None:
    cover = "a quiet street in an old town with flower boxes and a cat on a warm wall in the sun " * 8
    request = "a naked woman having sex, explicit nude porn"
    hidden = classifier.score(cover + request + " " + cover).unsafe
    assert hidden > 0.3
    assert hidden > 20 * classifier.score(cover).unsafe


def test_scores_do_not_depend_on_what_was_scored_before(classifier: NgramClassifier) -> None:
    first = classifier.score("a cat")
    classifier.score("naked " * 500)
    assert classifier.score("a cat") == first


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a photo of a cat on a sofa", True),
        ("一只猫在沙发上", True),
        ("a portrait of Zdzislaw Beksinski", True),
        ("Kowalczyk", True),
        ("2024", True),
        ("", True),
        ("голая женщина", False),
        ("ผู้หญิงเปลือย", False),
        ("ein kleiner Hund schläft gemütlich unter dem alten Apfelbaum", False),
    ],
)
def test_unread_tells_a_language_from_a_name(classifier: NgramClassifier, text: str, *, read: bool) -> None:
    assert (classifier.score(text).unread < 0.5) is read


def test_a_minor_turns_the_sexual_score_into_that_of_minors(classifier: NgramClassifier) -> None:
    adult, minor = classifier.score("a naked woman"), classifier.score("a naked woman with a child")
    assert adult.categories["sexual/minors"] == 0.0
    assert minor.categories["sexual/minors"] >= minor.categories["sexual"] > 0.1


def test_the_vocabulary_filter_finds_what_was_put_in_and_little_else() -> None:
    rng = np.random.default_rng(1)
    inside, outside = rng.integers(0, 2**63, (2, 5000), np.uint64)
    filled = np.zeros(1 << 17, np.bool_)
    for probe in bloom_probes(inside, len(filled)):
        filled[probe] = True
    packed = np.packbits(filled, bitorder="little")
    assert is_known(inside, packed).all()
    assert is_known(outside, packed).mean() < 0.02


def test_the_package_holds_no_sentence_of_the_training_data() -> None:
    """Weights and cards only: nothing in the package is a data file, and the weights hold numbers."""
    folder = Path(str(resources.files("classifiers")))
    assert not list(folder.rglob("*.jsonl*"))
    with np.load(SHIPPED / "weights.npz", allow_pickle=False) as arrays:
        texts = [name for name, array in arrays.items() if array.dtype.kind in "USO"]
        meta = arrays["meta"].tobytes().decode()
    assert texts == []
    assert len(meta) < 1000

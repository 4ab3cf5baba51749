import json
from pathlib import Path

import numpy as np
import pytest
import torch

from classifiers.errors import TrainingDataInvalid
from classifiers.installed_models import open_session
from classifiers.prompt_encoder import create_prompt
from classifiers.training.encoder_base import Base, choose_pieces, load_base, make_tokenizer
from classifiers.training.encoder_export import smooth, to_int8
from classifiers.training.encoder_network import from_base, over_texts
from classifiers.training.train_encoder import pad, run
from tests.unit.classifiers.training import encoder_file


@pytest.fixture
def base(tmp_path: Path) -> Base:
    encoder_file.write(tmp_path / "base.bin")
    return load_base(tmp_path / "base.bin")


def test_the_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    written = encoder_file.write(tmp_path / "base.bin")
    read = load_base(tmp_path / "base.bin")
    assert [piece for piece, _ in read.pieces] == encoder_file.PIECES
    assert (read.width, read.layers, read.heads, read.inner) == (32, 2, 2, 64)
    np.testing.assert_allclose(read.tensors["pos"], written["emb.pos"])
    for name, got in (("emb.word", read.words), ("l1.fi.w", read.tensors["l1.fi.w"].numpy())):
        step = np.abs(written[name]).max() / 7
        assert np.abs(got - written[name]).max() <= step, name
        assert np.corrcoef(got.ravel(), written[name].ravel())[0, 1] > 0.98


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(TrainingDataInvalid, match="expected E5S1"):
        load_base(tmp_path / "x.bin")


def test_pieces_are_chosen_by_use_and_special_ones_stay(base: Base) -> None:
    chosen = choose_pieces(base, ["naked cat", "cat"], len(encoder_file.PIECES) - 1)
    kept = [base.pieces[row][0] for row in chosen]
    assert kept[:5] == encoder_file.PIECES[:5]
    assert {"▁cat", "▁naked"} <= set(kept)
    assert chosen == sorted(chosen)
    assert "▁Dog" not in kept  # capitals never come out of the normaliser


def test_a_word_without_a_piece_is_spelt(base: Base) -> None:
    rows = [row for row, (piece, _) in enumerate(base.pieces) if piece != "▁cat"]
    tokens = (
        make_tokenizer([base.pieces[row] for row in rows])
        .encode("cat naked", add_special_tokens=False)
        .tokens
    )
    assert tokens == ["▁c", "a", "t", "▁naked"]


def test_padding_changes_nothing(base: Base) -> None:
    network = from_base(base, range(len(base.pieces)), (0, 1), 64).eval()
    short, long = (
        torch.tensor([[0, 10, 11, 2]]),
        torch.tensor([[0, 10, 11, 2, 1, 1, 1], [0, 9, 8, 7, 6, 5, 2]]),
    )
    with torch.no_grad():
        alone = network(short, torch.tensor([4]))
        padded = network(long, torch.tensor([4, 7]))
    torch.testing.assert_close(alone[0], padded[0])


def test_padding_keeps_lengths() -> None:
    ids, lengths = pad([[7, 8, 9], []])
    assert ids.tolist() == [[0, 7, 8, 9, 2], [0, 2, 1, 1, 1]]
    assert lengths.tolist() == [5, 2]


def test_what_is_exported_computes_what_was_trained(base: Base) -> None:
    torch.manual_seed(3)
    network = from_base(base, range(len(base.pieces)), (0, 1), 64).eval()
    torch.nn.init.normal_(
        network.layers[1].fo.weight[:, 5], std=3.0
    )  # one loud channel, which int8 must survive
    samples = [(torch.randint(4, 40, (1, length)), torch.tensor([length])) for length in (3, 9, 17, 40, 64)]
    session = open_session(to_int8(smooth(network, samples)))
    with torch.no_grad():
        trained = np.concatenate([network(ids, length).numpy() for ids, length in samples])
    served = np.concatenate([session.run(None, {"ids": ids.numpy()})[0] for ids, _ in samples])
    assert np.abs(served - trained).max() < 0.1 * trained.std(axis=0).max() + 0.02


def test_a_text_is_as_bad_as_its_worst_window() -> None:
    logits = torch.tensor([[1.0, -2.0], [3.0, -4.0], [0.0, 5.0]])
    assert over_texts(logits, torch.tensor([0, 0, 1]), 2).tolist() == [[3.0, -2.0], [0.0, 5.0]]


def test_training_writes_a_model_that_can_be_served(tmp_path: Path) -> None:
    encoder_file.write(tmp_path / "base.bin")
    (tmp_path / "data").mkdir()
    rows = [{"text": f"a naked cat {i}", "labels": ["sexual"]} for i in range(60)]
    rows += [{"text": f"a cat {i}", "labels": [], "safe": True} for i in range(60)]
    (tmp_path / "data" / "cats.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    figures = run(
        tmp_path / "data",
        tmp_path / "out",
        steps=12,
        base_file=tmp_path / "base.bin",
        layers=(0, 1),
        own_scale=0.003,
    )
    classifier = create_prompt(tmp_path / "out")
    assert classifier.score("a naked cat").unsafe > classifier.score("a cat").unsafe
    assert figures["sources"] == {"cats": 120}
    assert figures["rows"] > 120  # our own sentences are in it


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataInvalid, match="expected some"):
        run(tmp_path, tmp_path / "out")

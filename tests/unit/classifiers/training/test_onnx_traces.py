from pathlib import Path

import numpy as np
import pytest
import torch

import classifiers
from classifiers.image_logos import load_network
from classifiers.training.logo_export import export_float

PACKAGED = sorted((Path(classifiers.__file__).parent / "models").rglob("*.onnx"))


@pytest.mark.parametrize("model", PACKAGED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_packaged_model_names_a_folder_of_the_machine_that_made_it(model: Path) -> None:
    data = model.read_bytes()
    assert b"site-packages" not in data
    assert b"stack_trace" not in data


def test_an_export_names_none_either_and_still_answers() -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.ReLU())
    picture = np.random.default_rng(0).standard_normal((2, 3, 8, 8), dtype=np.float32)
    model = export_float(network, picture, any_size=False)
    assert b"site-packages" not in model
    assert str(Path(__file__).parents[4]).encode() not in model
    with torch.no_grad():
        np.testing.assert_allclose(
            load_network(model)(picture), network(torch.from_numpy(picture)).numpy(), atol=1e-5
        )

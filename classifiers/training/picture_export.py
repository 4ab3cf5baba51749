"""Export a trained image network to ONNX and make it small and fast without making it worse.

Owns the recipe: opset export, `quant_pre_process` (shapes, constant folding, batch normalisation into the
convolutions), then static quantisation to int8, weights per output channel, as quantise-dequantise pairs. Weights
keep 7 bits (`reduce_range`): processors without VNNI add pairs of 8 bit products in 16 bits, which 8 bit weights
overflow, so the figures of one machine would not hold on another.

The quantised model is only kept if it is as right as the other on real pictures: `within_gate`.
"""

import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from classifiers.errors import ClassifierUnavailable
from classifiers.installed_models import open_session
from classifiers.picture_input import network_input, squash
from classifiers.training.onnx_traces import without_traces

GATE: Final = 0.005
"""Accuracy that the quantised model may lose: half a point."""
CALIBRATION_PICTURES: Final = 200
_OPSET: Final = 18


class _Logits(torch.nn.Module):
    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self._network = network

    def forward(self, pixel_values: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self._network(pixel_values=pixel_values).logits
        return logits


def export(network: torch.nn.Module, side: int) -> bytes:
    """Give the ONNX of `network`: input `pixel_values` float32 (1, 3, side, side), output `logits` (1, classes).

    Raises:
        ClassifierUnavailable: onnx or onnxscript is not installed.

    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        before = logging.getLogger("torch.onnx").level
        try:
            torch.onnx.export(
                _Logits(network).eval(),
                (torch.zeros(1, 3, side, side),),
                file,
                input_names=["pixel_values"],
                output_names=["logits"],
                opset_version=_OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        except ImportError as error:
            raise ClassifierUnavailable(
                f"export: got no {error.name}, expected it; pip install 'countermark[train]'"
            ) from error
        finally:
            logging.getLogger("torch.onnx").setLevel(before)
        return without_traces(file.read_bytes())


def quantise(model: bytes, calibration: Sequence[NDArray[np.float32]]) -> bytes:
    """Give the int8 model; activation ranges are the widest that `calibration` ((1, 3, S, S) each) reaches.

    Raises:
        ClassifierUnavailable: onnx is not installed.

    """
    try:
        from onnxruntime.quantization import (  # noqa: PLC0415 - needs onnx, which serving does not
            CalibrationDataReader,
            QuantFormat,
            QuantType,
            quantize_static,
        )
        from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415
    except ImportError as error:
        raise ClassifierUnavailable(
            f"quantisation: got no {error.name}, expected it; pip install 'countermark[train]'"
        ) from error

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            pixels = next(self._left, None)
            return None if pixels is None else {"pixel_values": pixels}

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "fp32.onnx").write_bytes(model)
        quant_pre_process(str(folder / "fp32.onnx"), str(folder / "ready.onnx"))
        quantize_static(
            str(folder / "ready.onnx"),
            str(folder / "int8.onnx"),
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        return (folder / "int8.onnx").read_bytes()


def onnx_logits(
    model: bytes, squares: NDArray[np.uint8], side: int, mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """Score squares uint8 (n, S, S, 3) with an ONNX model, one at a time as it is served: float32 (n, classes)."""
    session = open_session(model)
    return np.concatenate(
        [
            session.run(None, {"pixel_values": network_input(squash(square, side), mean, std)})[0]
            for square in squares
        ]
    )


def cpu_ms(model: bytes, side: int, times: int = 30) -> float:
    """Measure one forward pass: the median of `times`, milliseconds of CPU time, one thread."""
    session = open_session(model)
    pixels = np.random.default_rng(0).normal(size=(1, 3, side, side)).astype(np.float32)
    taken = []
    for _ in range(times + 3):
        start = time.process_time()
        session.run(None, {"pixel_values": pixels})
        taken.append(time.process_time() - start)
    return float(np.median(taken[3:]) * 1000)


def within_gate(fp32: float, int8: float) -> bool:
    """Say whether the quantised accuracy is good enough beside the other; both in [0, 1]."""
    return int8 >= fp32 - GATE - 1e-9

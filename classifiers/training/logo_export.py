"""Write the two networks of `classifiers.image_logos` as int8 ONNX.

Owns the recipe: torch's exporter, shape inference and folding (`quant_pre_process`), then static quantisation with
one scale a channel, from pieces and scenes as they are met in use. Rules it keeps: the last layer of each network
stays in float32 (a heat and a unit vector are compared finely), and what is written is only what onnxruntime reads
back with the answers of torch within the bound that the caller states.
"""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from classifiers.logo_finder import PIECE, STRIDE
from classifiers.training.onnx_traces import without_traces


def export_float(network: nn.Module, example: NDArray[np.float32], *, any_size: bool) -> bytes:
    """Export for any number of inputs, and any height and width if asked; float32."""
    axes: dict[int, torch.export.Dim | str] = {0: torch.export.Dim("n", min=1, max=4096)}
    if any_size:
        axes |= {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        torch.onnx.export(
            network.eval(),
            (torch.from_numpy(example),),
            path,
            input_names=["batch"],
            output_names=["out"],
            dynamic_shapes=(axes,),
            external_data=False,
            verbose=False,
        )
        return without_traces(path.read_bytes())


def quantise(model: bytes, samples: Iterable[NDArray[np.float32]]) -> bytes:
    """Turn a float32 model into int8, its ranges taken from `samples`, its last layer left alone."""
    import onnx  # noqa: PLC0415 - slow to import, and only the export needs it

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime is untyped
        def __init__(self) -> None:
            self._left = iter(samples)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            sample = next(self._left, None)
            return None if sample is None else {"batch": sample}

    with tempfile.TemporaryDirectory() as folder:
        before, ready, after = (Path(folder) / name for name in ("a.onnx", "b.onnx", "c.onnx"))
        before.write_bytes(model)
        quant_pre_process(before, ready, skip_symbolic_shape=True)
        last = [
            node.name for node in onnx.load(ready).graph.node if node.op_type in {"Conv", "Gemm", "MatMul"}
        ][-1]
        quantize_static(
            ready,
            after,
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            nodes_to_exclude=[last],
            reduce_range=True,  # 8 bit weights overflow on processors without VNNI
            extra_options={"ActivationSymmetric": False, "WeightSymmetric": True},
        )
        return without_traces(after.read_bytes())


def finder_example() -> NDArray[np.float32]:
    """Give an input of the finder's kind."""
    return np.zeros((2, 3, 20 * STRIDE, 24 * STRIDE), np.float32)


def describer_example() -> NDArray[np.float32]:
    """Give an input of the describer's kind."""
    return np.zeros((2, 3, PIECE, PIECE), np.float32)

"""Write a trained encoder as the files that `classifiers.prompt_encoder` reads.

Owns the export to ONNX and the quantisation: weights int8 per channel (per tensor loses .011 AUROC on one set of the
study that this started from), activations int8 with one scale a matrix, found at run time. A few channels behind GELU
are thirty times larger than the rest and would leave the others five bits; so every channel is divided by a factor
that its weights are multiplied with (SmoothQuant, Xiao et al. 2023, arXiv 2211.10438). Attention is onnxruntime's own
operator (`com.microsoft.MultiHeadAttention`), without a mask, which costs more than the attention itself (`NOTES.md`).
"""

import copy
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from classifiers.training.dataset import HEADS
from classifiers.training.encoder_network import EncoderNetwork, Layer
from classifiers.training.onnx_traces import without_traces

SMOOTHING: Final = 0.75
"""Share of the difficulty that moves into the weights. Mean change of the `unsafe` logit on 75 prompts, everything
else exact: .217 without, .206 at .5, .071 at .7."""


def export(
    network: EncoderNetwork,
    samples: Sequence[tuple[Tensor, Tensor]],
    tokenizer: Any,
    slope: NDArray[np.float32],
    intercept: NDArray[np.float32],
    out: Path,
) -> dict[str, bytes]:
    """Write `model.onnx`, `tokenizer.json.gz` and `calibration.json` to `out`; give their contents by name."""
    (out / "model.onnx").write_bytes(to_int8(smooth(network, samples)))
    (out / "tokenizer.json.gz").write_bytes(gzip.compress(tokenizer.to_str().encode("utf-8"), 9, mtime=0))
    numbers = {
        "heads": HEADS,
        "slope": [round(float(value), 6) for value in slope],
        "intercept": [round(float(value), 6) for value in intercept],
        "version": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()[:12],
    }
    (out / "calibration.json").write_text(json.dumps(numbers) + "\n", encoding="utf-8")
    return {
        name: (out / name).read_bytes() for name in ("model.onnx", "tokenizer.json.gz", "calibration.json")
    }


class _Smoothed(nn.Module):
    """A linear layer that divides its input by `factor` and multiplies its weights with it."""

    def __init__(self, plain: nn.Linear, factor: Tensor) -> None:
        super().__init__()
        self.linear = _linear(plain.weight * factor, plain.bias)
        self.inverse: Tensor
        self.register_buffer("inverse", 1 / factor)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x * self.inverse)
        return out


class _ServedLayer(nn.Module):
    """A layer as onnxruntime is fastest with: one operator for attention, three projections that need no cutting.

    The factors of `ao` stand in the weights of the values, those of the other layers' inputs in a multiplication.
    It can be exported and not run: outside onnxruntime the operator gives nothing.
    """

    def __init__(self, plain: Layer, largest: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.heads, self.aln, self.oln = plain.heads, plain.aln, plain.oln
        factor = {key: _factor(getattr(plain, key), seen) for key, seen in largest.items()}
        query, key, value = (plain.qkv.weight * factor["qkv"]).chunk(3)
        query_bias, key_bias, value_bias = plain.qkv.bias.chunk(3)
        self.query, self.key = _linear(query, query_bias), _linear(key, key_bias)
        self.value = _linear(value / factor["ao"][:, None], value_bias / factor["ao"])
        self.ao = _linear(plain.ao.weight * factor["ao"], plain.ao.bias)
        self.fi, self.fo = _Smoothed(plain.fi, factor["fi"]), _Smoothed(plain.fo, factor["fo"])
        self.inverse: Tensor
        self.register_buffer("inverse", 1 / factor["qkv"])

    def forward(self, x: Tensor) -> Tensor:
        """Map float (B, T, width)."""
        even = x * self.inverse
        attended = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            (self.query(even), self.key(even), self.value(even)),
            {"num_heads": self.heads},
            dtype=x.dtype,
            shape=x.shape,
            version=1,
        )
        x = self.aln(x + self.ao(attended))
        out: Tensor = self.oln(x + self.fo(functional.gelu(self.fi(x))))
        return out


class Served(nn.Module):
    """`EncoderNetwork` for windows of one length: nothing is padded, so nothing is masked."""

    def __init__(self, plain: EncoderNetwork, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.words, self.positions, self.norm = plain.words, plain.positions, plain.norm
        self.dense, self.out = plain.dense, plain.out
        self.layers = nn.ModuleList(layers)

    def forward(self, ids: Tensor) -> Tensor:
        """Give logits, float (B, heads), of windows `ids`, int64 (B, T)."""
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.out(functional.gelu(self.dense(torch.cat((x.mean(1), x.amax(1)), 1))))
        return out


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight.detach().clone(), bias.detach().clone()
    return layer


def _factor(layer: nn.Linear, largest: Tensor) -> Tensor:
    """Give what the input channels of `layer` are divided by; `largest` is float (channels,), as they were seen."""
    weight = layer.weight.detach().abs().amax(0).clamp(min=1e-5)
    factor = largest.clamp(min=1e-5) ** SMOOTHING / weight ** (1 - SMOOTHING)
    return factor / factor.mean()


def smooth(network: EncoderNetwork, samples: Sequence[tuple[Tensor, Tensor]]) -> Served:
    """Give a copy of `network` for export, with even channels; `samples` are (ids, lengths) of prompts."""
    copied = copy.deepcopy(network).eval()
    largest: list[dict[str, Tensor]] = [{} for _ in copied.layers]

    def watch(seen: dict[str, Tensor], key: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            now = inputs[0].detach().abs().flatten(0, -2).amax(0)
            seen[key] = torch.maximum(seen[key], now) if key in seen else now

        return hook

    layers = [layer for layer in copied.layers if isinstance(layer, Layer)]
    watching = [
        part.register_forward_pre_hook(watch(seen, key))
        for layer, seen in zip(layers, largest, strict=True)
        for key, part in layer.named_children()
        if isinstance(part, nn.Linear)
    ]
    with torch.no_grad():
        for ids, lengths in samples:
            copied(ids, lengths)
    for one in watching:
        one.remove()
    return Served(copied, [_ServedLayer(*pair) for pair in zip(layers, largest, strict=True)]).eval()


def to_int8(network: Served) -> bytes:
    """Export `network` with the input `ids`, int64 (B, T), and the output `logits`, float32 (B, heads)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - needs onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: PLC0415

    batch, length = torch.export.Dim("batch", max=512), torch.export.Dim("length", max=64)
    with TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "small.onnx"))
        torch.onnx.export(
            network,
            (torch.randint(3, 9, (2, 8)),),
            str(plain),
            input_names=["ids"],
            output_names=["logits"],
            dynamic_shapes={"ids": {0: batch, 1: length}},
            dynamo=True,
            external_data=False,
            verbose=False,
        )
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize_dynamic(str(ready), str(small), weight_type=QuantType.QInt8, per_channel=True)
        return without_traces(small.read_bytes())

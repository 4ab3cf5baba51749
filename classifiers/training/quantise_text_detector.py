"""Make the int8 text detector out of the float32 one that RapidOCR carries.

    python -m classifiers.training.quantise_text_detector --out classifiers/models/text

Post-training, static, per channel (onnxruntime's QDQ format); ranges from scikit-image's and scikit-learn's sample
photographs with lines of text drawn on them. First, weights smaller than the smallest normal float32 become 0: of the
published network 255,958 are, in channels that weight decay killed, and a processor multiplies such numbers some
hundred times slower (512 x 512 pixels: 345 ms before, 119 after, the same output to the last bit).

Prints the agreement of both networks' text areas (intersection over union above the threshold) on pictures that were
not calibrated with, and writes `detector.onnx`. Put its SHA-256 into the card.
"""

import argparse
import hashlib
import logging
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper, version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from classifiers.installed_models import open_session
from classifiers.text_detector import IS_TEXT, TextDetector, network_input
from classifiers.training.picture_text import Picture, Style, latin_fonts, write_line
from classifiers.training.sample_pictures import packaged_pictures, square

_LOG = logging.getLogger("classifiers.training.quantise_text_detector")
_SOURCE: Final = "rapidocr/models/PP-OCRv6_det_small.onnx"
_OPSET: Final = 17
"""Scales per channel need 13 or later; the published file is of 11."""
_OPERATIONS: Final = [
    "Conv", "ConvTranspose", "Add", "Mul", "Concat", "Relu", "HardSigmoid", "Resize", "MaxPool", "GlobalAveragePool",
]  # fmt: skip
"""All but the error function of GELU and the last sigmoid. With "Conv" alone the network is no faster than float32:
converting back and forth costs what the products save."""
_SIDE: Final = 512
_SEED: Final = 5


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime's quantisation has no types
    def __init__(self, name: str, pictures: Sequence[Picture]) -> None:
        self._rest = iter([{name: network_input(picture, _SIDE, _SIDE)} for picture in pictures])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._rest, None)


def flush_subnormal(model: Any) -> int:
    """Set weights below the smallest normal float32 to 0, in place; give their number."""
    count = 0
    for weight in model.graph.initializer:
        values = numpy_helper.to_array(weight)
        if values.dtype == np.float32:
            tiny = (values != 0) & (np.abs(values) < np.finfo(np.float32).tiny)
            if tiny.any():
                count += int(tiny.sum())
                weight.CopyFrom(numpy_helper.from_array(np.where(tiny, np.float32(0), values), weight.name))
    return count


def written_pictures(rng: np.random.Generator) -> list[Picture]:
    """Draw one to six lines onto each sample photograph, letters 8 to 90 px high at 1024, with any slant."""
    fonts, drawn = latin_fonts(), []
    for _, photograph in packaged_pictures():
        picture = square(photograph, 1024)
        for _ in range(int(rng.integers(1, 7))):
            height = int(np.exp(rng.uniform(np.log(8), np.log(90))))
            angle = int(rng.choice([0, 0, 0, 90, 180, 270, int(rng.integers(-45, 46))]))
            style = Style(height, int(rng.integers(40, 160)), angle)
            if height < 50:
                picture, _ = write_line(rng, picture, style, fonts)
            else:
                picture, _ = write_line(rng, picture, Style(height, style.contrast), fonts)
        drawn.append(picture)
    return drawn


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    source = onnx.load(str(metadata.distribution("rapidocr").locate_file(_SOURCE)))
    _LOG.info("%d subnormal weights set to 0", flush_subnormal(source))
    name = source.graph.input[0].name
    pictures = written_pictures(np.random.default_rng(_SEED))
    held, used = pictures[::4], [picture for n, picture in enumerate(pictures) if n % 4]
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, small = (Path(folder) / f"{step}.onnx" for step in ("plain", "ready", "small"))
        onnx.save(version_converter.convert_version(source, _OPSET), str(plain))
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(small),
            _Pictures(name, used),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_OPERATIONS,
            per_channel=True,
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
        )
        content = small.read_bytes()
    before, after = (TextDetector(open_session(one), _SIDE) for one in (source.SerializeToString(), content))
    agreement = []
    for picture in held:
        was, now = before.text_map(picture) > IS_TEXT, after.text_map(picture) > IS_TEXT
        agreement.append((was & now).sum() / max(1, (was | now).sum()))
    _LOG.info("text areas agree: mean %.3f, least %.3f of %d", np.mean(agreement), min(agreement), len(held))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "detector.onnx").write_bytes(content)
    _LOG.info("%d bytes, SHA-256 %s", len(content), hashlib.sha256(content).hexdigest())


if __name__ == "__main__":
    main()

"""Judge the text that is written in a picture.

Owns the reading of text (RapidOCR, Apache-2.0, PP-OCR models for Chinese and English inside its wheel: no
network) and the handing of what was read to the prompt classifier. Rules it keeps: text boxes are looked for
first, and read only where some were found; the picture is looked at with its longer side capped; one thread;
a failure of the reader is `TextUnreadable`, never "no text".

What it cannot see: letters lower than about 6 px after the cap (12 px in a 1024 x 1024 picture), scripts other
than Latin and Chinese, and what stands beyond the first `MAX_LINES` boxes.
"""

import threading
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from classifiers import create_prompt_classifier
from classifiers.errors import ImageRejected, TextUnreadable
from classifiers.scores import PromptClassifier, Scores, no_scores

MAX_SIDE: Final = 512
"""Pixels of the longer side at which text is looked for. The detector takes 0.17 s of one core at 320, 0.45 at
512, 0.6 at 640, 1.2 at 800; 22 px letters on photographs of 1024 px were read at 480 and above."""
MIN_CONFIDENCE: Final = 0.5
"""RapidOCR's own default."""
MAX_LINES: Final = 128
"""Boxes read in one picture: a bound on the time that a picture full of letters can take."""


class ImageTextClassifier:
    """Reads the text in a picture and scores it as a prompt."""

    def __init__(self, prompt_classifier: PromptClassifier, max_side: int = MAX_SIDE) -> None:
        self._prompts = prompt_classifier
        self._max_side = max_side
        self._reader: Any = None
        self._lock = threading.Lock()  # RapidOCR keeps per-call settings on itself
        self.model: str = f"image_text(rapidocr,{prompt_classifier.model})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB; `evidence` holds the lines read.

        Raises:
            ImageRejected: not such an array.
            TextUnreadable: the reader failed.

        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
            raise ImageRejected(f"image: got {image.dtype} {image.shape}, expected uint8 (H, W, 3) RGB")
        lines = self.read(image)
        if not lines:
            return Scores(unsafe=0.0, categories=no_scores(), model=self.model)
        whole = self._prompts.score(" ".join(lines))
        return Scores(whole.unsafe, whole.categories, self.model, evidence=lines)

    def read(self, image: NDArray[np.uint8]) -> tuple[str, ...]:
        """Give the lines of text in `image`, in reading order, at most `MAX_LINES`.

        Raises:
            TextUnreadable: the reader failed.

        """
        try:
            with self._lock:
                if self._reader is None:
                    self._reader = _load_reader(self._max_side)
                return _read_lines(self._reader, self._fit(image))
        except Exception as error:
            raise TextUnreadable(
                f"text in the picture: the reader failed ({type(error).__name__}: {error}); refuse the picture"
            ) from error

    def _fit(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Scale the longer side down to the cap and turn RGB into the BGR that the reader expects."""
        height, width = image.shape[:2]
        factor = self._max_side / max(height, width)
        if factor < 1:
            size = (max(1, round(width * factor)), max(1, round(height * factor)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        return np.ascontiguousarray(image[:, :, ::-1])


def _load_reader(max_side: int) -> Any:
    from rapidocr import RapidOCR  # noqa: PLC0415 - takes a second; a service that reads no pictures skips it

    reader = RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,  # upside-down text: the 180 degree classifier doubles the reading time
            "Global.text_score": MIN_CONFIDENCE,
            "Det.limit_type": "max",
            "Det.limit_side_len": max_side,
            "Det.max_candidates": MAX_LINES,
            "EngineConfig.onnxruntime.intra_op_num_threads": 1,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
    reader(np.full((48, 96, 3), 255, np.uint8), use_det=False)  # loads the recognition model as well
    return reader


def _read_lines(reader: Any, image: NDArray[np.uint8]) -> tuple[str, ...]:
    found = reader(image, use_det=True)
    if not hasattr(found, "txts"):  # RapidOCR returns bare boxes when the reading of them failed
        raise TextUnreadable(f"got {len(found.boxes)} boxes without text")
    return tuple(line for line in found.txts or () if line.strip())


def create_image(
    prompt_classifier: PromptClassifier | None = None, max_side: int = MAX_SIDE
) -> ImageTextClassifier:
    """Build the classifier; the reader's models are loaded at the first picture.

    Args:
        prompt_classifier: judges what was read; the embedded one when None.
        max_side: cap of the longer side in pixels. More finds smaller text and takes longer.

    """
    return ImageTextClassifier(prompt_classifier or create_prompt_classifier(), max_side)

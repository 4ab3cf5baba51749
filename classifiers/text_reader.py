"""Read the text that is written in a picture.

Owns the way from pixels to lines: text boxes are looked for in a small copy of the picture, and read, out of the
picture itself, only where some were found. Rules it keeps: no network, one thread, none of RapidOCR's code (its
distribution carries the PP-OCRv6 models, Apache-2.0); a failure of a reader is `TextUnreadable`, never "no text".

Lines that run upwards, downwards or upside down, and mirrored ones, are read too: only a line that gave no sure
reading costs the further tries. What it cannot see is measured in `models/text/card.md`: small letters first of all.
"""

import threading
from typing import Final

import numpy as np
from numpy.typing import NDArray

from classifiers.errors import ClassifierError, TextUnreadable
from classifiers.installed_models import open_session, read_installed_model
from classifiers.model_files import load_model_files, model_folder
from classifiers.text_detector import TextBox, TextDetector
from classifiers.text_order import Line, in_order
from classifiers.text_recognizer import SURE, TextRecognizer, cut_strips

MAX_SIDE: Final = 544
"""Side in pixels of the square with as many pixels as are looked at; chosen for 120 ms of one core, card.md has what
other sides find and cost."""
MIN_CONFIDENCE: Final = 0.5
"""RapidOCR's own default: below it a reading is noise."""
MAX_STRIPS: Final = 128
"""Strips read in one picture, the largest boxes first."""
MAX_RETRIES: Final = 32
"""Strips of one picture that are tried another way up; with `MAX_STRIPS` a bound on the time that a picture full of
letters can take."""


class TextReader:
    """Reads pictures; the models are loaded at the first one. Thread-safe."""

    def __init__(self, max_side: int = MAX_SIDE) -> None:
        self._max_side = max_side
        self._reader: tuple[TextDetector, TextRecognizer] | None = None
        self._loading = threading.Lock()

    def read(self, image: NDArray[np.uint8]) -> tuple[str, ...]:
        """Give the lines of text in `image`, in reading order, at most `MAX_STRIPS`; raises as `locate`."""
        return tuple(in_order(self.locate(image)))

    def locate(self, image: NDArray[np.uint8]) -> list[Line]:
        """Give the lines of text in `image`, uint8 (H, W, 3), with their places, in no order, at most `MAX_STRIPS`.

        Raises:
            TextUnreadable: the reader failed.
            ClassifierUnavailable: the models are not installed.
            ModelUnreadable: the models are not those that the card names.

        """
        try:
            with self._loading:
                if self._reader is None:
                    self._reader = _load_reader(self._max_side)
            detector, recognizer = self._reader
            return _read_lines(recognizer, image, detector.find(image))
        except ClassifierError:
            raise
        except Exception as error:
            raise TextUnreadable(
                f"text in the picture: the reader failed ({type(error).__name__}: {error}); refuse the picture"
            ) from error


def _load_reader(max_side: int) -> tuple[TextDetector, TextRecognizer]:
    folder = model_folder("text")
    detector = load_model_files(folder, ["detector.onnx"])["detector.onnx"]
    recognizer = read_installed_model("rapidocr", "rapidocr/models/PP-OCRv6_rec_small.onnx", folder)
    return TextDetector(open_session(detector), max_side), TextRecognizer(open_session(recognizer))


def _read_lines(recognizer: TextRecognizer, image: NDArray[np.uint8], boxes: list[TextBox]) -> list[Line]:
    strips = retries = 0
    lines: list[Line] = []
    for box in sorted(boxes, key=lambda box: box.size[0] * box.size[1], reverse=True):
        for strip in cut_strips(image, box)[: MAX_STRIPS - strips]:
            strips += 1
            reading = recognizer.read(strip)
            if reading.confidence < SURE and retries < MAX_RETRIES:
                retries += 1
                reading = recognizer.read_turned(strip, reading)
            if reading.confidence >= MIN_CONFIDENCE:
                lines.append(Line(box, reading.text, reading.way))
    return lines

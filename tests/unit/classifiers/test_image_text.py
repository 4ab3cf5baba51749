import threading

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers import CATEGORIES, Scores
from classifiers.errors import ClassifierError, ImageRejected, TextUnreadable
from classifiers.image_text import ImageTextClassifier, create_image
from classifiers.text_detector import TextBox, TextDetector
from classifiers.text_reader import MAX_RETRIES, MAX_STRIPS
from classifiers.text_recognizer import Reading, TextRecognizer

Image = NDArray[np.uint8]


class Echo:
    """Scores 1.0 for a text with "KILL" in it."""

    model = "echo"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, text: str) -> Scores:
        self.seen.append(text)
        hit = float("KILL" in text.upper())
        return Scores(
            hit,
            dict.fromkeys(CATEGORIES, 0.0) | {"violence": hit},
            self.model,
            unread=0.9,
            knows=frozenset({"unsafe", "violence", "unread"}),
            found={"trademark": ("Kill",)} if hit else {},
        )


def _picture(*lines: str, side: int = 512, scale: float = 1.6) -> Image:
    ramp = np.linspace(40, 110, side, dtype=np.uint8)
    image = np.repeat(np.repeat(ramp[None, :, None], side, 0), 3, 2).copy()
    step = side // (len(lines) + 1)
    for number, text in enumerate(lines, 1):
        at = (30, number * step)
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 240, 90), 4, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def reader() -> ImageTextClassifier:
    return ImageTextClassifier(Echo())


def test_text_is_read_and_scored_as_a_prompt(reader: ImageTextClassifier) -> None:
    scores = reader.score(_picture("KILL THEM ALL"))
    assert scores.evidence == ("KILL THEM ALL",)
    assert scores.unsafe == scores.categories["violence"] == 1.0
    assert scores.found == {"trademark": ("Kill",)}
    assert scores.model == "image_text(pp-ocrv6,echo)"


def test_misread_letters_are_no_foreign_language(reader: ImageTextClassifier) -> None:
    scores = reader.score(_picture("KILL THEM ALL"))
    assert scores.unread == 0.0
    assert scores.knows == {"unsafe", "violence"}


def test_a_picture_without_text_is_not_sent_to_the_prompt_classifier() -> None:
    echo = Echo()
    scores = ImageTextClassifier(echo).score(_picture())
    assert scores.evidence == ()
    assert scores.unsafe == 0.0
    assert echo.seen == []
    assert scores.knows == frozenset()


def test_large_pictures_are_read_after_scaling(reader: ImageTextClassifier) -> None:
    assert reader.score(_picture("KILL THEM ALL", side=1600, scale=5)).unsafe == 1.0


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_lines_are_read(reader: ImageTextClassifier, turns: int) -> None:
    turned = np.ascontiguousarray(np.rot90(_picture("KILL THEM ALL", "IN THE HOUSE", scale=1.5), turns))
    assert reader.read(turned) == ("KILL THEM ALL", "IN THE HOUSE")


def test_mirrored_lines_are_read(reader: ImageTextClassifier) -> None:
    mirrored = np.ascontiguousarray(_picture("KILL THEM ALL", "IN THE HOUSE")[:, ::-1])
    assert reader.read(mirrored) == ("KILL THEM ALL", "IN THE HOUSE")


def test_lines_are_judged_as_one_text() -> None:
    echo = Echo()
    ImageTextClassifier(echo).score(_picture("OPEN THE", "WINDOW AND", "THE DOOR"))
    assert echo.seen == ["OPEN THE WINDOW AND THE DOOR"]


def test_a_word_broken_over_lines_is_judged_whole_as_well(reader: ImageTextClassifier) -> None:
    scores = reader.score(_picture("KI", "LL", scale=4))
    assert scores.evidence == ("KI", "LL", "KILL")
    assert scores.unsafe == 1.0


@pytest.mark.parametrize("shape", [(64, 4096), (4096, 64)], ids=["wide", "tall"])
def test_a_line_in_a_long_thin_picture_is_read(reader: ImageTextClassifier, shape: tuple[int, int]) -> None:
    image = np.full((64, 4096, 3), 60, np.uint8)
    cv2.putText(image, "KILL THEM ALL", (1800, 46), cv2.FONT_HERSHEY_SIMPLEX, 1.4, (255, 255, 255), 3)
    standing = shape[0] > shape[1]
    scores = reader.score(np.ascontiguousarray(np.rot90(image)) if standing else image)
    assert scores.unsafe == 1.0


@pytest.mark.parametrize(
    "image",
    [
        np.full((1, 1, 3), 7, np.uint8),
        np.full((1, 3000, 3), 200, np.uint8),
        np.full((3000, 1, 3), 200, np.uint8),
        np.full((16, 16, 3), 255, np.uint8),
        np.zeros((3000, 3000, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (700, 700, 3), np.uint8),
        np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)[:, ::-1],
    ],
    ids=["pixel", "row", "column", "tiny", "black", "noise", "negative stride"],
)
def test_pictures_without_letters_hold_no_words(reader: ImageTextClassifier, image: Image) -> None:
    scores = reader.score(image)
    assert scores.unsafe == 0.0
    assert all(len(text) < 4 for text in scores.evidence)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 8, 3), np.float32),
        np.zeros((0, 8, 3), np.uint8),
    ],
    ids=["grey", "alpha", "float", "empty"],
)
def test_other_arrays_are_rejected(reader: ImageTextClassifier, image: Image) -> None:
    with pytest.raises(ImageRejected, match="expected uint8"):
        reader.score(image)


class Sheet(TextDetector):
    """Finds boxes everywhere."""

    def __init__(self, count: int) -> None:
        self._count = count

    def find(self, image: Image) -> list[TextBox]:
        corners = np.array([[0, 0], [40, 0], [40, 10], [0, 10]], np.float32)
        return [TextBox(corners, 0.9)] * self._count


class Doubtful(TextRecognizer):
    """Reads the same letter everywhere, never surely; counts its work."""

    def __init__(self) -> None:
        self.read_count = 0

    def read(self, strip: Image) -> Reading:
        assert strip.shape[0] == 48
        self.read_count += 1
        return Reading("x", 0.6)


def test_a_sheet_full_of_letters_is_bounded_work() -> None:
    classifier, recognizer = ImageTextClassifier(Echo()), Doubtful()
    classifier._reader = (Sheet(5000), recognizer)
    assert len(classifier.read(np.zeros((100, 100, 3), np.uint8))) == MAX_STRIPS
    assert recognizer.read_count == MAX_STRIPS + 2 * MAX_RETRIES


class Broken(TextDetector):
    def __init__(self) -> None:
        pass

    def find(self, image: Image) -> list[TextBox]:
        raise RuntimeError(f"out of memory for {image.shape}")


def test_a_failing_reader_is_an_error_and_never_no_text() -> None:
    classifier = ImageTextClassifier(Echo())
    classifier._reader = (Broken(), Doubtful())
    with pytest.raises(TextUnreadable, match="refuse the picture"):
        classifier.score(_picture())


def test_a_failing_prompt_classifier_is_no_harmless_text() -> None:
    class Failing(Echo):
        def score(self, text: str) -> Scores:
            raise ClassifierError(text)

    with pytest.raises(ClassifierError, match="KILL"):
        ImageTextClassifier(Failing()).score(_picture("KILL THEM ALL"))


def test_threads_share_one_reader(reader: ImageTextClassifier) -> None:
    pictures = [_picture("KILL THEM ALL"), _picture()]
    found: list[tuple[int, float]] = []
    threads = [
        threading.Thread(target=lambda n=number: found.append((n, reader.score(pictures[n]).unsafe)))
        for number in (0, 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(0, 1.0), (1, 0.0)]


def test_the_shipped_pair_refuses_a_hateful_sign() -> None:
    scores = create_image().score(_picture("KILL ALL JEWS"))
    assert scores.unsafe > 0.5

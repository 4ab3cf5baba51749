import threading

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from classifiers import CATEGORIES, Scores
from classifiers.errors import ImageRejected, TextUnreadable
from classifiers.image_text import ImageTextClassifier, create_image


class Echo:
    """Scores 1.0 for a text with "KILL" in it."""

    model = "echo"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def score(self, text: str) -> Scores:
        self.seen.append(text)
        return Scores(float("KILL" in text.upper()), dict.fromkeys(CATEGORIES, 0.0), self.model, unread=0.9)


def _picture(text: str, side: int = 512, scale: float = 1.6) -> NDArray[np.uint8]:
    ramp = np.linspace(40, 110, side, dtype=np.uint8)
    image = np.repeat(np.repeat(ramp[None, :, None], side, 0), 3, 2).copy()
    cv2.putText(image, text, (30, side // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 240, 90), 4, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def reader() -> ImageTextClassifier:
    return ImageTextClassifier(Echo())


def test_text_is_read_and_scored_as_a_prompt(reader: ImageTextClassifier) -> None:
    scores = reader.score(_picture("KILL THEM ALL"))
    assert "KILL" in " ".join(scores.evidence)
    assert scores.unsafe == 1.0
    assert scores.model == "image_text(rapidocr,echo)"


def test_misread_letters_are_no_foreign_language(reader: ImageTextClassifier) -> None:
    assert reader.score(_picture("KILL THEM ALL")).unread == 0.0


def test_a_picture_without_text_is_not_sent_to_the_prompt_classifier() -> None:
    echo = Echo()
    scores = ImageTextClassifier(echo).score(_picture(""))
    assert scores.evidence == ()
    assert scores.unsafe == 0.0
    assert echo.seen == []


def test_large_pictures_are_read_after_scaling(reader: ImageTextClassifier) -> None:
    assert reader.score(_picture("KILL THEM ALL", side=1600, scale=5)).unsafe == 1.0


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
def test_other_arrays_are_rejected(reader: ImageTextClassifier, image: NDArray[np.uint8]) -> None:
    with pytest.raises(ImageRejected, match="expected uint8"):
        reader.score(image)


def test_a_failing_reader_is_an_error_and_never_no_text() -> None:
    def broken(_: object, **__: object) -> object:
        raise RuntimeError("out of memory")

    class BoxesOnly:
        boxes = (1, 2)

    classifier = ImageTextClassifier(Echo())
    for reading in (broken, lambda _, **__: BoxesOnly()):
        classifier._reader = reading
        with pytest.raises(TextUnreadable, match="refuse the picture"):
            classifier.score(_picture(""))


def test_threads_share_one_reader(reader: ImageTextClassifier) -> None:
    pictures = [_picture("KILL THEM ALL"), _picture("")]
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

"""Judge the text that is written in a picture: what `text_reader` reads, as one prompt."""

import numpy as np
from numpy.typing import NDArray

from classifiers import create_prompt_classifier
from classifiers.combine import combine_scores
from classifiers.picture_input import check_picture
from classifiers.scores import PromptClassifier, Scores, no_scores
from classifiers.text_order import glued
from classifiers.text_reader import MAX_SIDE, TextReader


class ImageTextClassifier(TextReader):
    """Reads the text in a picture and scores it as a prompt. Thread-safe."""

    def __init__(self, prompt_classifier: PromptClassifier, max_side: int = MAX_SIDE) -> None:
        super().__init__(max_side)
        self._prompts = prompt_classifier
        self.model: str = f"image_text(pp-ocrv6,{prompt_classifier.model})"

    def score(self, image: NDArray[np.uint8]) -> Scores:
        """Score `image`, uint8 (H, W, 3) RGB; `evidence` holds the lines read.

        Raises:
            ImageRejected: not such an array.
            TextUnreadable: the reader failed.
            ClassifierUnavailable: the models are not installed.
            ModelUnreadable: the models are not those that the card names.

        """
        check_picture(image)
        lines = self.read(image)
        if not lines:
            return Scores(unsafe=0.0, categories=no_scores(), model=self.model, knows=frozenset())
        spaced, joined = " ".join(lines), glued(lines)
        opinions = [self._prompts.score(spaced)]
        evidence = lines
        if joined != spaced:
            opinions.append(self._prompts.score(joined))
            evidence = (*lines, joined)
        worst = combine_scores(opinions)
        return Scores(
            unsafe=worst.unsafe,
            categories=worst.categories,
            model=self.model,
            evidence=evidence,
            knows=worst.knows - {"unread"},  # letters misread are no foreign language
            found=worst.found,
        )


def create_image(
    prompt_classifier: PromptClassifier | None = None, max_side: int = MAX_SIDE
) -> ImageTextClassifier:
    """Build the classifier; the reader's models are loaded at the first picture.

    Args:
        prompt_classifier: judges what was read; the embedded one when None.
        max_side: side in pixels of the square with as many pixels as are looked at. More finds smaller text and
            takes longer.

    """
    return ImageTextClassifier(prompt_classifier or create_prompt_classifier(), max_side)

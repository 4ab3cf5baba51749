"""Ask the classifiers, apply the policy, answer with a decision.

Owns the joining of several classifiers (the highest score of each category counts) and one promise: it fails
closed. A classifier that raises, leaves a category out or answers with something that is no number in [0, 1]
ends in `CannotDecide`, never in "allow".

With no arguments at all it is the embedded default: the n-gram prompt classifier and the reader of text in
pictures, both from files in the package, no download, no network. Thread-safe.
"""

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from classifiers import (
    CATEGORIES,
    ImageClassifier,
    PromptClassifier,
    Scores,
    create_image_classifier,
    create_prompt_classifier,
)
from safety.decision import Decision, Reason, Stage, hardest
from safety.errors import CannotDecide
from safety.phrases import PhraseList
from safety.policy import CategoryRule, Policy


class Guard:
    """The decision core; see the module docstring."""

    def __init__(
        self,
        policy: Policy | None = None,
        prompt_classifier: PromptClassifier | None = None,
        image_classifiers: Sequence[ImageClassifier] | None = None,
    ) -> None:
        """Take what is given; what is None is the embedded default, loaded at first use."""
        self.policy: Policy = policy or Policy.default()
        self._version = self.policy.version
        self._block = PhraseList(self.policy.lists.block)
        self._allow = PhraseList(self.policy.lists.allow)
        self._prompt = prompt_classifier
        self._images = image_classifiers
        self._loading = threading.Lock()

    def warm_up(self) -> None:
        """Load all classifiers now, so that the first request is not the slow one.

        Raises:
            CannotDecide: one of them cannot be loaded or does not answer.

        """
        self.check_prompt("warm up")
        self.check_image(np.full((64, 64, 3), 255, np.uint8))

    def check_prompt(self, text: str) -> Decision:
        """Judge a prompt, of any length and content.

        Raises:
            CannotDecide: stage "input"; refuse the request.

        """
        try:
            scores = self._prompt_classifier().score(self._allow.cut(text))
        except Exception as error:
            raise _undecided("input", error) from error
        return self._decide("input", [scores], self._block.find(text))

    def check_image(self, image: NDArray[np.uint8]) -> Decision:
        """Judge a picture, uint8 (H, W, 3) RGB.

        Raises:
            CannotDecide: stage "output"; refuse the request.

        """
        try:
            scores = [classifier.score(image) for classifier in self._image_classifiers()]
        except Exception as error:
            raise _undecided("output", error) from error
        texts = [text for one in scores for text in one.evidence]
        return self._decide("output", scores, self._block.find("\n".join(texts)))

    def _prompt_classifier(self) -> PromptClassifier:
        with self._loading:
            if self._prompt is None:
                self._prompt = create_prompt_classifier()
            return self._prompt

    def _image_classifiers(self) -> Sequence[ImageClassifier]:
        reader_of_prompts = self._prompt_classifier()
        with self._loading:
            if self._images is None:
                self._images = [create_image_classifier(prompt_classifier=reader_of_prompts)]
            return self._images

    def _decide(self, stage: Stage, scores: Sequence[Scores], listed: Sequence[str]) -> Decision:
        for one in scores:
            _check(one, stage)
        highest = {name: max((one.categories[name] for one in scores), default=0.0) for name in CATEGORIES}
        unsafe = max((one.unsafe for one in scores), default=0.0)
        unread = max((one.unread for one in scores), default=0.0)
        reasons = [_listed(phrase) for phrase in listed]
        for name in CATEGORIES:
            reasons += _judge("category", name, highest[name], self.policy.categories[name], stage)
        flagged = tuple(reason.category for reason in reasons if reason.code == "category")
        overall = _judge("unsafe", "unsafe", unsafe, self.policy.unsafe, stage)
        reasons += overall
        reasons += _judge("unread", "unread", unread, self.policy.unread, stage)
        return Decision(
            action=hardest(reasons),
            stage=stage,
            unsafe=unsafe,
            categories=highest,
            flagged=flagged or tuple(reason.category for reason in overall),
            reasons=tuple(reasons),
            policy_version=self._version,
            models=tuple(one.model for one in scores),
        )


def _judge(code: str, name: str, score: float, rule: CategoryRule, stage: Stage) -> list[Reason]:
    band = rule.reached(score, stage)
    if band is None or band.action == "allow":
        return []
    what = {
        "category": f"{name} scored {score:.2f}",
        "unsafe": f"the overall score is {score:.2f}",
        "unread": f"{score:.0%} of the text is in a language or spelling that the classifier cannot read",
    }[code]
    text = f"{what}, at or over the threshold {band.threshold:.2f} for {band.action}"
    return [Reason(code, name, score, band.threshold, band.action, text)]


def _listed(phrase: str) -> Reason:
    return Reason(
        "blocklist", "blocklist", 1.0, 1.0, "block", f"it contains {phrase!r}, an entry of the blocklist"
    )


def _check(scores: Scores, stage: Stage) -> None:
    numbers = [scores.unsafe, scores.unread, *(scores.categories.get(name, np.nan) for name in CATEGORIES)]
    if not all(0 <= number <= 1 for number in numbers):
        raise CannotDecide(
            f"{scores.model}: got scores {numbers}, expected unsafe, unread and all {len(CATEGORIES)} categories "
            "in [0, 1]; refuse the request",
            stage=stage,
        )


def _undecided(stage: Stage, error: Exception) -> CannotDecide:
    return CannotDecide(
        f"{stage} check: got {type(error).__name__} from a classifier, expected scores; refuse the request",
        stage=stage,
    )

"""Ask the classifiers, apply the policy, answer with a decision.

Owns the order of things and one promise: it fails closed. What a check that does not answer leads to is in
`safety.panel`, how several opinions become one in `classifiers.combine`, what the policy makes of the numbers in
`safety.ruling`. A prompt that no check has judged for harm is never allowed, whatever the policy says of failures.

With no arguments at all it is the embedded default: models and lists from files in the package, no download, no
network. Thread-safe.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from classifiers import (
    DEFAULT_IMAGE,
    DEFAULT_PROMPT,
    ImageClassifier,
    PromptClassifier,
    Scores,
    create_image_classifier,
    create_prompt_classifier,
    takes_prompt_classifier,
)
from classifiers.combine import Combination, combine_scores
from classifiers.scores import no_scores
from safety.decision import Decision, Stage, hardest
from safety.errors import CannotDecide, PolicyInvalid
from safety.panel import Answers, Panel
from safety.phrases import PhraseList
from safety.policy import Policy
from safety.ruling import reasons_for

TIMEOUT_S: Final = 30.0
"""Seconds that one classifier may take. The embedded ones need well under one on a busy core; a remote one that has
not answered by then does not answer."""


class Guard:
    """The decision core; see the module docstring."""

    def __init__(
        self,
        policy: Policy | None = None,
        prompt_classifiers: Sequence[str | PromptClassifier] = DEFAULT_PROMPT,
        image_classifiers: Sequence[str | ImageClassifier] = DEFAULT_IMAGE,
        *,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        timeout_s: float = TIMEOUT_S,
        combine: Combination = "max",
    ) -> None:
        """Take classifiers, or their names in the registry, which are built at first use.

        Args:
            policy: the rules; the packaged default when None.
            prompt_classifiers: what judges prompts, and the text that was read in pictures.
            image_classifiers: what judges pictures.
            options: arguments of the plug-ins' factories, by name.
            timeout_s: seconds that one classifier may take for one prompt or picture.
            combine: how several scores of a category become one.

        Raises:
            PolicyInvalid: the policy requires a check that is not among these.

        """
        self.policy: Policy = policy or Policy.default()
        self._version = self.policy.version
        self._block = PhraseList(self.policy.lists.block)
        self._allow = PhraseList(self.policy.lists.allow)
        self._options, self._combine = options or {}, combine
        rules = self.policy.checks
        self._prompts: Panel[str] = Panel("input", prompt_classifiers, self._build_prompt, rules, timeout_s)
        self._images: Panel[NDArray[np.uint8]] = Panel(
            "output", image_classifiers, self._build_image, rules, timeout_s
        )
        names = (*self._prompts.names, *self._images.names)
        for name in rules.required:
            if name not in names:
                raise PolicyInvalid(
                    f"policy {self.policy.name}, checks.required: got {name!r}, expected one of the classifiers in use "
                    f"({', '.join(names)}); add it to them or correct the name"
                )

    @property
    def models(self) -> dict[Stage, tuple[str, ...]]:
        """Name and version of what judges prompts ("input") and pictures ("output"), built if need be."""
        return {"input": self._prompts.models, "output": self._images.models}

    @property
    def missing(self) -> dict[str, str]:
        """Why classifiers that were asked for are not in use, by name; known once they were loaded."""
        return self._prompts.missing | self._images.missing

    def warm_up(self) -> None:
        """Load all classifiers now, so that the first request is not the slow one.

        Raises:
            CannotDecide: one of them is missing and must not be, or does not answer.

        """
        self.check_prompt("warm up")
        self.check_image(np.full((64, 64, 3), 255, np.uint8))

    def check_prompt(self, text: str) -> Decision:
        """Judge a prompt, of any length and content.

        Raises:
            CannotDecide: stage "input"; refuse the request.

        """
        answers = self._prompts.ask(self._allow.cut(text))
        if not any("unsafe" in one.knows for one in answers.scores):
            raise CannotDecide(
                f"input check: got no judgement of harm from {', '.join(self._prompts.names) or 'no classifier'}, "
                "expected one at least; refuse the request",
                stage="input",
            )
        return self._decide("input", answers, self._block.find(text))

    def check_image(self, image: NDArray[np.uint8]) -> Decision:
        """Judge a picture, uint8 (H, W, 3) RGB.

        Raises:
            CannotDecide: stage "output"; refuse the request.

        """
        answers = self._images.ask(image)
        texts = "\n".join(text for one in answers.scores for text in one.evidence)
        return self._decide("output", answers, self._block.find(texts))

    def _build_prompt(self, name: str) -> PromptClassifier:
        return create_prompt_classifier(name, **self._options.get(name, {}))

    def _build_image(self, name: str) -> ImageClassifier:
        options = dict(self._options.get(name, {}))
        if takes_prompt_classifier(name):
            options.setdefault(
                "prompt_classifier", _TextInPictures(self._prompts, self._allow, self._combine)
            )
        return create_image_classifier(name, **options)

    def _decide(self, stage: Stage, answers: Answers, listed: Sequence[str]) -> Decision:
        scores = combine_scores(answers.scores, self._combine) if answers.scores else _NOTHING
        reasons = reasons_for(
            self.policy,
            stage,
            unsafe=scores.unsafe,
            categories=scores.categories,
            unread=scores.unread,
            listed=listed,
            failed=answers.failed,
            found=scores.found,
        )
        flagged = tuple(reason.category for reason in reasons if reason.code == "category")
        return Decision(
            action=hardest(reasons),
            stage=stage,
            unsafe=scores.unsafe,
            unread=scores.unread,
            categories=scores.categories,
            flagged=flagged or tuple(reason.category for reason in reasons if reason.code == "unsafe"),
            reasons=reasons,
            policy_version=self._version,
            models=tuple(one.model for one in answers.scores),
        )


_NOTHING: Final = Scores(0.0, no_scores(), "", knows=frozenset())


class _TextInPictures:
    """Judges text that was read in a picture as a prompt is judged: same classifiers, same allowlist.

    Any classifier that fails is a failure here: half a judgement on a text would be invisible in the picture's.
    """

    def __init__(self, prompts: Panel[str], allow: PhraseList, how: Combination) -> None:
        self._prompts, self._allow, self._how = prompts, allow, how
        self.model: str = "+".join(prompts.models)

    def score(self, text: str) -> Scores:
        """Score `text` as the maximum or mean of all prompt classifiers.

        Raises:
            CannotDecide: one of them did not answer.

        """
        answers = self._prompts.ask(self._allow.cut(text))
        if answers.failed or not answers.scores:
            names = ", ".join(answers.failed) or "any classifier"
            raise CannotDecide(f"text in a picture: got no answer from {names}; refuse it", stage="output")
        return combine_scores(answers.scores, self._how)

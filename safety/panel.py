"""The classifiers that look at every prompt, or at every picture, and what follows when one does not answer.

Rules:

- a check is called by the name it was asked for; a classifier that is handed in, by its `model` up to "@" or "(";
- each check runs under its own deadline, all of them at once;
- a check that raises, answers late or answers nonsense refuses the request (`CannotDecide`). Only where the policy
  says `on_failure = "review"`, and the check is not among its required ones, is it named as failed instead;
- a check that cannot be built because something is not installed is missing: that is an error where the policy
  requires it, and otherwise told by `missing`. Any other reason (a mistyped name, a wrong option, a model that is
  not the one its card names) is always an error.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, NoReturn, Protocol, TypeVar

import numpy as np

from classifiers import CATEGORIES, ClassifierUnavailable, Scores
from safety.deadline import Deadline, TimedOut
from safety.decision import Stage
from safety.errors import CannotDecide, CheckMissing
from safety.policy import Checks

Subject = TypeVar("Subject", contravariant=True)  # noqa: PLC0105 - the word is clearer without a suffix


class Classifier(Protocol[Subject]):
    """A classifier of either kind."""

    model: str

    def score(self, subject: Subject, /) -> Scores:
        """Score a text or a picture."""
        ...


@dataclass(frozen=True, slots=True)
class Answers:
    """What the checks said: their scores, and the names of those that did not answer and need not."""

    scores: tuple[Scores, ...]
    failed: tuple[str, ...] = ()


class _Unsound(Exception):
    """Scores that are none."""


@dataclass(frozen=True, slots=True)
class _Check(Generic[Subject]):
    name: str
    classifier: Classifier[Subject]
    deadline: Deadline

    def start(self, subject: Subject) -> Callable[[], Scores]:
        """Start scoring and give what waits for the scores; it raises whatever kept them from coming."""
        try:
            call = self.deadline.start(partial(self.classifier.score, subject))
        except TimedOut as error:
            return partial(_raise, error)
        return lambda: _sound(call.result())


class Panel(Generic[Subject]):
    """See the module. Thread-safe; what is asked for by name is built at first use."""

    def __init__(
        self,
        stage: Stage,
        wanted: Sequence[str | Classifier[Subject]],
        build: Callable[[str], Classifier[Subject]],
        rules: Checks,
        timeout_s: float,
    ) -> None:
        self._stage, self._wanted, self._build = stage, tuple(wanted), build
        self._rules, self._timeout_s = rules, timeout_s
        self._checks: tuple[_Check[Subject], ...] | None = None
        self._missing: dict[str, str] = {}
        self._loading = threading.Lock()
        self.names: tuple[str, ...] = tuple(
            one if isinstance(one, str) else re.split("[@(]", one.model)[0] for one in wanted
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Name and version of what scores, built if need be.

        Raises:
            CheckMissing: see `load`.

        """
        return tuple(check.classifier.model for check in self.load())

    @property
    def missing(self) -> dict[str, str]:
        """Why checks that were asked for are not there, by name; empty until they are loaded."""
        return dict(self._missing)

    def load(self) -> tuple[_Check[Subject], ...]:
        """Build what is not built yet.

        Raises:
            CheckMissing: a check that is required, or was asked for in a way that cannot work, cannot be built.

        """
        if self._checks is None:
            with self._loading:
                if self._checks is None:
                    pairs = zip(self.names, self._wanted, strict=True)
                    built = [
                        (name, self._built(name) if isinstance(one, str) else one) for name, one in pairs
                    ]
                    self._checks = tuple(
                        _Check(name, one, Deadline(name, self._timeout_s)) for name, one in built if one
                    )
        return self._checks

    def ask(self, subject: Subject) -> Answers:
        """Let every check score `subject`.

        Raises:
            CannotDecide: a check did not answer and its failure refuses the request.

        """
        waiting = [(check.name, check.start(subject)) for check in self.load()]
        scores, errors = [], {}
        for name, wait in waiting:  # all of them, also after one failed: a deadline counts those that hang
            try:
                scores.append(wait())
            except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the policy says what follows
                errors[name] = error
        for name, failure in errors.items():
            self._refuse_unless_optional(name, failure)
        return Answers(tuple(scores), tuple(errors))

    def _refuse_unless_optional(self, name: str, error: Exception) -> None:
        if name in self._rules.required or self._rules.on_failure == "refuse":
            ours = isinstance(error, TimedOut | _Unsound)  # the words of others may quote the prompt
            what = str(error) if ours else f"{name}: got {type(error).__name__}, expected scores"
            raise CannotDecide(
                f"{self._stage} check {what}; refuse the request", stage=self._stage
            ) from error

    def _built(self, name: str) -> Classifier[Subject] | None:
        try:
            return self._build(name)
        except Exception as error:
            absent = isinstance(error, ClassifierUnavailable)
            if absent and name not in self._rules.required:
                self._missing[name] = str(error)
                return None
            why = "required by the policy" if absent else "asked for"
            raise CheckMissing(
                f"check {name!r}: {why}, but it cannot be built: {error}", stage=self._stage
            ) from error


def _sound(scores: Scores) -> Scores:
    numbers = [scores.unsafe, scores.unread, *(scores.categories.get(name, np.nan) for name in CATEGORIES)]
    if not all(0 <= number <= 1 for number in numbers):
        raise _Unsound(
            f"{scores.model}: got scores {numbers}, expected unsafe, unread and all {len(CATEGORIES)} categories "
            "in [0, 1]"
        )
    return scores


def _raise(error: Exception) -> NoReturn:
    raise error

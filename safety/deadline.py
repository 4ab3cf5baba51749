"""A limit on the time that one classifier may take.

A thread cannot be stopped from outside, so a call that runs over is given up, not ended. Rules:

- each call runs in a thread of its own, kept for the next call; there are as many as callers at once;
- a call that is given up keeps its thread until it returns by itself. While `MAX_OVERDUE` of them hang, further
  calls are refused at once: threads do not pile up, and neither do requests behind a dead classifier;
- the threads are daemons: one that hangs does not keep the process from ending.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, NoReturn, TypeVar

T = TypeVar("T")

MAX_OVERDUE: Final = 2
"""One call may be slow by bad luck; two that hang at once are a classifier that does not answer."""


class TimedOut(Exception):
    """The call took too long, or was refused because earlier ones still hang."""


class Deadline:
    """Runs the calls of one classifier, each for at most `timeout_s` seconds. Thread-safe."""

    def __init__(self, name: str, timeout_s: float) -> None:
        self._name, self._timeout_s = name, timeout_s
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._overdue = 0

    def start(self, work: Callable[[], T]) -> "Pending[T]":
        """Start `work` in a thread and return at once; its time starts now.

        Raises:
            TimedOut: earlier calls still hang.

        """
        with self._lock:
            if self._overdue >= MAX_OVERDUE:
                raise TimedOut(f"{self._name}: got no call through, {self._overdue} earlier ones still hang")
            worker = self._idle.pop() if self._idle else None
        worker = worker or _Worker(self._name, self._finish)
        call: Pending[T] = Pending(work, time.monotonic() + self._timeout_s, self)
        worker.inbox.put(call)
        return call

    def give_up(self, call: "Pending[Any]") -> None:
        """Count `call` as hanging unless it has just ended.

        Raises:
            TimedOut: it has not.

        """
        with self._lock:
            if call.ended:
                return
            call.overdue = True
            self._overdue += 1
        raise TimedOut(f"{self._name}: got no answer, expected one within {self._timeout_s:g} s")

    def _finish(self, call: "Pending[Any]", worker: "_Worker") -> None:
        with self._lock:
            call.ended = True
            self._overdue -= call.overdue
            self._idle.append(worker)


class Pending(Generic[T]):
    """A call under way."""

    def __init__(self, work: Callable[[], T], until: float, deadline: Deadline) -> None:
        self._work, self._until, self._deadline = work, until, deadline
        self._answer: SimpleQueue[Callable[[], T]] = SimpleQueue()
        self.ended = self.overdue = False

    def run(self, ended: Callable[["Pending[T]"], None]) -> None:
        """Do the work and say so before the caller learns of it; called in the worker's thread."""
        answer: Callable[[], T]
        try:
            value = self._work()
            answer = lambda: value
        except BaseException as error:  # noqa: BLE001 - whatever a plug-in raises belongs to the caller
            failure = error  # `error` is unbound when this clause ends
            answer = lambda: _raise(failure)
        ended(self)
        self._answer.put(answer)

    def result(self) -> T:
        """Wait for what the work returns, or raise what it raised.

        Raises:
            TimedOut: it did not end in time.

        """
        try:
            answer = self._answer.get(timeout=max(0.0, self._until - time.monotonic()))
        except Empty:
            self._deadline.give_up(self)
            answer = self._answer.get()
        return answer()


def _raise(error: BaseException) -> NoReturn:
    raise error


class _Worker:
    """One thread that takes calls from its inbox, one at a time, for ever."""

    def __init__(self, name: str, finish: Callable[[Pending[Any], "_Worker"], None]) -> None:
        self.inbox: SimpleQueue[Pending[Any]] = SimpleQueue()
        self._finish = finish
        threading.Thread(target=self._serve, name=f"check-{name}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            call = self.inbox.get()
            call.run(lambda ended: self._finish(ended, self))
            del call  # its answer may be large

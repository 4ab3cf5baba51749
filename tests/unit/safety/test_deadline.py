import sys
import threading

import pytest

from safety.deadline import MAX_OVERDUE, Deadline, Pending, TimedOut

SOON = 0.02  # seconds: how long the calls below that never end are waited for


def test_a_call_returns_what_the_work_returns_and_raises_what_it_raises() -> None:
    deadline = Deadline("x", 60)
    assert deadline.start(lambda: 7).result() == 7
    with pytest.raises(ZeroDivisionError):
        deadline.start(lambda: 1 // 0).result()
    with pytest.raises(SystemExit):
        deadline.start(lambda: sys.exit(1)).result()
    assert deadline.start(lambda: 8).result() == 8


def test_calls_one_after_the_other_share_one_thread() -> None:
    deadline = Deadline("x", 60)
    idents = {deadline.start(threading.get_ident).result() for _ in range(200)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_calls_at_once_do_not_wait_for_each_other() -> None:
    deadline, meet = Deadline("x", 60), threading.Barrier(3)
    calls = [deadline.start(meet.wait) for _ in range(3)]
    assert sorted(call.result() for call in calls) == [0, 1, 2]


def test_calls_that_hang_are_given_up_and_further_ones_refused_until_they_end() -> None:
    deadline, gate = Deadline("slow", SOON), threading.Event()
    hanging: list[Pending[bool]] = []
    for _ in range(MAX_OVERDUE):
        hanging.append(deadline.start(gate.wait))
        with pytest.raises(TimedOut, match=r"slow: got no answer, expected one within 0\.02 s"):
            hanging[-1].result()
    threads = threading.active_count()
    for _ in range(50):
        with pytest.raises(TimedOut, match="still hang"):
            deadline.start(gate.wait)
    assert threading.active_count() == threads
    gate.set()
    for call in hanging:
        call._answer.get()()
    assert Deadline("other", 60).start(lambda: 1).result() == 1
    assert deadline.start(lambda: 2).result() == 2


def test_an_answer_that_comes_just_in_time_counts() -> None:
    deadline, gate = Deadline("x", 0), threading.Event()
    call = deadline.start(gate.set)
    gate.wait()
    while not call.ended:
        pass
    call.result()

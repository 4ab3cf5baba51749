"""The bounded pool refuses instead of piling up."""

import asyncio
import threading

import pytest

from service.errors import Busy
from service.workers import Workers


def test_runs_and_returns() -> None:
    async def go() -> int:
        workers = Workers(1, 1)
        try:
            return await workers.run(lambda a, b: a + b, 2, b=3)
        finally:
            workers.close()

    assert asyncio.run(go()) == 5


def test_full_queue_is_refused_and_frees_up() -> None:
    async def go() -> None:
        workers = Workers(1, 1)
        gate = threading.Event()
        first = asyncio.create_task(workers.run(gate.wait))
        second = asyncio.create_task(workers.run(gate.wait))
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            await workers.run(gate.wait)
        gate.set()
        await asyncio.gather(first, second)
        assert await workers.run(lambda: 1) == 1
        workers.close()

    asyncio.run(go())


def test_a_caller_that_goes_away_does_not_stop_the_work() -> None:
    async def go() -> bool:
        workers = Workers(1, 0)
        gate, done = threading.Event(), threading.Event()

        def work() -> None:
            gate.wait()
            done.set()

        task = asyncio.create_task(workers.run(work))
        await asyncio.sleep(0.05)
        task.cancel()
        gate.set()
        workers.close()
        return done.is_set()

    assert asyncio.run(go())

"""A bounded pool of threads for picture work, so that one event loop stays responsive.

Threads, not processes: OpenCV, numpy, onnxruntime and the C2PA library release the GIL. The queue is
bounded: a request that would wait behind more than `queue` others is refused at once with 503 instead of
piling up memory.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from service.errors import Busy

P = ParamSpec("P")
R = TypeVar("R")


class Workers:
    """`size` threads and room for `queue` waiting calls."""

    def __init__(self, size: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(size, thread_name_prefix="picture")
        self._room = size + queue
        self._inside = 0
        self._lock = threading.Lock()

    async def run(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run `work` in a thread and return its result.

        A caller that goes away does not stop the work: its decision is still recorded.

        Raises:
            Busy: the queue is full.

        """
        with self._lock:
            if self._inside >= self._room:
                raise Busy("The service is working on too many pictures; try again in a moment.")
            self._inside += 1
        future = self._pool.submit(work, *args, **kwargs)
        future.add_done_callback(lambda _: self._leave())
        return await asyncio.shield(asyncio.wrap_future(future))

    def _leave(self) -> None:
        with self._lock:
            self._inside -= 1

    def close(self) -> None:
        """Wait for running work, drop what has not started."""
        self._pool.shutdown(wait=True, cancel_futures=True)

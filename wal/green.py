"""The runtime for programs on eventlet: the writer is a native thread, its callers are greenlets.

The writer appends the waiters it has served to a deque and writes one byte into a pipe; one greenlet
waits for that byte in the hub and resumes them. The hub never blocks on the disk.
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet import patcher
from eventlet.event import Event
from eventlet.hubs import trampoline
from eventlet.semaphore import Semaphore

_threading = patcher.original("threading")
_queue = patcher.original("queue")


class GreenRuntime:
    """See `wal.runtime.Runtime`. To be made in the thread that runs the hub."""

    def __init__(self) -> None:
        self._served: deque[Event] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self._waker = eventlet.spawn(self._resume)

    def start_thread(self, target: Callable[[], None], name: str) -> None:
        _threading.Thread(target=target, name=name, daemon=True).start()

    def queue(self) -> Any:
        return _queue.SimpleQueue()

    def semaphore(self, value: int) -> Semaphore:
        return Semaphore(value)

    def waiter(self) -> Event:
        return Event()

    def wake(self, waiters: list[Event]) -> None:
        self._served.extend(waiters)
        with contextlib.suppress(BlockingIOError):  # the pipe is full of unread wake-ups: one of them will do
            os.write(self._write, b".")

    def sleep(self, seconds: float) -> None:
        eventlet.sleep(seconds)

    def _resume(self) -> None:
        read = patcher.original("os").read
        while True:
            trampoline(self._read, read=True)
            read(self._read, 65536)
            while self._served:
                self._served.popleft().send(None)

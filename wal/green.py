"""The runtime for programs on eventlet: the writer is a native thread, its callers are greenlets.

The writer appends the waiters it has served to a deque and writes one byte into a pipe; the hub, which
watches that pipe, switches to each of them. The hub never blocks on the disk.
"""

import contextlib
import os
import sys
from collections import deque
from collections.abc import Callable
from typing import Any

import eventlet
from eventlet import hubs, patcher, tpool

from wal.runtime import T

_threading = patcher.original("threading")
_queue = patcher.original("queue")
_read = patcher.original("os").read


class _GreenWaiter:
    """An eventlet Event would ask for a timer a wake-up, which costs more than the switch itself."""

    __slots__ = ("served", "waiting")

    def __init__(self) -> None:
        self.served = False
        self.waiting: Any = None

    def wait(self) -> None:
        if self.served:
            return
        self.waiting = eventlet.getcurrent()
        try:
            hubs.get_hub().switch()
        finally:
            self.waiting = None  # killed, or out of time: nobody may be switched to here any more


class GreenRuntime:
    """See `wal.runtime.Runtime`. To be made and used in the thread that runs the hub."""

    def __init__(self) -> None:
        self._served: deque[_GreenWaiter] = deque()
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._write_end, False)
        self._hub = hubs.get_hub()
        self._hub.add(self._hub.READ, self._read_end, self._resume, lambda *_: None, lambda: None)

    def start_thread(self, target: Callable[[], None], name: str) -> None:
        _threading.Thread(target=target, name=name, daemon=True).start()

    def queue(self) -> Any:
        return _queue.SimpleQueue()

    def lock(self) -> contextlib.AbstractContextManager[Any]:
        return contextlib.nullcontext()  # one greenlet goes on until it waits

    def waiter(self) -> _GreenWaiter:
        return _GreenWaiter()

    def wake(self, waiters: list[_GreenWaiter]) -> None:
        self._served.extend(waiters)
        self._ring()

    def sleep(self, seconds: float) -> None:
        eventlet.sleep(seconds)

    def outside(self, act: Callable[[], T]) -> T:
        result: T = tpool.execute(act)
        return result

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the pipe is full of unread wake-ups: one of them will do
            os.write(self._write_end, b".")

    def _resume(self, read_end: int) -> None:
        """Called by the hub, in its own greenlet, as it calls a timer."""
        _read(read_end, 65536)
        try:
            while self._served:
                waiter = self._served.popleft()
                waiter.served = True
                if waiter.waiting is not None:
                    self._switch(waiter.waiting)
        finally:
            if self._served:
                self._ring()

    def _switch(self, waiting: Any) -> None:
        try:
            waiting.switch()
        except self._hub.SYSTEM_EXCEPTIONS:
            raise
        except BaseException:  # of a greenlet that ended; the hub would stop to watch the pipe
            self._hub.squelch_generic_exception(sys.exc_info())

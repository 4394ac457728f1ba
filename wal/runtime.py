"""How callers wait for the journal's writer thread, in a threaded program or (`wal.green`) under eventlet."""

import queue
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Waiter(Protocol):
    """One caller's place to wait."""

    def wait(self) -> None:
        """Return once `Runtime.wake` was called with this waiter."""


class Runtime(Protocol):
    """Threads, queues and waiting, for the kind of program that the journal lives in."""

    def start_thread(self, target: Callable[[], None], name: str) -> None:
        """Run `target` in an operating system's thread."""

    def queue(self) -> "queue.SimpleQueue[Any]":
        """A queue that any thread may put into and the writer thread takes from."""

    def lock(self) -> AbstractContextManager[Any]:
        """Keeps callers from each other for the moment of a few statements that do not wait."""

    def waiter(self) -> Waiter: ...

    def wake(self, waiters: list[Any]) -> None:
        """Called by the writer thread: these callers may go on."""

    def sleep(self, seconds: float) -> None: ...

    def outside(self, act: Callable[[], T]) -> T:
        """The result of `act`, which takes long; others go on meanwhile."""


class _ThreadWaiter:
    __slots__ = ("lock",)

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.lock.acquire()

    def wait(self) -> None:
        self.lock.acquire()


class ThreadRuntime:
    """For programs of ordinary threads."""

    def start_thread(self, target: Callable[[], None], name: str) -> None:
        threading.Thread(target=target, name=name, daemon=True).start()

    def queue(self) -> "queue.SimpleQueue[Any]":
        return queue.SimpleQueue()

    def lock(self) -> AbstractContextManager[Any]:
        return threading.Lock()

    def waiter(self) -> _ThreadWaiter:
        return _ThreadWaiter()

    def wake(self, waiters: list[_ThreadWaiter]) -> None:
        for waiter in waiters:
            waiter.lock.release()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def outside(self, act: Callable[[], T]) -> T:
        return act()

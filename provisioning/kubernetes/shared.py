"""One question to the API server for all nodes that ask it at the same moment."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from provisioning.run import Step

T = TypeVar("T")


class Shared(Generic[T]):
    """A reading that many threads share. An answer serves those who asked before its question was put, so nobody is
    given a state from before they asked."""

    def __init__(self, read: Callable[[Step], T]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._put = float("-inf")
        self._answer: T

    def read(self, step: Step) -> T:
        """Raises what the reading raises; the next caller then asks again."""
        asked = time.monotonic()
        with self._lock:
            if self._put < asked:
                put = time.monotonic()
                self._answer = self._read(step)
                self._put = put
            return self._answer

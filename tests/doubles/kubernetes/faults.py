"""What may go wrong with the API server, on demand: too many requests, errors, slowness, cut connections."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field

from tests.doubles.kubernetes.errors import Refusal


class Cut(Exception):
    """The connection ends in the middle."""


@dataclass
class Fault:
    """From the ``nth`` request on that fits, ``times`` times: ``code`` is answered (0: the connection is cut), after
    ``delay_s`` seconds. Without a code the request is only slow."""

    method: str
    path: re.Pattern[str]
    code: int | None = None
    nth: int = 1
    times: int = 1
    delay_s: float = 0.0
    retry_after_s: int | None = None
    seen: int = 0

    @property
    def spent(self) -> bool:
        return self.seen >= self.nth + self.times - 1


@dataclass
class Faults:
    """Those that are still to come."""

    _all: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(
        self,
        method: str,
        path: str,
        *,
        code: int | None = None,
        nth: int = 1,
        times: int = 1,
        delay_s: float = 0.0,
        retry_after_s: int | None = None,
    ) -> Fault:
        """``method`` may be ``*``; ``path`` is a regular expression, searched in path and query."""
        fault = Fault(method, re.compile(path), code, nth, times, delay_s, retry_after_s)
        with self._lock:
            self._all.append(fault)
        return fault

    def too_many(self, path: str, *, times: int = 1, retry_after_s: int = 1) -> Fault:
        return self.add("*", path, code=429, times=times, retry_after_s=retry_after_s)

    def cut(self, method: str, path: str, *, nth: int = 1, times: int = 1) -> Fault:
        return self.add(method, path, code=0, nth=nth, times=times)

    def clear(self) -> None:
        with self._lock:
            self._all.clear()

    def met(self, method: str, target: str) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            for fault in self._all:
                if fault.method in ("*", method) and fault.path.search(target) and not fault.spent:
                    fault.seen += 1
                    if fault.seen >= fault.nth:
                        return fault
        return None


def refusal(fault: Fault) -> Refusal:
    """What is answered. Raises `Cut` where nothing is."""
    if fault.code == 0:
        raise Cut
    code = fault.code or 500
    reason, said = {
        429: ("TooManyRequests", "the server has received too many requests and has asked us to try again later"),
        503: ("ServiceUnavailable", "the server is currently unable to handle the request"),
        504: ("Timeout", "the server was unable to return a response in the time allotted"),
        403: ("Forbidden", "forbidden"),
        401: ("Unauthorized", "Unauthorized"),
        409: (
            "Conflict",
            "the object has been modified; please apply your changes to the latest version and try again",
        ),
    }.get(
        code,
        ("InternalError", "an error on the server has prevented the request from succeeding: etcdserver: no leader"),
    )
    return Refusal(code, reason, said, retry_after_s=fault.retry_after_s)

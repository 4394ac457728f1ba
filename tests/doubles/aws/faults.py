"""Calls that fail on demand: the nth of an action, so many times, with what AWS would say."""

from __future__ import annotations

import fnmatch
import threading
import time
from dataclasses import dataclass

from tests.doubles.aws.answers import Refusal
from tests.doubles.aws.calls import Call

FOREVER = 10**9
KINDS = {
    "throttling": Refusal("Throttling", "Rate exceeded"),
    "denied": Refusal("AccessDenied", "User: arn:aws:iam::123456789012:user/operator is not authorized", 403),
    "dependency": Refusal("DependencyViolation", "resource has a dependent object"),
    "internal": Refusal("InternalError", "An internal error has occurred", 500),
    "quota": Refusal("VcpuLimitExceeded", "You have requested more vCPU capacity than your current vCPU limit"),
}


@dataclass
class _Fault:
    pattern: str
    refusal: Refusal | None
    nth: int
    times: int
    about: str
    seconds: float
    seen: int = 0


class Faults:
    """All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[_Fault] = []

    def fail(
        self, action: str, kind: str | Refusal = "throttling", *, nth: int = 1, times: int = 1, about: str = ""
    ) -> None:
        """From the ``nth`` call of ``action`` (``ec2:DeleteVpc``, ``ec2:*``) that holds ``about`` in its request,
        ``times`` calls fail. ``kind`` is one of `KINDS` or a `Refusal`."""
        refusal = KINDS[kind] if isinstance(kind, str) else kind
        self._add(_Fault(action, refusal, nth, times, about, 0.0))

    def slow(self, action: str, seconds: float, *, nth: int = 1, times: int = 1, about: str = "") -> None:
        """These calls take so many seconds, and then succeed."""
        self._add(_Fault(action, None, nth, times, about, seconds))

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def check(self, call: Call) -> None:
        """Raises the `Refusal` that is due for this call."""
        due: list[_Fault] = []
        with self._lock:
            for fault in self._faults:
                told = call.body.decode("utf-8", "replace") + str(dict(call.parameters))
                if fnmatch.fnmatchcase(call.name, fault.pattern) and fault.about in told:
                    fault.seen += 1
                    if fault.nth <= fault.seen < fault.nth + fault.times:
                        due.append(fault)
        for fault in due:
            time.sleep(fault.seconds)
        for fault in due:
            if fault.refusal is not None:
                raise fault.refusal

    def _add(self, fault: _Fault) -> None:
        with self._lock:
            self._faults.append(fault)

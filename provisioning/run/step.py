"""One step, as a phase sees it: which node, how much time is left, whether to stop, and where its output goes."""

import threading
import time
from collections import deque
from collections.abc import Callable

from provisioning.run.errors import Cancelled, StepTimeout
from provisioning.run.redaction import Redactor

# What a failure shows of a step's output.
LAST_LINES = 20
LONGEST_LINE = 500


class Stop:
    """Whether the run has been asked to stop; once asked, for good."""

    def __init__(self) -> None:
        self.asked = False
        self._event = threading.Event()

    def ask(self) -> None:
        # A signal handler may come in between: it finds `asked` set and does not wait for the event's lock.
        if not self.asked:
            self.asked = True
            self._event.set()

    def wait(self, seconds: float) -> bool:
        """Sleeps at most so long; True as soon as the run is asked to stop."""
        return self._event.wait(max(0.0, seconds))


class Step:
    """One attempt at one phase on one node (None: the cluster as a whole). Made by the engine, used by one thread."""

    def __init__(
        self,
        phase: str,
        node: str | None,
        *,
        attempt: int,
        timeout_s: float,
        stop: Stop,
        redactor: Redactor,
        show: Callable[[str, str | None, str], None],
    ) -> None:
        self.phase = phase
        self.node = node
        self.attempt = attempt
        self.redactor = redactor
        self.deadline = time.monotonic() + timeout_s
        self._stop = stop
        self._show = show
        self._clean = redactor.lines()
        self._tail: deque[str] = deque(maxlen=LAST_LINES)

    @property
    def remaining_s(self) -> float:
        """Seconds left, never below 0: the bound for any call that takes one."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def output(self) -> tuple[str, ...]:
        """The last lines said, without secrets."""
        return tuple(self._tail)

    def say(self, text: str) -> None:
        """Output of the step: kept for a failure, shown and logged, without its secrets."""
        for line in text.splitlines():
            clean = self._clean(line)[:LONGEST_LINE]
            self._tail.append(clean)
            self._show(self.phase, self.node, clean)

    def safe_point(self) -> None:
        """Here the step may stop. Raises `Cancelled` when the run was asked to, `StepTimeout` when its time is over."""
        if self._stop.asked:
            raise Cancelled
        if not self.remaining_s:
            raise StepTimeout(f"not done within its time in attempt {self.attempt}")

    def wait(self, seconds: float) -> None:
        """Sleeps, for polling; a safe point before and after, and never beyond the step's time."""
        self.safe_point()
        self._stop.wait(min(seconds, self.remaining_s))
        self.safe_point()

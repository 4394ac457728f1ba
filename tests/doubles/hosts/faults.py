"""What goes wrong on purpose: this command, on this host, the nth time it is run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from threading import Lock

from tests.doubles.hosts.calls import Command

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Fails:
    """Ends with this code and this on stderr."""

    code: int = 1
    error: str = "something went wrong"


@dataclass(frozen=True)
class Hangs:
    """Does not come back until somebody kills it."""


@dataclass(frozen=True)
class CutsConnection:
    """Every SSH connection to the host is lost; the command itself goes on."""


@dataclass(frozen=True)
class Reboots:
    """The machine restarts in this moment."""


@dataclass(frozen=True)
class SwitchesOff:
    """The machine goes off and stays so until the test starts it."""


@dataclass(frozen=True)
class DiskFull:
    """As the tools say it when nothing is left."""


@dataclass(frozen=True)
class Slow:
    """Takes so much longer."""

    seconds: float


Effect = Fails | Hangs | CutsConnection | Reboots | SwitchesOff | DiskFull | Slow


@dataclass
class Fault:
    host: str | None
    pattern: re.Pattern[str]
    effect: Effect
    nth: int
    times: int
    moment: str
    seen: int = 0
    fired: int = 0

    def strikes(self, command: Command, moment: str) -> bool:
        if moment != self.moment or self.host not in (None, command.host) or not self.pattern.search(command.line):
            return False
        self.seen += 1
        if not self.nth <= self.seen < self.nth + self.times:
            return False
        self.fired += 1
        return True


@dataclass
class Faults:
    """The faults of a world; a test adds them, the model asks for them."""

    faults: list[Fault] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(
        self, host: str | None, pattern: str, effect: Effect, *, nth: int = 1, times: int = 1, moment: str = BEFORE
    ) -> Fault:
        """``host`` None means any. ``pattern`` is searched in the command line (``kubeadm join --config …``).

        ``moment`` is "before", "after", or a stage that the command names itself (``control-plane`` of kubeadm init).
        The nth time and ``times - 1`` times more. The returned fault counts how often it was ``fired``.
        """
        fault = Fault(host, re.compile(pattern), effect, nth, times, moment)
        with self._lock:
            self.faults.append(fault)
        return fault

    def due(self, command: Command, moment: str) -> list[Effect]:
        with self._lock:
            return [fault.effect for fault in self.faults if fault.strikes(command, moment)]

    def clear(self) -> None:
        with self._lock:
            self.faults.clear()

"""systemd's units as far as the phases see them: enabled or not, running or not, and what a start makes happen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.doubles.hosts.image import PROGRAMS

if TYPE_CHECKING:
    from tests.doubles.hosts.host import Host

ALIASES = {"sshd.service": "ssh.service", "chronyd.service": "chrony.service"}


@dataclass
class Unit:
    enabled: bool
    active: bool
    masked: bool = False
    # Restarts itself without end because its start fails: systemctl says "activating".
    failing: str = ""


class Units:
    """The units of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._units = {name: Unit(enabled=True, active=True) for name in PROGRAMS["units"]}

    def __contains__(self, name: str) -> bool:
        return full(name) in self._units

    def __getitem__(self, name: str) -> Unit:
        return self._units[full(name)]

    def names(self) -> list[str]:
        return sorted(self._units)

    def add(self, name: str, *, enabled: bool, active: bool) -> None:
        """A package brings it; one that is there already stays as it is."""
        if name not in self:
            self._units[full(name)] = Unit(enabled=enabled, active=False)
            if active:
                self.start(name)

    def drop(self, name: str) -> None:
        if name in self:
            self.stop(name)
            del self._units[full(name)]

    def is_active(self, name: str) -> bool:
        return name in self and self[name].active and not self[name].failing

    def start(self, name: str) -> str:
        """Starts it, or starts it anew. Returns why it cannot, "" when it could."""
        unit = self[name]
        if unit.masked:
            return f"Failed to start {full(name)}: Unit {full(name)} is masked."
        unit.active, unit.failing = True, ""
        begin = STARTS.get(full(name))
        why = begin(self._host) if begin else ""
        unit.failing = why
        return why

    def stop(self, name: str) -> None:
        unit = self[name]
        was = self.is_active(name)
        unit.active, unit.failing = False, ""
        end = STOPS.get(full(name))
        if was and end:
            end(self._host)

    def boot(self) -> None:
        """What is enabled starts, containerd before the kubelet."""
        for name in sorted(self._units):
            if self._units[name].enabled:
                self.start(name)

    def power_cut(self) -> None:
        for name, unit in self._units.items():
            was = self.is_active(name)
            unit.active, unit.failing = False, ""
            if was and name in STOPS:
                STOPS[name](self._host)


# What happens beside the unit's own state; filled by containerd.py and kubelet.py.
STARTS: dict[str, Callable[[Host], str]] = {}
STOPS: dict[str, Callable[[Host], None]] = {}


def full(name: str) -> str:
    """``kubelet`` -> ``kubelet.service``."""
    name = name if "." in name else f"{name}.service"
    return ALIASES.get(name, name)

"""The parts' programs as a rotation meets them through `kubectl exec`: each knows one password and takes another.

What the scripts really do is tested on the real parts; here is checked that exactly these scripts come, to the right
container, with the passwords on standard input alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioning.deploy.parts import PARTS, WRONG
from tests.doubles.kubernetes.exec import Call, Ended

_REFUSED = Ended(WRONG, stderr=b"WRONGPASS invalid username-password pair or user is disabled.\n")


@dataclass
class Containers:
    """``passwords``: part -> those that it was given, the first one being that of its Secret. A part that is ``broken``
    ends with that code. ``words`` are all command lines."""

    passwords: dict[str, list[str]]
    broken: dict[str, int] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def execute(self, call: Call) -> Ended:
        self.words.append(" ".join(call.words))
        [name] = [name for name, part in PARTS.items() if part.container == call.container]
        assert tuple(call.words) == ("sh", "-euc", PARTS[name].script)
        if name in self.broken:
            return Ended(self.broken[name], stderr=b"it does not do that\n")
        first, *rest = call.stdin.decode().split("\n")
        # Grafana is given the new password alone, RabbitMQ the user before it.
        new = first if name == "monitoring" else rest[0]
        known = self.passwords[name]
        if name in ("postgresql", "redis") and known[-1] not in (first, new):
            return _REFUSED
        if known[-1] != new:
            known.append(new)
        return Ended(0)

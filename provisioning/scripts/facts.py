"""What a script that reads has printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioning.run import RunError


class FactsUnreadable(RunError):
    """A node answered a question about itself with something that is no answer."""

    code = "E-FACTS"
    cause = "A program on the node printed what it does not print on the Ubuntu of the machine image."
    remedy = "Look at the value that the message names, and at machine_image in cluster.yaml."


@dataclass(frozen=True)
class Facts:
    """``key=value`` lines; a key may come more than once."""

    node: str
    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, node: str, text: str) -> Facts:
        """Raises `FactsUnreadable`, which does not repeat the line: it may hold a secret."""
        values: dict[str, tuple[str, ...]] = {}
        for number, line in enumerate(text.splitlines(), 1):
            key, equals, value = line.partition("=")
            if not equals or not key:
                raise FactsUnreadable(f"{node}: line {number} is no fact")
            values[key] = (*values.get(key, ()), value.strip())
        return cls(node, values)

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of a key; none where it never came."""
        return tuple(value for value in self.values.get(key, ()) if value)

    def text(self, key: str) -> str:
        """The one value; empty where the node had none. Raises `FactsUnreadable` for a key that never came."""
        if len(self.values.get(key, ())) != 1:
            raise FactsUnreadable(f"{self.node}: {key} came {len(self.values.get(key, ()))} times")
        return self.values[key][0]

    def yes(self, key: str) -> bool:
        """Raises `FactsUnreadable` for anything but yes and no."""
        if self.text(key) not in ("yes", "no"):
            raise FactsUnreadable(f"{self.node}: {key} is {self.text(key)!r}, neither yes nor no")
        return self.text(key) == "yes"

    def number(self, key: str) -> float:
        """Raises `FactsUnreadable`."""
        try:
            return float(self.text(key))
        except ValueError:
            raise FactsUnreadable(f"{self.node}: {key} is {self.text(key)!r}, no number") from None

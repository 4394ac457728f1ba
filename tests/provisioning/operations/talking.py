"""The person at the keyboard: what they are told is kept, what they answer was written down before."""

from __future__ import annotations

import io
from collections.abc import Iterable

from provisioning.run import Screen
from provisioning.teardown.command import NameTyped


class Heard:
    """A screen whose words are kept. Without answers nobody is there."""

    def __init__(self, answers: Iterable[str] = ()) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        self._waiting = list(answers)
        self._ask = (lambda question: self._waiting.pop(0)) if self._waiting else None
        self.screen = Screen(self._out, self._err, self._ask)

    def named(self, name: str, given: str | None = None) -> NameTyped:
        """The same, where agreement is the cluster's name; ``given`` was said with the command."""
        return NameTyped(name, given, stdout=self._out, stderr=self._err, ask=self._ask)

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def text(self) -> str:
        return self.out + self._err.getvalue()

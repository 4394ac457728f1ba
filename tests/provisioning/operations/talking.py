"""The person at the keyboard: what they are told is kept, what they answer was written down before."""

from __future__ import annotations

import io
from collections.abc import Iterable

from provisioning.run import Screen
from provisioning.teardown.command import NameTyped


class Heard:
    """A screen whose words are kept. With ``name``, agreement is the name; without answers nobody is there."""

    def __init__(self, answers: Iterable[str] = (), name: str | None = None) -> None:
        self._out, self._err = io.StringIO(), io.StringIO()
        waiting = list(answers)
        ask = (lambda question: waiting.pop(0)) if waiting else None
        self.screen: Screen = (
            NameTyped(name, stdout=self._out, stderr=self._err, ask=ask) if name else Screen(self._out, self._err, ask)
        )

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def text(self) -> str:
        return self.out + self._err.getvalue()

"""The person at the keyboard: what is said to them and asked of them."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from provisioning.run.errors import Cancelled, RunError
from provisioning.run.redaction import Redactor


class _Console(Console):
    """Rich ends the program when nobody reads its output any more; a run goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Screen:
    """Standard output for what was asked for, standard error for what stands beside it. ``ask`` is how a person is
    asked; without one (no terminal) nobody ever agrees."""

    def __init__(
        self,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        ask: Callable[[str], str] | None = None,
    ) -> None:
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.console = _Console(file=self.stdout, highlight=False)
        self._ask = ask if ask is not None else (input if sys.stdin.isatty() and stdout is None else None)

    @property
    def is_terminal(self) -> bool:
        return self.console.is_terminal

    def say(self, lines: Iterable[str], *, error: bool = False) -> None:
        console = _Console(file=self.stderr, highlight=False) if error else self.console
        for line in lines:
            console.print(Text(line), soft_wrap=True)

    def json(self, value: dict[str, Any], indent: int | None = 2) -> None:
        with contextlib.suppress(BrokenPipeError):
            self.stdout.write(json.dumps(value, ensure_ascii=False, indent=indent) + "\n")
            self.stdout.flush()

    def error(self, error: RunError, redactor: Redactor, *, as_json: bool) -> None:
        """An error that ends the command before or instead of a run: in one line of JSON, or in words."""
        message = redactor.text(str(error))
        if as_json:
            told = {"code": error.code, "message": message, "cause": error.cause, "remedy": error.remedy}
            self.json({"error": told | {"exit_code": int(error.exit_code)}}, indent=None)
            return
        self.say([f"{message} ({error.code})"], error=True)
        if error.cause:
            self.say([f"Likely cause: {error.cause}"], error=True)
        if error.remedy:
            self.say([f"What to do:   {error.remedy}"], error=True)

    def agrees(self, question: str) -> bool:
        """Raises `Cancelled` on Ctrl-C."""
        if self._ask is None:
            return False
        try:
            return self._ask(question).strip().lower() in ("y", "yes")
        except EOFError:
            return False
        except KeyboardInterrupt:
            raise Cancelled from None

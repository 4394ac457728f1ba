"""One line per part while the stack starts: live on a terminal, one plain line per change elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text


class Board:
    """A context manager; its methods may be called from any thread."""

    def __init__(self, console: Console, names: Iterable[str]) -> None:
        self._console = console
        self._began = time.monotonic()
        self._lock = threading.Lock()
        self._lines: dict[str, tuple[str, str]] = {name: ("waiting", "") for name in names}
        self._width = max(12, *map(len, self._lines))
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def doing(self, name: str, what: str) -> None:
        self._set(name, "doing", what)

    def done(self, name: str, what: str = "ready") -> None:
        self._set(name, "done", f"{what} {time.monotonic() - self._began:5.1f} s")

    def failed(self, name: str, what: str) -> None:
        self._set(name, "failed", what)

    def _set(self, name: str, state: str, text: str) -> None:
        with self._lock:
            self._lines[name] = (state, text)
            if not self._console.is_terminal:
                self._console.print(Text(f"{name:<{self._width}} {text}"))

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 1))
        marks = {"waiting": Text("·", "dim"), "done": Text("✓", "green"), "failed": Text("✗", "red")}
        with self._lock:
            for name, (state, text) in self._lines.items():
                table.add_row(marks.get(state, self._spinner), name, Text(text, "dim"))
        return table

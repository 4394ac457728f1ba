"""How a run looks while it goes: a live table of nodes and phases on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from provisioning.run.records import Kind, Record, StepKey
from provisioning.run.report import where
from provisioning.run.selection import Chosen

_CELL_WIDTH = 9
_ENDED = {
    Kind.STEP_SKIPPED: ("-", "dim"),
    Kind.STEP_FAILED: ("✗", "red"),
    Kind.STEP_CANCELLED: ("■", "yellow"),
}


@dataclass(frozen=True)
class _Cell:
    mark: str | None
    style: str = ""
    began: float = 0.0
    took_s: float | None = None


class Board:
    """A sink and a context manager. A row is a node, a column a phase, a cell its mark and seconds; under the table
    the last line that the running steps have said."""

    def __init__(self, console: Console, chosen: Sequence[Chosen]) -> None:
        self._console = console
        self._phases = [each.phase for each in chosen]
        nodes = [node for each in chosen for node in each.nodes]
        self._nodes = list(dict.fromkeys(nodes))
        self._wanted = {step for each in chosen for step in each.steps}
        self._cells: dict[StepKey, _Cell] = {}
        self._current = 0
        self._said = ""
        self._lock = threading.Lock()
        self._spinner = Spinner("dots")
        self._live = Live(get_renderable=self.table, console=console, refresh_per_second=8, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def record(self, record: Record) -> None:
        with self._lock:
            if record.kind is Kind.PHASE_BEGUN:
                self._current = [phase.name for phase in self._phases].index(record.phase or "")
            if record.step not in self._wanted or not record.kind.startswith("step_"):
                return
            if record.kind in (Kind.STEP_BEGUN, Kind.STEP_ACTING):
                cell = _Cell(None, began=time.monotonic())
            elif record.kind is Kind.STEP_FAILED and record.retry_in_s is not None:
                cell = _Cell("↻", "yellow", took_s=record.took_s)
            else:
                done = ("✓", "green" if record.planned else "dim green")
                cell = _Cell(*_ENDED.get(record.kind, done), took_s=record.took_s)
            self._cells[record.step] = cell

    def output(self, phase: str, node: str | None, line: str) -> None:
        with self._lock:
            self._said = f"{where(node)}: {line}"

    def table(self) -> Table:
        """The table as it is now; of the phases as many as fit, with the current one among them."""
        names = max((len(where(node)) for node in self._nodes), default=0)
        fit = max(1, (self._console.width - names - 2) // _CELL_WIDTH)
        first = max(0, min(self._current - fit + 2, len(self._phases) - fit))
        table = Table(box=None, padding=(0, 1), pad_edge=False)
        table.add_column("")
        shown = range(first, min(first + fit, len(self._phases)))
        for number in shown:
            table.add_column(str(number + 1), min_width=_CELL_WIDTH - 2)
        with self._lock:
            for node in self._nodes:
                cells = (self._render((self._phases[number].name, node)) for number in shown)
                table.add_row(Text(where(node)), *cells)
            whole = Table.grid()
            whole.add_row(table)
            if self._phases:
                title = f"{self._current + 1}/{len(self._phases)} {self._phases[self._current].title}"
                whole.add_row(Text(title, "bold"))
            whole.add_row(Text(self._said[: self._console.width - 1], "dim"))
        return whole

    def _render(self, step: StepKey) -> Text | Table:
        cell = self._cells.get(step)
        if cell is None:
            return Text("·" if step in self._wanted else "", "dim")
        if cell.mark is None:
            running = Table.grid(padding=(0, 1))
            running.add_row(self._spinner, Text(f"{time.monotonic() - cell.began:.0f} s"))
            return running
        took = "" if cell.took_s is None else f" {cell.took_s:.1f} s"
        return Text(cell.mark + took, cell.style)


class Plain:
    """One line for each change, where nobody watches: logs and continuous integration."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._slowest: tuple[float, str | None] | None = None

    def record(self, record: Record) -> None:
        text = self._text(record)
        if text:
            self._console.print(Text(f"{record.at:%H:%M:%S} {text}"), soft_wrap=True)

    def output(self, phase: str, node: str | None, line: str) -> None:
        self._console.print(Text(f"         {where(node)} | {line}"), soft_wrap=True)

    def _text(self, record: Record) -> str | None:
        place = where(record.node)
        if record.kind is Kind.PHASE_BEGUN:
            self._slowest = None
            return f"== {record.title}"
        if record.kind is Kind.PHASE_DONE:
            slowest = f", slowest {where(self._slowest[1])}" if self._slowest and self._slowest[1] else ""
            return f"== {record.title}: {record.took_s:.1f} s{slowest}"
        if record.kind is Kind.STEP_DONE:
            self._slowest = max(
                self._slowest or (0.0, None), (record.took_s or 0.0, record.node), key=lambda one: one[0]
            )
            return f"{place}: {len(record.planned or ())} done, {record.took_s:.1f} s" if record.planned else None
        if record.kind is Kind.STEP_ACTING:
            return f"{place}: " + "; ".join(action.title for action in record.planned or ())
        if record.kind is Kind.STEP_FAILED:
            again = "" if record.retry_in_s is None else f"; again in {record.retry_in_s:.1f} s"
            return f"{place}: failed, {record.code}: {record.message}{again}"
        if record.kind is Kind.STEP_CANCELLED:
            return f"{place}: stopped at a safe point"
        if record.kind is Kind.STEP_SKIPPED:
            return f"{place}: {record.title}: done before"
        return None

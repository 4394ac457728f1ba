"""How `wal.cli` shows its answers: as JSON for scripts, as tables for people."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

TIMES = ("created_at", "started_at", "finished_at", "heartbeat_at", "at")


def show_json(answer: Any) -> None:
    print(json.dumps(_readable(answer), ensure_ascii=False, indent=2, default=str))


@dataclass(frozen=True)
class Shape:
    """How a list is shown: as a table, or, where there is a `line`, as one line for each."""

    columns: tuple[str, ...] = ()
    """Of these keys; without any, of all."""
    turned: bool = False
    """Its columns as rows: for few and wide ones."""
    line: str | None = None


def show(answer: Any, shape: Shape) -> None:
    """A list in its `shape`, a dict item by item, the doctor's report as a report."""
    answer = _readable(answer)
    console = Console()
    if isinstance(answer, dict) and "findings" in answer:
        _show_report(console, answer)
    elif isinstance(answer, dict):
        for key, value in answer.items():
            console.print(f"[bold]{key:16}[/] {escape(str(value))}", highlight=False, soft_wrap=True)
    elif not answer:
        console.print("none")
    elif shape.line is not None:
        for row in answer:
            print(shape.line.format(**row))
    elif shape.turned:
        console.print(_turned(answer))
    else:
        console.print(_table([{name: row[name] for name in shape.columns or row} for row in answer]))


def _readable(value: Any) -> Any:
    if isinstance(value, list):
        return [_readable(one) for one in value]
    if isinstance(value, dict):
        return {key: _moment(one) if key in TIMES else _readable(one) for key, one in value.items()}
    return value


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(" ", "milliseconds")


def _show_report(console: Console, report: dict[str, Any]) -> None:
    console.print("[green]all agree[/]" if report["healthy"] else "[red]not all agree[/]")
    if report["findings"]:
        console.print(_table(report["findings"]))
    for note in report["notes"]:
        console.print(f"  {note}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for name in rows[0]:
        numeric = any(isinstance(row[name], int | float) for row in rows)
        table.add_column(
            _title(name),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=name in ("task_id", "state", *TIMES),
        )
    for row in rows:
        table.add_row(*(escape(_cell(name, value)) for name, value in row.items()))
    return table


def _turned(rows: list[dict[str, Any]]) -> Table:
    """The first value of each row is the head of its column."""
    first, *names = rows[0]
    table = Table(first, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_column(str(row[first]), justify="right")
    for name in names:
        table.add_row(_title(name), *(escape(_cell(name, row[name])) for row in rows))
    return table


def _title(name: str) -> str:
    return name.removesuffix("_bytes").removesuffix("_at").removesuffix("_s").replace("_", " ")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_bytes"):
        return f"{value / 1e6:.1f} MB"
    if name.endswith("_s"):
        return f"{value:.0f} s"
    return str(value)[5:19] if name in TIMES else str(value)

"""``status``: what runs, where, how much memory it holds, and whether it answers."""

from __future__ import annotations

import json as json_format
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from provisioning.local import probes
from provisioning.local.home import Home
from provisioning.local.ports import is_listening
from provisioning.local.processes import Memory, members, memory_of_tree
from provisioning.local.settings import MAIN_PORT, MONITORING, PARTS, PROCESSES, VARIABLES, Stack
from provisioning.local.supervise import Program, Supervisor

_MB = 1_000_000


@dataclass(frozen=True)
class Line:
    """One part or process; memory in bytes of its whole process tree, ``port`` and ``pid`` None where it has none."""

    name: str
    kind: str
    state: str
    healthy: bool
    detail: str
    port: int | None
    pid: int | None
    pss_bytes: int
    rss_bytes: int
    uptime_s: float


@dataclass(frozen=True)
class StackStatus:
    """The whole stack; ``healthy`` when it runs and every wanted line is healthy."""

    home: str
    running: bool
    healthy: bool
    lines: list[Line]
    pss_bytes: int
    rss_bytes: int
    leftovers: list[int]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def survey(home: Path | None = None) -> StackStatus:
    """Asks everything at once; takes about a second, two when something hangs."""
    place = Home.open(home)
    supervisor = Supervisor(place)
    pid = supervisor.pid() if place.exists else None
    if pid is None:
        leftovers = [process.pid for process in members(place)] if place.exists else []
        return StackStatus(str(place.path), False, False, [], 0, 0, leftovers)
    stack = Stack.load(place)
    programs = supervisor.programs()
    names = [*PARTS, "epmd", *PROCESSES, *(name for name in MONITORING if name in programs)]
    shown = [name for name in names if name in (*stack.programs, *stack.replaced) or programs[name].state != "STOPPED"]
    with ThreadPoolExecutor(max_workers=len(shown)) as pool:
        lines = list(pool.map(lambda name: _line(name, stack, programs.get(name)), shown))
    own = memory_of_tree(pid, children=False)
    lines.append(Line("supervisord", "manager", "RUNNING", True, "", None, pid, own.pss, own.rss, 0.0))
    return StackStatus(
        home=str(place.path),
        running=True,
        healthy=all(line.healthy for line in lines),
        lines=lines,
        pss_bytes=sum(line.pss_bytes for line in lines),
        rss_bytes=sum(line.rss_bytes for line in lines),
        leftovers=[],
    )


def status(json: bool = False, *, home: Path | None = None, console: Console | None = None) -> int:
    """Prints the survey as a table or as JSON; returns 0 when all is healthy, else 1."""
    now = survey(home)
    console = console or Console()
    if json:
        console.print(json_format.dumps(now.as_dict(), indent=2), soft_wrap=True, highlight=False, markup=False)
    elif not now.running:
        console.print(f"not running: no stack is up in {now.home}. Start it with ./inv up.")
        if now.leftovers:
            console.print(f"processes without their supervisord: {now.leftovers}. ./inv down ends them.")
    else:
        console.print(_table(now))
    return 0 if now.healthy else 1


def _line(name: str, stack: Stack, program: Program | None) -> Line:
    if name in stack.replaced:
        healthy, detail = _ask(name, stack)
        return Line(name, "replaced", VARIABLES[name], healthy, detail, None, None, 0, 0, 0.0)
    assert program is not None
    memory = memory_of_tree(program.pid) if program.pid else Memory()
    healthy, detail = _ask(name, stack) if program.alive else (False, program.problem or "it does not run")
    return Line(
        name=name,
        kind="part" if name in (*PARTS, "epmd") else "monitoring" if name in MONITORING else "process",
        state=program.state,
        healthy=healthy,
        detail=detail,
        port=stack.ports[MAIN_PORT.get(name, name)],
        pid=program.pid or None,
        pss_bytes=memory.pss,
        rss_bytes=memory.rss,
        uptime_s=program.uptime_s,
    )


def _ask(name: str, stack: Stack) -> tuple[bool, str]:
    try:
        if name in PARTS:
            probes.OF_PART[name](stack.url(name))
        elif name in MONITORING:
            probes.OF_MONITORING[name](stack.ports[name])
        elif name == "epmd":
            return is_listening(stack.ports["epmd"]), ""
        else:
            probes.http_ready(stack.ports[name])
    except Exception as error:  # whatever a client library raises is the part's answer; it is shown
        return False, probes.describe(error)
    return True, ""


def _table(now: StackStatus) -> Table:
    table = Table(title=f"Eco² in {now.home}", title_justify="left", show_footer=True)
    table.add_column("part", "all")
    table.add_column("health", "healthy" if now.healthy else "not healthy")
    table.add_column("port", justify="right")
    table.add_column("pid", justify="right")
    table.add_column("PSS MB", f"{now.pss_bytes / _MB:.0f}", justify="right")
    table.add_column("RSS MB", f"{now.rss_bytes / _MB:.0f}", justify="right")
    table.add_column("uptime", justify="right")
    for line in now.lines:
        health = "[green]ready[/]" if line.healthy else f"[red]{line.state}[/] {line.detail}"
        if line.kind == "replaced" and line.healthy:
            health = f"[green]ready[/] ({line.state})"
        table.add_row(
            line.name,
            health,
            str(line.port or ""),
            str(line.pid or ""),
            f"{line.pss_bytes / _MB:.0f}" if line.pid else "",
            f"{line.rss_bytes / _MB:.0f}" if line.pid else "",
            _duration(line.uptime_s) if line.uptime_s else "",
        )
    return table


def _duration(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}"

"""``down``: everything stops in order, and proof that nothing of it is left."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from xmlrpc.client import Error as RpcError

import psutil
from rich.console import Console

from provisioning.local.errors import LeftBehind, LocalError
from provisioning.local.home import Home
from provisioning.local.ports import WITH_GRPC, is_listening, sockets_of
from provisioning.local.processes import end, members
from provisioning.local.settings import MONITORING, PORTS, PROCESSES, Stack
from provisioning.local.supervise import Supervisor

# The gateway first, so that no request meets a half-stopped house; with it who would see everything else go and tell it
# as an outage; RabbitMQ before the epmd it is registered with.
ORDER: tuple[tuple[str, ...], ...] = (
    ("gateway", *MONITORING),
    PROCESSES[1:],
    ("rabbitmq", "postgresql", "redis", "seaweedfs"),
    ("epmd",),
)

# They take seconds to close data which a wipe deletes. PostgreSQL is quick, and killed it would leave shared memory.
SLOW_TO_CLOSE = ("rabbitmq", "seaweedfs")


def down(home: Path | None = None, *, wipe: bool = False, yes: bool = False, console: Console | None = None) -> None:
    """Stops the stack: the Eco² processes drain (20 s each at most, side by side), then the parts stop.

    ``wipe`` deletes data, logs, secrets and caches too, after a question that ``yes`` answers.
    Works as well when supervisord is dead. Raises LeftBehind naming what could not be stopped.
    """
    place = Home.open(home)
    console = console or Console()
    if not place.exists:
        console.print(f"not running: there is no stack in {place.path}")
        return
    if wipe and not yes:
        _confirm(place, console)
    began = time.monotonic()
    with place.lock(waiting=lambda: console.print("another up or down is at work here: waiting for it")):
        stopped = stop_everything(place, console.print, kill=SLOW_TO_CLOSE if wipe else ())
        if wipe:
            place.wipe()
    what = f"down in {time.monotonic() - began:.1f} s" if stopped else "was not running"
    console.print(f"{what}; nothing is left" + (f", {place.path} is wiped" if wipe else ""))


def stop_everything(home: Home, say: Callable[[str], None] = lambda line: None, *, kill: Collection[str] = ()) -> bool:
    """Stops what runs of the home; True if anything did. Call it under the home's lock. Raises LeftBehind.

    Programs in `kill` are killed; everything else has the time that it needs.
    """
    supervisor = Supervisor(home)
    pid = supervisor.pid()
    # supervisord may die at any moment; whatever it does not stop is found by its marks below
    with contextlib.suppress(OSError, RpcError):
        if pid is not None:
            for names in ORDER:
                now = supervisor.programs()
                going = [name for name in names if name in now and now[name].stoppable]
                if going:
                    say(f"stopping {', '.join(going)}")
                    supervisor.stop(going, kill=kill)
            supervisor.shutdown()
    leftovers = members(home)
    if leftovers and pid is None:
        say(f"ending {len(leftovers)} processes of a stack whose supervisord is gone")
    left = end(leftovers)
    stopped = pid is not None or bool(leftovers)
    if stopped:  # of a home that was down, a listening port is a stranger's who has taken it since
        _verify(home, left)
    for record in home.run.glob("*.pid"):
        record.unlink()
    home.socket.unlink(missing_ok=True)
    for dead in _seaweedfs_sockets(home):
        dead.unlink(missing_ok=True)
    return stopped


def _seaweedfs_sockets(home: Home) -> list[Path]:
    """Dead unix sockets that SeaweedFS made beside its ports, in /tmp always, and left there when it was killed.

    One that still accepts belongs to a stranger who has since taken our port: it is not ours to remove.
    """
    first = Stack.load(home).ports
    own = tuple(f"-{port}" for name in WITH_GRPC if name in first for port in sockets_of(name, first[name]))
    found = Path("/tmp").glob("seaweedfs-*.sock")  # noqa: S108 - a fixed place of SeaweedFS's
    return [path for path in found if path.stem.endswith(own) and not _accepts(path)]


def _accepts(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return probe.connect_ex(str(path)) not in (errno.ECONNREFUSED, errno.ENOENT)


def _verify(home: Home, left: list[psutil.Process]) -> None:
    stack = Stack.load(home)
    problems = [f"pid {process.pid} ({_name(process)})" for process in left]
    for name, first in stack.ports.items():
        if PORTS[name] in stack.programs:
            problems += [f"port {port} ({name})" for port in sockets_of(name, first) if is_listening(port)]
    if problems:
        raise LeftBehind(f"Still there after down: {'; '.join(problems)}. Look at it with ps and ss -ltnp.")


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return "ended meanwhile"


def _confirm(home: Home, console: Console) -> None:
    if not sys.stdin.isatty():
        raise LocalError("--wipe deletes the data; without a terminal to ask at, it needs --yes.")
    answer = console.input(f"Delete all data, logs and secrets in {home.path}? Type yes: ")
    if answer.strip().lower() != "yes":
        raise LocalError("Nothing was stopped or deleted.")

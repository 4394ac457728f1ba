"""supervisord, the process manager of the stack, spoken to over its unix socket (XML-RPC)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from xmlrpc.client import Error as XmlRpcError
from xmlrpc.client import Fault, ServerProxy

from provisioning.local.errors import LocalError
from provisioning.local.home import Home, make_private

CONFIGURATION = Path(__file__).with_name("supervisord.conf")

_ALREADY_STARTED = 60
_NOT_RUNNING = 70
_ENDED = ("STOPPED", "EXITED", "FATAL")


@dataclass(frozen=True)
class Program:
    """What supervisord knows of one program. ``pid`` is 0 when it does not run; times are in seconds."""

    name: str
    state: str
    pid: int
    started_at: float
    uptime_s: float
    problem: str

    @property
    def alive(self) -> bool:
        return self.state in ("STARTING", "RUNNING", "STOPPING")

    @property
    def stoppable(self) -> bool:
        """It runs, or supervisord is about to start it once more."""
        return self.alive or self.state == "BACKOFF"


class Supervisor:
    """The supervisord of one home. An object may be used by one thread at a time; making one costs nothing."""

    def __init__(self, home: Home) -> None:
        self.home = home

    @property
    def _rpc(self) -> Any:
        from supervisor.xmlrpc import SupervisorTransport

        transport = SupervisorTransport(None, None, f"unix://{self.home.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor

    def pid(self) -> int | None:
        """supervisord's pid, or None when it does not run (or is another home's)."""
        if not self.home.socket.exists():
            return None
        try:
            rpc = self._rpc
            return int(rpc.getPID()) if rpc.getIdentification() == str(self.home.path) else None
        except OSError:
            return None

    def launch(self, environment: Mapping[str, str], timeout_s: float = 15) -> None:
        """Starts supervisord as a daemon. Raises LocalError when it does not answer in time."""
        if self.home.socket.parent != self.home.run:
            make_private(self.home.socket.parent)
        self.home.socket.unlink(missing_ok=True)
        started = subprocess.run(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONFIGURATION)],
            env=dict(environment),
            cwd=self.home.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        deadline = time.monotonic() + timeout_s
        while started.returncode == 0 and time.monotonic() < deadline:
            if self.pid() is not None:
                return
            time.sleep(0.02)
        raise LocalError(f"supervisord did not start:\n{started.stdout}{started.stderr}")

    def programs(self) -> dict[str, Program]:
        """All programs of the conf file by name."""
        return {
            info["name"]: Program(
                name=info["name"],
                state=info["statename"],
                pid=info["pid"],
                started_at=float(info["start"]),
                uptime_s=float(info["now"] - info["start"]) if info["pid"] else 0.0,
                problem=info["spawnerr"],
            )
            for info in self._rpc.getAllProcessInfo()
        }

    def program(self, name: str) -> Program:
        return self.programs()[name]

    def start(self, name: str) -> None:
        """Asks for a start and returns at once; a program that runs already is left alone."""
        try:
            self._rpc.startProcess(name, False)
        except Fault as fault:
            if fault.faultCode != _ALREADY_STARTED:
                raise LocalError(f"supervisord cannot start {name}: {fault.faultString}") from fault

    def signal(self, name: str, which: str) -> None:
        """Sends a program that runs a signal, by its name without SIG."""
        try:
            self._rpc.signalProcess(name, which)
        except Fault as fault:
            raise LocalError(f"supervisord cannot signal {name}: {fault.faultString}") from fault

    def stop(self, names: Iterable[str], timeout_s: float = 30, *, kill: Collection[str] = ()) -> None:
        """Stops programs side by side, each by its own stop signal, and waits until they have ended.

        Those in `kill` are killed at once. supervisord itself kills what has not ended after 20 s.
        """
        asked = list(names)
        for name in asked:
            try:
                self._rpc.stopProcess(name, False)
                if name in kill:
                    self._rpc.signalProcess(name, "KILL")
            except Fault as fault:
                if fault.faultCode != _NOT_RUNNING:
                    raise LocalError(f"supervisord cannot stop {name}: {fault.faultString}") from fault
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            now = self.programs()
            if all(now[name].state in _ENDED for name in asked):
                return
            time.sleep(0.05)

    def shutdown(self, timeout_s: float = 30) -> None:
        """Ends supervisord and waits until its process is gone."""
        pid = self.pid()
        if pid is None:
            return
        rpc = self._rpc
        rpc.shutdown()
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and os.path.exists(f"/proc/{pid}"):
            # It takes its next step when a second has passed, or when somebody asks something.
            with contextlib.suppress(OSError, XmlRpcError, HTTPException):
                rpc.getState()
            time.sleep(0.02)

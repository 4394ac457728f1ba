"""All nodes of a cluster as places where scripts run."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from types import TracebackType

from fabric import Connection

from provisioning.cluster import Host
from provisioning.run import Step
from provisioning.site import Site
from provisioning.ssh import session
from provisioning.ssh.connection import opened
from provisioning.ssh.errors import ConnectionCut, NodeBusy, ScriptFailed, ScriptTimeout, SudoRefused
from provisioning.ssh.wrapper import BUSY, wrapped

_CONNECT_S = 10.0
# A script says that the node is busy before the operator's own time for it is over.
_AHEAD_S = 2.0


class _Node:
    """The connection to one node. One script at a time: the node's own lock would let no second one run anyway."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.host: Host | None = None
        self.connection: Connection | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def open(self, host: Host, timeout_s: float) -> Connection:
        """The connection that is open, or a new one: after a cut, and when another machine has become this node."""
        if self.connection is None or self.host != host or not self.connection.is_connected:
            self.close()
            self.connection, self.host = opened(host, timeout_s), host
        return self.connection


class Hosts(AbstractContextManager["Hosts"]):
    """Runs scripts on nodes. Thread-safe; connections are opened when first needed and kept until `close`."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._lock = threading.Lock()
        self._nodes: dict[str, _Node] = {}

    def run(
        self, step: Step, node: str, script: str, *, timeout_s: float | None = None, to_the_end: bool = False
    ) -> str:
        """Runs a bash script as root on a node and returns its standard output; `wrapper` says what surrounds it.

        Its standard error goes to `Step.say`, line by line. It is waited for no longer than the step has time, nor
        than `timeout_s` seconds. ``to_the_end`` is for what tidies up after itself: neither a wish to stop nor the
        step's own time cuts it short, so it needs a `timeout_s`.

        Raises `NotYet` before there are machines, `HostKeyRefused`, `LoginRefused`, `SudoRefused`, `HostUnreachable`,
        `ConnectionCut`, `NodeBusy`, `ScriptTimeout`, `ScriptFailed`, and `Cancelled` when the run was asked to stop.
        Whatever it raises, a script that had begun on the node runs there to its end.
        """
        if to_the_end and timeout_s is None:
            raise ValueError("what runs to the end needs a bound of its own")
        if not to_the_end:
            step.safe_point()
        bound_s = step.remaining_s if timeout_s is None else timeout_s
        if not to_the_end:
            bound_s = min(bound_s, step.remaining_s)
        host = self._site.hosts()[node]
        with self._lock:
            place = self._nodes.setdefault(node, _Node())
        if not place.turn.acquire(timeout=bound_s):
            raise NodeBusy(f"{node}: this run has been at work there for {bound_s:.0f} s")
        try:
            return self._run(step, place, host, script, bound_s, to_the_end)
        finally:
            place.turn.release()

    def close(self) -> None:
        """Closes all connections; a later `run` opens new ones."""
        with self._lock:
            places = list(self._nodes.values())
        for place in places:
            with place.turn:
                place.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, step: Step, place: _Node, host: Host, script: str, bound_s: float, to_the_end: bool) -> str:
        text = wrapped(script, log=step.phase, lock_wait_s=max(1, int(bound_s - _AHEAD_S)))
        connection = place.open(host, min(_CONNECT_S, bound_s))
        try:
            ended = session.run(
                connection,
                text,
                timeout_s=bound_s,
                say=step.say,
                safe_point=(lambda: None) if to_the_end else step.safe_point,
            )
        except session.Cut as cut:
            place.close()
            raise ConnectionCut(f"{host.node}: {cut}") from cut
        except TimeoutError as error:
            raise ScriptTimeout(f"{host.node}: not ended after {bound_s:.0f} s; it goes on there") from error
        if ended.exit_status == 0:
            return ended.output
        if ended.exit_status == BUSY:
            raise NodeBusy(f"{host.node}: {ended.last_line}")
        if ended.last_line.startswith("sudo: "):
            raise SudoRefused(f"{host.node} as {host.user}: {ended.last_line}")
        raise ScriptFailed(host.node, ended.exit_status, step.redactor.text(ended.last_line))

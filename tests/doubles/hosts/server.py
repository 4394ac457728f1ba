"""Answers the clients of all hosts: finds the command's model, lets faults and delays strike, keeps the record."""

from __future__ import annotations

import contextlib
import os
import re
import struct
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.doubles.hosts import faults
from tests.doubles.hosts.calls import Call, Command, Execute, Exit, Gone, Violation, receive
from tests.doubles.native import original, start_thread

if TYPE_CHECKING:
    from tests.doubles.hosts.host import Host
    from tests.doubles.hosts.world import HostWorld

Model = Callable[["Host", Call], int | None]
MODELS: dict[str, Model] = {}
# These wait for something, or start other commands: they do not hold the host while they run.
_FREE = {"sudo", "systemd-run", "cloud-init", "curl", "wget", "reboot", "shutdown", "poweroff", "kubectl"}


def command(*names: str) -> Callable[[Model], Model]:
    """This function is the model of these commands. It returns the exit code, None for 0."""

    def register(model: Model) -> Model:
        MODELS.update(dict.fromkeys(names, model))
        return model

    return register


class ModelServer:
    """Listens on an abstract Unix socket, so that there is no file to leave behind."""

    def __init__(self, world: HostWorld) -> None:
        self.name = f"eco2-hosts-{os.getpid()}-{os.urandom(8).hex()}"
        self._world = world
        self._socket = original("socket").socket(original("socket").AF_UNIX)
        self._socket.bind(f"\0{self.name}")
        self._socket.listen(512)
        self._open: set[Any] = set()
        start_thread(self._accept, "model of the hosts")

    def close(self) -> None:
        self._socket.close()
        for connection in list(self._open):
            _shut(connection)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            start_thread(lambda connection=connection: self._answer(connection), "command of a host")  # type: ignore[misc]

    def _answer(self, connection: Any) -> None:
        self._open.add(connection)
        try:
            self._converse(connection)
        except Gone:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def _converse(self, connection: Any) -> None:
        host_name, name, cwd, _, environment, *arguments = receive(connection).decode(errors="replace").split("\0")
        socket = original("socket")
        pid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        argv = (arguments or [""]) if name == "client-unknown" else [name, *arguments]
        made = Command(host_name, tuple(argv), cwd, pid, time.time())
        self._world.records.begun(made)
        call = Call(connection, made, dict(line.partition("=")[::2] for line in environment.split("\n") if line))
        try:
            code = self._perform(self._world.hosts[host_name], call, known=name != "client-unknown")
        except Exit as exit_:
            if exit_.error:
                call.err(exit_.error.rstrip("\n") + "\n")
            code = exit_.code
        except Violation as violation:
            self._world.records.violated(host_name, made.line, str(violation))
            call.err(f"{made.argv[0]}: the double of this host refuses: {violation}\n")
            code = 127
        except Execute as execute:
            call.execute(execute.argv)
            return
        except Gone:
            raise
        except Exception as error:
            self._world.records.violated(host_name, made.line, f"the model failed: {error!r}")
            call.err(f"{made.argv[0]}: the model of this host failed: {error!r}\n")
            code = 127
        call.end(code)

    def _perform(self, host: Host, call: Call, *, known: bool) -> int:
        if not known:
            call.err(f"bash: line 1: {call.name}: command not found\n")
            raise Violation("command not found")
        model = MODELS.get(call.name)
        if model is None:
            raise Violation("the model knows no such command")
        self.strike(host, call, faults.BEFORE)
        delay = sum(seconds for pattern, seconds in self._world.delays.items() if re.search(pattern, call.command.line))
        if delay:
            call.pause(delay)
        if call.name in _FREE:
            code = model(host, call)
        else:
            with host.lock:
                code = model(host, call)
                self._world.settle(host)
        self.strike(host, call, faults.AFTER)
        return code or 0

    def strike(self, host: Host, call: Call, moment: str) -> None:
        """Lets the faults of this moment happen."""
        for effect in self._world.faults.due(call.command, moment):
            match effect:
                case faults.Fails(code, error):
                    raise Exit(code, error)
                case faults.Hangs():
                    call.pause(3600)
                case faults.CutsConnection():
                    host.sandbox.cut_connections()
                case faults.Reboots():
                    self._world.reboot(host.name)
                    raise Gone
                case faults.SwitchesOff():
                    host.stop()
                    raise Gone
                case faults.DiskFull():
                    raise Exit(100 if call.name == "apt-get" else 1, _NO_SPACE.format(name=call.name))
                case faults.Slow(seconds):
                    call.pause(seconds)


_NO_SPACE = "{name}: error writing to '/var/cache': No space left on device"


def _shut(connection: Any) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(original("socket").SHUT_RDWR)

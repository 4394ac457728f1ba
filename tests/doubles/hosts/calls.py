"""One command that somebody runs on a host: what it was called with, what it says, and how it may end."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Exit(Exception):
    """The command ends here. ``error`` goes to stderr."""

    def __init__(self, code: int, error: str = "") -> None:
        super().__init__(error)
        self.code = code
        self.error = error


class Violation(Exception):
    """Nobody would run this, or the model does not know it: exit code 127, and the world remembers."""


class Execute(Exception):
    """The command becomes this real program."""

    def __init__(self, argv: Sequence[str]) -> None:
        super().__init__(" ".join(argv))
        self.argv = tuple(argv)


class Gone(Exception):
    """The client does not listen any more: it was killed, or its machine is off."""


@dataclass(frozen=True)
class Command:
    """A line of the record: ``pid`` as the test's machine counts, ``at`` in seconds since 1970."""

    host: str
    argv: tuple[str, ...]
    cwd: str
    pid: int
    at: float
    # What it changed, in words; filled until the command has ended.
    changes: list[str] = field(default_factory=list)
    # The exit code; None while it runs or when its client was killed.
    ended: list[int] = field(default_factory=list)

    @property
    def line(self) -> str:
        return " ".join(self.argv)

    @property
    def exit_code(self) -> int | None:
        return self.ended[-1] if self.ended else None


class Call:
    """A command under way, as its model sees it."""

    def __init__(self, connection: Any, command: Command, environment: dict[str, str]) -> None:
        self.command = command
        self.environment = environment
        self._connection = connection

    @property
    def name(self) -> str:
        return self.command.argv[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.command.argv[1:]

    def out(self, text: str | bytes) -> None:
        """To stdout, as it is."""
        self._send(b"O", text.encode() if isinstance(text, str) else text)

    def err(self, text: str) -> None:
        self._send(b"E", text.encode())

    def stdin(self) -> bytes:
        """All that comes on the command's standard input."""
        self._send(b"I", b"")
        return receive(self._connection)

    def file_mode(self) -> int:
        """The mode of a file that this call makes: 0666 without what the client's umask takes away."""
        try:
            status = Path(f"/proc/{self.command.pid}/status").read_text()
        except OSError as error:
            raise Gone from error
        found = re.search(r"^Umask:\s*([0-7]+)", status, re.MULTILINE)
        return 0o666 & ~int(found[1], 8) if found else 0o644

    def changed(self, what: str) -> None:
        """This call changes something of the machine or the cluster."""
        self.command.changes.append(what)

    def pause(self, seconds: float) -> None:
        """Sleeps; raises `Gone` as soon as the client is."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._connection.settimeout(min(left, 0.5))
            try:
                if not self._connection.recv(1):
                    raise Gone
            except TimeoutError:
                continue
            except OSError as error:
                raise Gone from error
            finally:
                self._connection.settimeout(None)

    def execute(self, argv: Sequence[str]) -> None:
        self._send(b"R", b"\0".join(word.encode() for word in argv))

    def end(self, code: int) -> None:
        self.command.ended.append(code)
        self._send(b"X", str(code).encode())

    def _send(self, kind: bytes, data: bytes) -> None:
        try:
            self._connection.sendall(kind + struct.pack(">I", len(data)) + data)
        except OSError as error:
            raise Gone from error


def receive(connection: Any) -> bytes:
    """One message of the client. Raises `Gone`."""
    size = struct.unpack(">I", _exactly(connection, 4))[0]
    return _exactly(connection, size)


def _exactly(connection: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except OSError as error:
            raise Gone from error
        if not part:
            raise Gone
        data += part
    return data

"""What was run on the hosts of a world, what it changed, and what nobody should have run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

from tests.doubles.hosts.calls import Command


class Records:
    """Every command of the model, in the order in which they began; also as JSON lines in ``file``."""

    def __init__(self, file: Path) -> None:
        self.commands: list[Command] = []
        self.violations: list[str] = []
        self.warnings: list[str] = []
        self._lock = Lock()
        self._file = file.open("a", encoding="utf-8", buffering=1)

    def begun(self, command: Command) -> None:
        entry = {"at": command.at, "host": command.host, "pid": command.pid, "cwd": command.cwd, "argv": command.argv}
        with self._lock:
            self.commands.append(command)
            self._file.write(json.dumps(entry) + "\n")

    def violated(self, host: str, command: str, why: str) -> None:
        self.violations.append(f"{host}: {command}: {why}")

    def of(self, host: str | None, pattern: str) -> Iterator[Command]:
        """The commands whose line this regular expression is found in, of one host or of all."""
        for command in list(self.commands):
            if (host is None or command.host == host) and re.search(pattern, command.line):
                yield command

    def mutations(self) -> list[Command]:
        """The commands that changed something."""
        return [command for command in list(self.commands) if command.changes]

    def clear(self) -> None:
        """Forgets all commands, so that the next `mutations` tells of what comes from now on. Violations stay."""
        with self._lock:
            self.commands.clear()

    def close(self) -> None:
        self._file.close()

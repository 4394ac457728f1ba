"""Terraform as a process that outlives this program: cut off in the middle, it would lose track of what it made.

It runs in a session of its own and writes to files, so neither Ctrl-C nor the death of this program reaches it. While
it runs it holds a lock on a file, which the kernel frees with its death: that is how a later run knows to wait for it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.run import Cancelled, Step
from provisioning.run.errors import StepTimeout
from provisioning.run.lock import taken

_POLL_S = 0.1
# After a step's time is over the engine gives it a little longer: as much as Terraform gets to stop in order.
_LAST_S = 10.0

Message = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a command ended. ``messages`` are its JSON lines, ``error`` what it wrote to standard error."""

    code: int
    messages: tuple[Message, ...]
    output: str
    error: str


class Processes:
    """Runs Terraform's commands for one cluster, one at a time, whoever starts them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = folder / "running.lock"

    def run(
        self,
        step: Step,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        hear: Callable[[Message], None] = lambda message: None,
    ) -> Ended:
        """Runs a command to its end and hears its JSON messages as they come. ``name`` names its log files.

        When the run is asked to stop, or the step's time is over, Terraform gets one SIGINT and is waited for; if it
        needs longer than that, it is left to finish, and the next command waits for it. Raises `Cancelled` then, or
        `StepTimeout`.
        """
        log, errors = self._folder / f"{name}.jsonl", self._folder / f"{name}.err"
        with self._turn(step) as lock:
            with _private(log) as out, _private(errors) as err:
                process = subprocess.Popen(
                    command,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                    pass_fds=(lock,),
                    umask=0o077,
                )
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{process.pid}\n".encode(), 0)
        heard = _Heard(log, hear)
        try:
            while process.poll() is None:
                heard.more()
                step.wait(_POLL_S)
        except (Cancelled, StepTimeout):
            _stop(step, process, heard)
            raise
        heard.more()
        return Ended(process.returncode, tuple(heard.messages), log.read_text(), errors.read_text(errors="replace"))

    @contextmanager
    def _turn(self, step: Step) -> Iterator[int]:
        """The lock, once no other command of this cluster holds it. It goes on to the command that is started."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            told = False
            while not taken(lock):
                if not told:
                    pid = os.pread(lock, 20, 0).decode().strip() or "unknown"
                    step.say(f"Terraform of an earlier run is still at work (process {pid}); waiting for it")
                    told = True
                step.wait(_POLL_S)
            yield lock
        finally:
            os.close(lock)


def _private(path: Path) -> Any:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w")


def _stop(step: Step, process: subprocess.Popen[bytes], heard: _Heard) -> None:
    """Asks Terraform once to stop in order; never twice, which would make it drop what it is doing."""
    step.say("Stopping Terraform: it finishes what it has begun and frees its lock")
    process.send_signal(signal.SIGINT)
    until = time.monotonic() + max(step.remaining_s, _LAST_S)
    while process.poll() is None and time.monotonic() < until:
        heard.more()
        time.sleep(_POLL_S)
    heard.more()
    if process.poll() is None:
        step.say(f"Terraform (process {process.pid}) is still finishing; a resumed run waits for it")


class _Heard:
    """Reads a growing file of JSON lines, whole lines only."""

    def __init__(self, path: Path, hear: Callable[[Message], None]) -> None:
        self._path = path
        self._hear = hear
        self._at = 0
        self.messages: list[Message] = []

    def more(self) -> None:
        with self._path.open("rb") as file:
            file.seek(self._at)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                try:
                    message = json.loads(line)
                except ValueError:
                    continue
                if isinstance(message, dict):
                    self.messages.append(message)
                    self._hear(message)

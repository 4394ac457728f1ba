"""The program ``docker``: asked with bounds, and heard line by line while it builds."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioning.images.answers import explained
from provisioning.images.errors import BuildOverdue, BuildxMissing, DaemonSilent, DockerMissing

_LAST_LINES = 40
_GRACE_S = 10.0


@dataclass(frozen=True)
class Docker:
    """One docker client. Its answers that tell of trouble are raised as the errors of `provisioning.images.errors`."""

    program: str
    environment: Mapping[str, str]
    folder: Path

    @classmethod
    def found(cls, environment: Mapping[str, str], folder: Path) -> Docker:
        """Raises `DockerMissing`. ``folder`` is where its commands are run."""
        program = shutil.which("docker", path=environment.get("PATH"))
        if program is None:
            raise DockerMissing("docker is not on the PATH")
        return cls(program, environment, folder)

    def ready(self) -> None:
        """Raises `DaemonSilent` or `BuildxMissing` where a build could not even begin."""
        # A build by buildx may be done by a builder elsewhere, but an image is loaded into the daemon, and asked of it.
        try:
            self.ask(["version", "--format", "{{.Server.Version}}"], within_s=20)
        except BuildOverdue as late:
            raise DaemonSilent(str(late)) from None
        try:
            self.ask(["buildx", "version"], within_s=20)
        except BuildxMissing:
            raise BuildxMissing("docker has no buildx") from None

    def ask(self, words: Sequence[str], *, within_s: float, stdin: str | None = None) -> str:
        """What it answers. ``stdin`` is for secrets, which no command line ever has."""
        try:
            done = subprocess.run(
                [self.program, *words],
                input=stdin or "",
                capture_output=True,
                text=True,
                errors="replace",
                timeout=within_s,
                env=dict(self.environment),
                cwd=self.folder,
            )
        except subprocess.TimeoutExpired:
            raise BuildOverdue(f"docker {words[0]} did not answer within {within_s:g} s") from None
        if done.returncode != 0:
            said = [*done.stdout.splitlines(), *done.stderr.splitlines()]
            raise explained(said[-_LAST_LINES:], f"docker {words[0]} ended with {done.returncode}:")
        return done.stdout.strip()

    def build(self, words: Sequence[str], hear: Callable[[str], None], *, within_s: float) -> None:
        """Runs to the end, and hears every line as it comes. It is stopped after its time, and on Ctrl-C."""
        last: deque[str] = deque(maxlen=_LAST_LINES)
        with subprocess.Popen(
            [self.program, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(self.environment),
            cwd=self.folder,
            start_new_session=True,
        ) as process:
            late = threading.Event()
            watch = threading.Timer(within_s, _end_late, (process, late))
            watch.daemon = True
            watch.start()
            try:
                for line in process.stdout or ():
                    last.append(line.rstrip("\n"))
                    hear(last[-1])
                code = process.wait()
            except BaseException:
                _end(process)
                raise
            finally:
                watch.cancel()
        if late.is_set():
            said = "".join(f"\n  {line}" for line in last)
            raise BuildOverdue(f"docker did not end within {within_s:g} s:{said}")
        if code != 0:
            raise explained(last, f"docker {' '.join(words[:2])} ended with {code}; its last lines:")


def _end_late(process: subprocess.Popen[str], late: threading.Event) -> None:
    late.set()
    _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """Asks the whole group to end, and does not ask a second time."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(_GRACE_S)
            return
        except subprocess.TimeoutExpired:
            continue

"""One program that runs for a step: bounded in time, ended when the run is to stop, with no secret in its arguments."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provisioning.run import Step

# All that kubectl and helm need of our environment; its other variables may hold secrets that are not theirs.
_PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_LOOK_S = 0.2
_GRACE_S = 5.0


@dataclass(frozen=True)
class Ended:
    """``code`` is None when the program was ended because its time was over."""

    code: int | None
    stdout: str
    stderr: str


def environment() -> dict[str, str]:
    """What is passed on to a program."""
    names = {*_PASSED_ON, *_PROXIES, *(proxy.lower() for proxy in _PROXIES)}
    return {name: value for name, value in os.environ.items() if name in names}


def run(step: Step, words: Sequence[str | Path], *, stdin: str | None, timeout_s: float) -> Ended:
    """Runs the program to its end. Raises `Cancelled` when the run is to stop; the program has ended then too."""
    step.safe_point()
    with subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=environment(),
        start_new_session=True,
    ) as process:
        left_s = timeout_s
        given = stdin
        try:
            while True:
                try:
                    stdout, stderr = process.communicate(given, timeout=min(_LOOK_S, max(left_s, 0.01)))
                    return Ended(process.returncode, stdout, stderr)
                except subprocess.TimeoutExpired:
                    given = None
                    left_s -= _LOOK_S
                    if left_s <= 0:
                        stdout, stderr = _end(process)
                        return Ended(None, stdout, stderr)
                    step.safe_point()
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        return process.communicate(timeout=_GRACE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()

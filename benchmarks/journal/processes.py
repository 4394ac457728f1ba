"""Child processes: each the leader of a session of its own, ended by its pid."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.journal.sizes import ROOT

RESULT = "RESULT "


def start(command: list[str], environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """A worker, its output appended to `log`."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], within_s: float = 15) -> None:
    """SIGTERM to the process, and SIGKILL to its group if it does not end in time, or leaves children behind."""
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(within_s)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole group of the process."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def measure(
    python: Path | str, module: str, *arguments: object, environment: Mapping[str, str], timeout_s: float
) -> dict[str, Any]:
    """Run ``python -m module arguments`` and return what it gave to `report`. Raises RuntimeError with its output."""
    process = subprocess.Popen(
        [str(python), "-m", module, *map(str, arguments)],
        cwd=ROOT,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except BaseException:
        process.terminate()  # it ends its own worker on its way out
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        raise
    lines = [line for line in output.splitlines() if line.startswith(RESULT)]
    if process.returncode != 0 or not lines:
        raise RuntimeError(f"{module} {' '.join(map(str, arguments))} ended with {process.returncode}:\n{output}")
    found: dict[str, Any] = json.loads(lines[-1].removeprefix(RESULT))
    return found


def report(**values: Any) -> None:
    """Hand figures to the process that called `measure`."""
    print(RESULT + json.dumps(values), flush=True)


def end_on_sigterm() -> None:
    """Let ``finally`` blocks run when this process is asked to end."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def wait_until(holds: Callable[[], bool], within_s: float, every_s: float = 0.01) -> bool:
    """Whether `holds` came true in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True

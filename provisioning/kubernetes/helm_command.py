"""pyhelm3's command with bounds: no shell, little environment, warnings passed on, and an end when it is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pyhelm3 import Command  # type: ignore[import-untyped]

from provisioning.kubernetes import kubectl
from provisioning.kubernetes.errors import ApiSaid, ChartRefused, HelmSaid, ReleaseBusy
from provisioning.kubernetes.process import environment
from provisioning.run import RunError

# How long helm may take to end by itself once it is asked to.
_GRACE_S = 5.0


_NOT_RENDERED = re.compile(
    r"don't meet the specifications of the schema|execution error|parse error|error converting YAML"
    r"|failed to render|cannot load values|error calling|nil pointer evaluating"
)


class HelmFailed(Exception):
    """helm ended with an error; the text is what it said."""


def meaning(said: str) -> type[RunError]:
    """What helm's words mean; where the API server spoke through it, what that meant."""
    if "another operation" in said:
        return ReleaseBusy
    if _NOT_RENDERED.search(said):
        return ChartRefused
    kind = kubectl.meaning(said)
    return HelmSaid if kind is ApiSaid else kind


class HelmCommand(Command):
    """One helm with one kubeconfig. ``locked`` is a file descriptor that helm keeps open while it lives, so that a lock
    on it outlives this program if that is killed."""

    def __init__(
        self,
        executable: Path,
        kubeconfig: Path,
        home: Path,
        warn: Callable[[str], None],
        locked: int | None = None,
        unpack_directory: Path | None = None,
    ) -> None:
        unpack = str(unpack_directory) if unpack_directory else None
        super().__init__(executable=str(executable), kubeconfig=kubeconfig, unpack_directory=unpack)
        self._home = home
        self._warn = warn
        self._passed: Sequence[int] = () if locked is None else (locked,)

    async def run(self, command: list[Any], input: bytes | None = None) -> bytes:
        """Runs helm with these arguments. Raises `HelmFailed`."""
        words = [str(word) for word in [self._executable, *command, "--kubeconfig", self._kubeconfig]]
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if input is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **environment(),
                "HELM_CACHE_HOME": str(self._home / "cache"),
                "HELM_CONFIG_HOME": str(self._home / "config"),
                "HELM_DATA_HOME": str(self._home / "data"),
            },
            start_new_session=True,
            pass_fds=self._passed,
        )
        try:
            stdout, stderr = await process.communicate(input)
        except asyncio.CancelledError:
            await _end(process)
            raise
        said = stderr.decode(errors="replace").strip()
        if process.returncode != 0:
            # Its log repeats the error, with the line breaks escaped.
            words = [line for line in said.splitlines() if not line.startswith("level=")]
            raise HelmFailed("\n".join(words) or said or f"exit code {process.returncode}")
        for line in said.splitlines():
            self._warn(f"helm: {line}")
        return stdout


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _GRACE_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

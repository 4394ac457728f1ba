"""One Helm at a time for a release: on this machine, and beyond the death of the program that started it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from provisioning.kubernetes.bounded import LOOK_S
from provisioning.kubernetes.errors import ReleaseBusy
from provisioning.run import Step
from provisioning.run.lock import taken

# When no more than this is left of the step's time, nothing useful can be done after the wait.
_ENOUGH_S = 30.0


@asynccontextmanager
async def release_lock(step: Step, folder: Path, name: str, namespace: str) -> AsyncIterator[int]:
    """Yields the lock's file descriptor. A helm that is given it keeps the lock while it lives, so one that has
    outlived a killed run is waited for. Raises `ReleaseBusy` when the wait takes all of the step's time."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(folder / f"{namespace}.{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        told = False
        while not taken(file):
            if not told:
                step.say(f"{name}: another helm still works on it, waiting for its end")
                told = True
            if step.remaining_s < _ENOUGH_S:
                raise ReleaseBusy(f"{name}: another helm still works on it")
            await asyncio.sleep(LOOK_S)
        yield file
    finally:
        os.close(file)

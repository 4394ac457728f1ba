"""One run at a time for a cluster: a lock that dies with its process."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from provisioning.run.errors import JournalUnwritable, Locked

# The holder's entry is short; whatever else stands in the file is not worth reading.
_LONGEST_ENTRY = 4096


@contextmanager
def locked(path: Path, cluster: str) -> Iterator[None]:
    """Holds the cluster's lock. Raises `Locked`, which names who holds it, without waiting.

    The lock is the kernel's (flock), so a killed run leaves none behind; the file only tells whose it is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalUnwritable(f"{path}: {error.strerror}") from error
    try:
        if not taken(handle):
            raise Locked(f"another run for {cluster} is under way: {_holder(handle)}")
        entry = {"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat("T", "seconds")}
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(entry).encode(), 0)
        yield
    finally:
        os.close(handle)


def taken(handle: int) -> bool:
    """Whether the kernel's lock on this open file is ours now; False, without waiting, while another has it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(handle: int) -> str:
    try:
        entry = json.loads(os.pread(handle, _LONGEST_ENTRY, 0))
        return f"process {entry['pid']} on {entry['host']}, since {entry['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has just begun and has not said who it is"

"""Gauges that are read when Prometheus asks: right from the first moment, and while all else stands still."""

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

from wal.file import size
from wal.metrics import DISK_BYTES, DISK_FREE, FILE_BYTES, OLDEST_UNSYNCED, WAL_BYTES, tell_of_the_journal


def follow(path: Path) -> None:
    """From now on the gauges of files and disk are of the journal at `path`."""
    tell_of_the_journal()
    log = Path(f"{path}-wal")
    FILE_BYTES.set_function(_or_unknown(lambda: size(path)))
    WAL_BYTES.set_function(_or_unknown(lambda: size(log)))
    DISK_FREE.set_function(_or_unknown(lambda: _disk(path).f_bavail * _disk(path).f_frsize))
    DISK_BYTES.set_function(_or_unknown(lambda: _disk(path).f_blocks * _disk(path).f_frsize))


def oldest_unsynced(finished_at: float | None) -> None:
    """The oldest row that waits for PostgreSQL finished then (seconds since 1970); None: nothing waits."""
    OLDEST_UNSYNCED.set_function(lambda: 0.0 if finished_at is None else max(0.0, time.time() - finished_at))


def _disk(path: Path) -> os.statvfs_result:
    return os.statvfs(path.parent)


def _or_unknown(read: Callable[[], float]) -> Callable[[], float]:
    """What the disk does not tell is NaN: an error here would take all other metrics away with it."""

    def safely() -> float:
        try:
            return read()
        except OSError:
            return math.nan

    return safely

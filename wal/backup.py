"""A consistent copy of a journal, made while its worker goes on, and checked before it gets its name."""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from wal.errors import JournalError
from wal.file import read_only, size
from wal.models import TABLES

BESIDE = ("", "-journal", "-wal", "-shm")


class BackupFailed(JournalError):
    """There is no copy; nothing of it was left in its folder."""


@dataclass(frozen=True)
class Backup:
    """A finished copy: `rows` are its tasks."""

    worker: str
    path: Path
    rows: int
    bytes: int


def back_up(path: Path, directory: Path) -> Backup:
    """Copy the journal `path` into the folder `directory` as ``<worker>-<UTC>.db``, for its owner's eyes alone.

    The worker's writes do not wait for it; its write-ahead log only grows as long as the copy is made. Raises
    `BackupFailed`. Overwrites nothing.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    final = directory / f"{path.stem}-{stamp}.db"
    partial = directory / f".{final.name}.partial"
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise BackupFailed(f"{directory} takes no file: {error.strerror}") from error
    try:
        rows = _copy(path, partial)
        _to_the_disk(partial)
        if final.exists():  # nobody else makes one of this name meanwhile: they would need the partial one first
            raise BackupFailed(f"{final} is there already")
        partial.rename(final)
        _to_the_disk(directory)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"{path.name} was not copied to {directory}: {error}") from error
    finally:
        for suffix in BESIDE:
            Path(f"{partial}{suffix}").unlink(missing_ok=True)
    return Backup(path.stem, final, rows, size(final))


def _copy(path: Path, partial: Path) -> int:
    with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        with closing(read_only(path)) as journal:
            journal.execute("BEGIN")  # what is counted is what is copied
            expected = _rows(journal)
            # All pages in one step: after each write of the worker, a copy in several would start anew.
            journal.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")  # so that the file is whole by itself
        verdict = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok" or _rows(copy) != expected:
            raise BackupFailed(f"the copy of {path.name} is not what the journal is: {verdict}, {_rows(copy)} rows")
    return expected["task"]


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = [model._meta.table_name for model in TABLES]
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        for table in tables
    }


def _to_the_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

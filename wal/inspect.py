"""Looking into journal files from outside, while their workers run. Opens them read-only and writes nothing."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from peewee import DatabaseError, SqliteDatabase, fn

from wal.file import quarantined, read_only_uri, size
from wal.models import Checkpoint, Payload, Task
from wal.states import State

STATES = tuple(state.value for state in State)
FINISHED = tuple(state.value for state in State if state.finished)


@dataclass(frozen=True)
class FileState:
    """What a journal file holds. Sizes in bytes, moments in seconds since 1970."""

    worker: str
    path: str
    running: bool
    """Whether a process owns the file."""
    by_state: dict[str, int]
    unsynced: int
    oldest_unsynced_at: float | None
    """When the first of them was finished."""
    parked: int
    oldest_heartbeat_at: float | None
    """The oldest last sign of life among the tasks that are processing."""
    file_bytes: int
    wal_bytes: int
    quarantined: int
    """Broken files of this worker that were set aside."""

    @property
    def unfinished(self) -> int:
        return sum(count for name, count in self.by_state.items() if name not in FINISHED)


class Finished(NamedTuple):
    """A finished task, as far as the sync is concerned."""

    task_id: str
    state: str
    version: int
    synced_version: int
    sync_error: str | None
    """What PostgreSQL said when it refused the row, while that is parked."""


class Parked(NamedTuple):
    """A finished task whose row PostgreSQL refused, and what it said."""

    task_id: str
    sync_error: str


class Unfinished(NamedTuple):
    """A task that waits or runs; `heartbeat_at` is None before it has begun."""

    task_id: str
    state: str
    heartbeat_at: float | None


@contextmanager
def reading(path: Path) -> Iterator[SqliteDatabase]:
    """The journal file `path`, for queries with the models of `wal.models`.

    Each query is bound to it with `bind`; the models themselves belong to no file, so several may be read at once.
    """
    database = SqliteDatabase(read_only_uri(path), uri=True, pragmas={"query_only": 1})
    with database.connection_context():
        yield database


def journals(directory: Path) -> list[Path]:
    """The journal files in `directory`, one a worker."""
    return sorted(path for path in directory.glob("*.db"))


def owned(path: Path) -> bool:
    """Whether a process owns the journal `path` now. Takes the lock for a moment where none does."""
    try:
        lock = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look do not see each other
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def state(path: Path) -> FileState:
    with reading(path) as file:
        counted: Any = Task.select(Task.state, fn.COUNT(Task.task_id)).group_by(Task.state).tuples().bind(file)
        by_state = dict.fromkeys(STATES, 0) | dict(counted)
        waiting = Task.state.in_(FINISHED) & (Task.version > Task.synced_version) & Task.sync_error.is_null()
        unsynced: Any = Task.select(fn.COUNT(Task.task_id), fn.MIN(Task.finished_at)).where(waiting).tuples()
        beats: Any = Task.select(fn.MIN(Task.heartbeat_at)).where(Task.state == State.PROCESSING)
        count, oldest = unsynced.bind(file).first()
        return FileState(
            worker=path.stem,
            path=str(path),
            running=owned(path),
            by_state=by_state,
            unsynced=count,
            oldest_unsynced_at=oldest,
            parked=Task.select().where(Task.sync_error.is_null(False)).bind(file).count(),
            oldest_heartbeat_at=beats.bind(file).scalar(),
            file_bytes=size(path),
            wal_bytes=size(Path(f"{path}-wal")),
            quarantined=sum(broken.name.startswith(f"{path.name}.") for broken in quarantined(path.parent)),
        )


def tasks(path: Path, *, state: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest tasks, as dicts of their columns."""
    with reading(path) as file:
        chosen: Any = Task.select().order_by(Task.created_at.desc()).limit(limit)
        if state is not None:
            chosen = chosen.where(Task.state == state)
        return list(chosen.dicts().bind(file))


def show(path: Path, task_id: str) -> dict[str, Any] | None:
    """All that the journal knows of a task: its columns, its stages, its payload's size and type."""
    with reading(path) as file:
        task: dict[str, Any] | None = Task.select().where(Task.task_id == task_id).dicts().bind(file).first()
        if task is None:
            return None
        stages: Any = Checkpoint.select().where(Checkpoint.task_id == task_id).order_by(Checkpoint.at)
        payload: Any = Payload.select().where(Payload.task_id == task_id).bind(file).first()
        task["checkpoints"] = [{"stage": stage["stage"], "at": stage["at"]} for stage in stages.dicts().bind(file)]
        task["payload"] = payload and {"bytes": len(payload.body), "content_type": payload.content_type}
        return task


def finished(path: Path, chunk: int = 5_000) -> Iterator[list[Finished]]:
    """Every finished task, in the order of their ids, `chunk` at a time."""
    columns = (Task.task_id, Task.state, Task.version, Task.synced_version, Task.sync_error)
    for rows in _in_chunks(path, columns, Task.state.in_(FINISHED), chunk):
        yield [Finished(*row) for row in rows]


def unfinished(path: Path, chunk: int = 5_000) -> Iterator[list[Unfinished]]:
    """Every task that waits or runs, in the same way."""
    columns = (Task.task_id, Task.state, Task.heartbeat_at)
    for rows in _in_chunks(path, columns, Task.state.not_in(FINISHED), chunk):
        yield [Unfinished(*row) for row in rows]


def parked(path: Path, chunk: int = 5_000) -> Iterator[list[Parked]]:
    """Every row that PostgreSQL refused, in the same way."""
    for rows in _in_chunks(path, (Task.task_id, Task.sync_error), Task.sync_error.is_null(False), chunk):
        yield [Parked(*row) for row in rows]


def prunable(path: Path, finished_before: float) -> int:
    """How many rows `WALManager.prune` would delete: finished before that moment, and known to PostgreSQL."""
    gone = (
        Task.finished_at.is_null(False) & (Task.version == Task.synced_version) & (Task.finished_at < finished_before)
    )
    with reading(path) as file:
        return int(Task.select().where(gone).bind(file).count())


def integrity(path: Path) -> str:
    """SQLite's own verdict: "ok" or what is broken."""
    try:
        with reading(path) as file:
            verdict: str = file.execute_sql("PRAGMA quick_check(5)").fetchone()[0]
            return verdict
    except DatabaseError as error:
        return str(error)


def _in_chunks(path: Path, columns: tuple[Any, ...], which: Any, chunk: int) -> Iterator[list[tuple[Any, ...]]]:
    """Read anew for each chunk: who reads for long keeps the worker from emptying its write-ahead log."""
    after = ""
    while True:
        with reading(path) as file:
            query: Any = Task.select(*columns).where(which & (Task.task_id > after)).order_by(Task.task_id).limit(chunk)
            rows = list(query.tuples().bind(file))
        if not rows:
            return
        yield rows
        after = rows[-1][0]

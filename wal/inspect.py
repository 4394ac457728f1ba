"""Looking into journal files from outside, while their workers run. Opens them read-only and writes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from peewee import SqliteDatabase, fn

from wal.models import TABLES, Checkpoint, Payload, Task
from wal.states import State

STATES = tuple(state.value for state in State)


@dataclass(frozen=True)
class FileState:
    """What a journal file holds. Sizes in bytes, ages in seconds."""

    worker: str
    path: str
    by_state: dict[str, int]
    unsynced: int
    parked: int
    file_bytes: int
    wal_bytes: int


class Finished(NamedTuple):
    """A finished task, as far as the sync is concerned."""

    task_id: str
    state: str
    version: int
    synced_version: int


@contextmanager
def reading(path: Path) -> Iterator[SqliteDatabase]:
    """The journal file `path`, for queries with the models of `wal.models`."""
    database = SqliteDatabase(f"file:{path}?mode=ro", uri=True, pragmas={"query_only": 1})
    with database.connection_context(), database.bind_ctx(TABLES):
        yield database


def journals(directory: Path) -> list[Path]:
    """The journal files in `directory`, one a worker."""
    return sorted(path for path in directory.glob("*.db"))


def state(path: Path) -> FileState:
    with reading(path):
        counted: Any = Task.select(Task.state, fn.COUNT(Task.task_id)).group_by(Task.state).tuples()
        by_state = dict.fromkeys(STATES, 0) | dict(counted)
        parked = Task.select().where(Task.sync_error.is_null(False)).count()
        waiting = _finished() & (Task.version > Task.synced_version) & Task.sync_error.is_null()
        unsynced = Task.select().where(waiting).count()
    log = Path(f"{path}-wal")
    return FileState(
        worker=path.stem,
        path=str(path),
        by_state=by_state,
        unsynced=unsynced,
        parked=parked,
        file_bytes=path.stat().st_size,
        wal_bytes=log.stat().st_size if log.exists() else 0,
    )


def tasks(path: Path, *, state: str | None = None, limit: int = 20) -> list[dict[str, Any]]:
    """The newest tasks, as dicts of their columns."""
    with reading(path):
        chosen: Any = Task.select().order_by(Task.created_at.desc()).limit(limit)
        if state is not None:
            chosen = chosen.where(Task.state == state)
        return list(chosen.dicts())


def show(path: Path, task_id: str) -> dict[str, Any] | None:
    """All that the journal knows of a task: its columns, its stages, its payload's size and type."""
    with reading(path):
        task: dict[str, Any] | None = Task.select().where(Task.task_id == task_id).dicts().first()
        if task is None:
            return None
        stages: Any = Checkpoint.select().where(Checkpoint.task_id == task_id).order_by(Checkpoint.at).dicts()
        payload = Payload.get_or_none(Payload.task_id == task_id)
        task["checkpoints"] = [{"stage": stage["stage"], "at": stage["at"]} for stage in stages]
        task["payload"] = payload and {"bytes": len(payload.body), "content_type": payload.content_type}
        return task


def finished(path: Path, chunk: int = 5_000) -> Iterator[list[Finished]]:
    """Every finished task, in the order of their ids, `chunk` at a time."""
    after = ""
    while True:
        with reading(path):
            query: Any = Task.select(Task.task_id, Task.state, Task.version, Task.synced_version)
            query = query.where(_finished() & (Task.task_id > after)).order_by(Task.task_id).limit(chunk)
            rows = [Finished(*row) for row in query.tuples()]
        if not rows:
            return
        yield rows
        after = rows[-1].task_id


def integrity(path: Path) -> str:
    """SQLite's own verdict: "ok" or what is broken."""
    with reading(path) as database:
        verdict: str = database.execute_sql("PRAGMA quick_check(5)").fetchone()[0]
        return verdict


def _finished() -> Any:
    return Task.state.in_(("completed", "failed"))

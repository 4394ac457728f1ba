"""`WALManager`: the journal's public face. Each call returns when what it says is durable on the disk."""

import fcntl
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from peewee import SqliteDatabase

from wal import statements as sql
from wal.errors import IllegalTransition, JournalError, JournalLocked, JournalUnavailable, UnknownTask
from wal.metrics import RECOVERED, TRANSITIONS
from wal.models import SCHEMA_VERSION, create_schema, upgrade_schema
from wal.records import Json, TaskRecord, Work, utc
from wal.runtime import Runtime, ThreadRuntime
from wal.states import State
from wal.writer import Writer

MAX_CRASHES = 3
"""A task that was running each of this many times when its worker died is failed, not looped."""

NEW = (None, None, None)  # result, error_class, error
UNTOUCHED = (None, None, 0, 0, None)  # started, finished, announced and synced versions, sync_error

ERROR_LIMIT = 2000  # characters of an error's text that are kept


@dataclass(frozen=True, slots=True)
class Admission:
    """What `log_task_start` found: a new task, or one the journal knew, in its present state."""

    new: bool
    task: TaskRecord


class WALManager:
    """A durable journal of task lifecycles in one SQLite file, owned by this process alone.

    Safe for concurrent callers (threads, or greenlets with `wal.green.GreenRuntime`). Raises
    `JournalLocked` when another process owns the file, `JournalUnavailable` when the disk refuses.
    """

    def __init__(
        self, path: Path | str, worker: str, runtime: Runtime | None = None, *, queue_limit: int = 10_000
    ) -> None:
        self.path = Path(path)
        self.worker = worker
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise JournalUnavailable(f"{self.path}: {error}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise JournalLocked(f"{self.path} belongs to another process") from None
        try:
            _prepare(self.path)
            self._writer = Writer(self.path, runtime or ThreadRuntime(), queue_limit=queue_limit)
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, sqlite3.Error):
                raise JournalUnavailable(f"{self.path}: {error}") from error
            raise
        self._open = True

    @property
    def trouble(self) -> str | None:
        """Why the disk refused last, or None when the last write went well."""
        return self._writer.trouble

    # The life of a task

    def log_task_start(
        self,
        task_id: str,
        task_type: str,
        payload: bytes | Json,
        *,
        content_type: str | None = None,
        headers: dict[str, Json] | None = None,
    ) -> Admission:
        """Record a new task as pending. A known id changes nothing: the answer carries its present state.

        `payload` is kept as it is when bytes, else as JSON.
        """
        if isinstance(payload, bytes):
            body, kind = payload, content_type or "application/octet-stream"
        else:
            body, kind = _dump(payload).encode(), "application/json"
        head = _dump(headers or {})
        now = time.time()

        def step(connection: sqlite3.Connection) -> Admission:
            if connection.execute(sql.INSERT_TASK, (task_id, task_type, self.worker, now)).rowcount != 1:
                return Admission(False, _read(connection, task_id))
            connection.execute(sql.INSERT_PAYLOAD, (task_id, body, kind, head))
            return Admission(
                True, _record((task_id, task_type, "pending", 0, 0, 1, self.worker, *NEW, now, *UNTOUCHED))
            )

        admission = self._writer.run(step)
        if admission.new:
            _count(task_type, State.PENDING)
        return admission

    def log_task_processing(self, task_id: str) -> int:
        """pending -> processing. Returns which attempt this is, 1 for the first."""
        now = time.time()

        task_type, attempt = self._change(sql.CLAIM, (self.worker, now, now, task_id), task_id, State.PROCESSING)
        _count(task_type, State.PROCESSING)
        return int(attempt)

    def log_task_complete(self, task_id: str, result: Json) -> None:
        """processing -> completed, with its result. The payload and the checkpoints go."""
        text = _dump(result)

        def tidy(connection: sqlite3.Connection) -> None:
            connection.execute(sql.DROP_PAYLOAD, (task_id,))
            connection.execute(sql.DROP_CHECKPOINTS, (task_id,))

        (task_type,) = self._change(sql.COMPLETE, (text, time.time(), task_id), task_id, State.COMPLETED, tidy)
        _count(task_type, State.COMPLETED)

    def log_task_failure(self, task_id: str, error: BaseException | str) -> None:
        """pending or processing -> failed, for good. The payload stays, for an operator's retry."""
        kind, text = _describe(error)
        self._move(sql.FAIL, (time.time(), kind, text, task_id), task_id, State.FAILED)

    def log_task_retry(self, task_id: str, error: BaseException | str) -> None:
        """processing -> pending: this attempt failed, another will follow."""
        kind, text = _describe(error)
        self._move(sql.RETRY, (kind, text, task_id), task_id, State.PENDING)

    def reopen(self, task_id: str) -> None:
        """failed -> pending, by an operator: attempts and crashes are counted anew, finished stages are kept."""
        self._move(sql.REOPEN, (task_id,), task_id, State.PENDING)

    def cancel(self, task_id: str) -> None:
        """pending -> failed, by an operator. What runs already is not interrupted: `IllegalTransition`."""
        self._move(sql.CANCEL, (time.time(), task_id), task_id, State.FAILED)

    def _change(
        self,
        statement: str,
        values: tuple[Any, ...],
        task_id: str,
        wanted: State,
        also: Callable[[sqlite3.Connection], None] | None = None,
    ) -> tuple[Any, ...]:
        """Run a change of state, and `also` with it; returns what the statement returns. Raises if it fits nothing."""

        def step(connection: sqlite3.Connection) -> tuple[Any, ...]:
            rows = connection.execute(statement, values).fetchall()
            if not rows:
                raise _refusal(connection, task_id, wanted)
            if also is not None:
                also(connection)
            changed: tuple[Any, ...] = rows[0]
            return changed

        return self._writer.run(step)

    def _move(self, statement: str, values: tuple[Any, ...], task_id: str, wanted: State) -> None:
        (task_type,) = self._change(statement, values, task_id, wanted)
        _count(task_type, wanted)

    def checkpoint(self, task_id: str, stage: str, data: Json) -> None:
        """Keep the result of a finished stage of a running task."""
        text, now = _dump(data), time.time()

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(sql.SAVE_CHECKPOINT, (stage, text, now, task_id)).rowcount != 1:
                raise _refusal(connection, task_id, State.PROCESSING)

        self._writer.run(step)

    def checkpoints(self, task_id: str) -> dict[str, Json]:
        """The finished stages of a task and their results, oldest first."""

        def step(connection: sqlite3.Connection) -> dict[str, Json]:
            return {stage: json.loads(data) for stage, data in connection.execute(sql.READ_CHECKPOINTS, (task_id,))}

        return self._writer.run(step)

    def heartbeat(self, task_id: str) -> None:
        """Note that a running task is alive."""
        now = time.time()

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(sql.HEARTBEAT, (now, task_id)).rowcount != 1:
                raise _refusal(connection, task_id, State.PROCESSING)

        self._writer.run(step)

    # After a crash

    def recover_pending_tasks(self) -> list[str]:
        """Called at start, before any task runs: the ids of the unfinished tasks, oldest first.

        What was processing when the last process died is pending again; what has died so
        `MAX_CRASHES` times is failed instead. `work(id)` gives what is needed to run each.
        """
        now = time.time()
        reason = f"its worker died {MAX_CRASHES} times while it ran"

        def step(connection: sqlite3.Connection) -> list[tuple[str, str]]:
            connection.execute(sql.RECOVER)
            looping = connection.execute(sql.CRASH_LOOPS, (MAX_CRASHES,)).fetchall()
            for (task_id,) in looping:
                connection.execute(sql.FAIL, (now, "CrashLoop", reason, task_id))
            return connection.execute(sql.UNFINISHED).fetchall()

        found = self._writer.run(step)
        for _, task_type in found:
            RECOVERED.labels(task_type).inc()
        return [task_id for task_id, _ in found]

    def work(self, task_id: str) -> Work:
        """The payload of a task that is not completed."""

        def step(connection: sqlite3.Connection) -> Work:
            row = connection.execute(sql.WORK, (task_id,)).fetchone()
            if row is None:
                raise UnknownTask(f"{task_id}: no such task, or its payload is gone because it is completed")
            identity, task_type, body, kind, headers, attempt, crashes = row
            return Work(identity, task_type, bytes(body), kind, json.loads(headers), attempt, crashes)

        return self._writer.run(step)

    def unannounced(self) -> list[str]:
        """Finished tasks whose outcome was perhaps not told, oldest first. Called at start."""
        return self._writer.run(lambda c: [row[0] for row in c.execute(sql.UNANNOUNCED)])

    def mark_announced(self, task_id: str, version: int) -> None:
        """The outcome of this version was told. Does not wait for the disk: telling twice does no harm."""
        self._writer.post(lambda c: c.execute(sql.MARK_ANNOUNCED, (version, task_id, version)).rowcount)

    # To PostgreSQL

    def unsynced(self, limit: int) -> list[TaskRecord]:
        """Finished tasks whose present version PostgreSQL does not have, oldest first; parked ones left out."""
        return self._writer.run(lambda c: [_record(row) for row in c.execute(sql.UNSYNCED, (limit,))])

    def unsynced_backlog(self) -> tuple[int, float]:
        """How many finished rows wait for PostgreSQL, and the age of the oldest in seconds."""
        count, oldest = self._writer.run(lambda c: c.execute(sql.COUNT_UNSYNCED).fetchone())
        return count, max(0.0, time.time() - oldest) if oldest is not None else 0.0

    def mark_synced(self, rows: Iterable[tuple[str, int]]) -> None:
        """PostgreSQL has these (id, version). A row that has changed since stays unsynced."""
        marks = [(version, task_id) for task_id, version in rows]
        self._writer.run(lambda c: c.executemany(sql.MARK_SYNCED, marks).rowcount)

    def park(self, task_id: str, version: int, reason: str) -> None:
        """PostgreSQL refused this row: keep the reason, and do not offer it again until it changes."""
        self._writer.run(lambda c: c.execute(sql.PARK, (reason[:ERROR_LIMIT], task_id, version)).rowcount)

    # Looking, tidying, ending

    def task(self, task_id: str) -> TaskRecord:
        """The task as it stands. Raises `UnknownTask`."""
        return self._writer.run(lambda c: _read(c, task_id))

    def stats(self) -> dict[str, int]:
        """Tasks by state, finished rows not yet synced, rows parked."""

        def step(connection: sqlite3.Connection) -> dict[str, int]:
            counts = {state.value: 0 for state in State} | dict(connection.execute(sql.COUNT_BY_STATE).fetchall())
            counts["unsynced"] = connection.execute(sql.COUNT_UNSYNCED).fetchone()[0]
            counts["parked"] = connection.execute(sql.COUNT_PARKED).fetchone()[0]
            return counts

        return self._writer.run(step)

    def prune(self, older_than_s: float) -> int:
        """Delete synced rows that finished more than `older_than_s` seconds ago, at most 1000 a call."""
        before = time.time() - older_than_s

        def step(connection: sqlite3.Connection) -> int:
            gone = connection.execute(sql.PRUNE, (before,)).fetchall()
            for row in gone:
                connection.execute(sql.DROP_PAYLOAD, row)
                connection.execute(sql.DROP_CHECKPOINTS, row)
            return len(gone)

        return self._writer.run(step)

    def close(self) -> None:
        """Commit what waits and give the file up. A second call does nothing."""
        if self._open:
            self._open = False
            self._writer.close()
            os.close(self._lock)


def _prepare(path: Path) -> None:
    database = SqliteDatabase(str(path), pragmas={"journal_mode": "wal", "synchronous": "full"})
    try:
        with database.connection_context():
            version = database.execute_sql("PRAGMA user_version").fetchone()[0]
            if version == 0:
                with database.atomic("IMMEDIATE"):
                    create_schema(database)
            elif version < SCHEMA_VERSION:
                with database.atomic("IMMEDIATE"):
                    upgrade_schema(database, version)
            elif version > SCHEMA_VERSION:
                raise JournalError(
                    f"{path} has schema version {version}, this code knows {SCHEMA_VERSION}: "
                    "run the version of Eco² that wrote it, or move the file away"
                )
    except JournalError:
        raise
    except Exception as error:
        raise JournalUnavailable(f"{path}: {error}") from error


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _dump(value: Json) -> str:
    return _encode(value)


def _describe(error: BaseException | str) -> tuple[str, str]:
    kind, text = ("Error", error) if isinstance(error, str) else (type(error).__name__, str(error))
    # An error may quote what it tripped over: lone surrogates and NULs, which no database takes.
    return kind, text[:ERROR_LIMIT].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def _read(connection: sqlite3.Connection, task_id: str) -> TaskRecord:
    row = connection.execute(sql.READ_TASK, (task_id,)).fetchone()
    if row is None:
        raise UnknownTask(f"{task_id}: no such task")
    return _record(row)


@cache
def _counter(task_type: str, state: State) -> Any:
    return TRANSITIONS.labels(task_type, state)  # looking a label up costs as much as a small write


def _count(task_type: str, state: State) -> None:
    _counter(task_type, state).inc()


def _refusal(connection: sqlite3.Connection, task_id: str, wanted: State) -> JournalError:
    row = connection.execute("SELECT state FROM task WHERE task_id = ?", (task_id,)).fetchone()
    if row is None:
        return UnknownTask(f"{task_id}: no such task")
    return IllegalTransition(f"{task_id}: {row[0]} -> {wanted} is not allowed")


def _record(row: tuple[Any, ...]) -> TaskRecord:
    identity, task_type, state, attempt, crashes, version, worker, result, error_class, error, *rest = row
    created, started, finished, announced_version, synced_version, sync_error = rest
    return TaskRecord(
        task_id=identity,
        task_type=task_type,
        state=State(str(state)),
        attempt=attempt,
        crashes=crashes,
        version=version,
        worker=worker,
        result=None if result is None else json.loads(str(result)),
        error_class=error_class,
        error=error,
        created_at=utc(created),
        started_at=None if started is None else utc(started),
        finished_at=None if finished is None else utc(finished),
        announced_version=announced_version,
        synced_version=synced_version,
        sync_error=sync_error,
    )

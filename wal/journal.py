"""`WALManager`: the journal's public face. Each call returns when what it says is durable on the disk."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from wal import gauges, transitions
from wal import statements as sql
from wal.errors import JournalUnavailable, UnknownTask
from wal.file import own, prepare, read_only
from wal.metrics import BACKLOG, PARKED_ROWS, RECOVERED, TRANSITIONS, UNSYNCED
from wal.records import Json, TaskRecord, Unsynced, Work, utc
from wal.runtime import Runtime, ThreadRuntime
from wal.states import State
from wal.transitions import refusal
from wal.writer import Batch, Writer, one_by_one

MAX_CRASHES = 3
"""A task that was running each of this many times when its worker died is failed, not looped."""

ALWAYS_KEPT_S = 3600.0
ERROR_LIMIT = 2000  # characters of an error's text that are kept


@dataclass(frozen=True, slots=True)
class Admission:
    """What `log_task_start` found: a task that the journal knew, in its present state, or None, then it is new."""

    known: TaskRecord | None

    @property
    def new(self) -> bool:
        return self.known is None


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
        self._runtime = runtime or ThreadRuntime()
        self._lock = own(self.path)
        try:
            prepare(self.path)
            self._writer = Writer(self.path, self._runtime, queue_limit=queue_limit)
        except BaseException as error:
            os.close(self._lock)
            if isinstance(error, sqlite3.Error):
                raise JournalUnavailable(f"{self.path}: {error}") from error
            raise
        self._open = True
        gauges.follow(self.path)

    @property
    def trouble(self) -> str | None:
        """Why the disk refuses, or None. It is well five seconds after the last refusal, once a write succeeded."""
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
        known = self._writer.apply(transitions.start, self._given(task_id, task_type, payload, content_type, headers))
        if known is not None:
            return Admission(_record(known))
        _count(task_type, State.PENDING)
        return NEW

    def begin(
        self,
        task_id: str,
        task_type: str,
        payload: bytes | Json,
        *,
        content_type: str | None = None,
        headers: dict[str, Json] | None = None,
    ) -> int | TaskRecord:
        """`log_task_start` and `log_task_processing` in one commit. Returns which attempt begins, 1 for the first.

        For a finished task nothing is begun: the answer is the task. Raises `IllegalTransition` for one that runs.
        """
        given = self._given(task_id, task_type, payload, content_type, headers)
        begun = self._writer.apply(transitions.begin, given)
        if not isinstance(begun, int):
            return _record(begun)
        _count(task_type, State.PROCESSING)
        return begun

    def _given(
        self,
        task_id: str,
        task_type: str,
        payload: bytes | Json,
        content_type: str | None,
        headers: dict[str, Json] | None,
    ) -> tuple[Any, ...]:
        if isinstance(payload, bytes):
            body, kind = payload, content_type or "application/octet-stream"
        else:
            body, kind = _dump(payload).encode(), "application/json"
        head = _dump(headers) if headers else "{}"
        return task_id, task_type, self.worker, time.time(), body, kind, head

    def log_task_processing(self, task_id: str) -> int:
        """pending -> processing. Returns which attempt this is, 1 for the first."""
        task_type, attempt = self._writer.apply(transitions.claim, (task_id, self.worker, time.time()))
        _count(task_type, State.PROCESSING)
        return int(attempt)

    def log_task_complete(self, task_id: str, result: Json) -> int:
        """processing -> completed, with its result. The payload and the checkpoints go. Returns the new version."""
        return self._finish(transitions.complete, (task_id, _dump(result), time.time()), State.COMPLETED)

    def log_task_failure(self, task_id: str, error: BaseException | str) -> int:
        """pending or processing -> failed, for good. The payload stays, for a retry. Returns the new version."""
        return self._finish(transitions.fail, (task_id, time.time(), *describe(error)), State.FAILED)

    def cancel(self, task_id: str) -> int:
        """pending -> failed, by an operator. Returns the new version."""
        return self._finish(transitions.cancel, (task_id, time.time()), State.FAILED)

    def log_task_retry(self, task_id: str, error: BaseException | str) -> None:
        """processing -> pending: this attempt failed, another will follow."""
        (task_type,) = self._writer.apply(transitions.retry, (task_id, *describe(error)))
        _count(task_type, State.PENDING)

    def reopen(self, task_id: str) -> None:
        """failed -> pending, by an operator: attempts and crashes are counted anew, finished stages are kept."""
        (task_type,) = self._writer.apply(transitions.reopen, (task_id,))
        _count(task_type, State.PENDING)

    def _finish(self, batch: Batch, values: tuple[Any, ...], wanted: State) -> int:
        task_type, version = self._writer.apply(batch, values)
        _count(task_type, wanted)
        return int(version)

    def checkpoint(self, task_id: str, stage: str, data: Json) -> None:
        """Keep the result of a finished stage of a running task."""
        text, now = _dump(data), time.time()

        def step(connection: sqlite3.Connection) -> None:
            if connection.execute(sql.SAVE_CHECKPOINT, (stage, text, now, task_id)).rowcount != 1:
                raise refusal(connection, task_id, State.PROCESSING)

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
                raise refusal(connection, task_id, State.PROCESSING)

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
            sql.FAIL.on(connection, [(task_id, now, "CrashLoop", reason) for (task_id,) in looping])
            return connection.execute(sql.UNFINISHED).fetchall()

        found = self._writer.run(step)
        for _, task_type in found:
            RECOVERED.labels(task_type).inc()
        return [task_id for task_id, _ in found]

    def work(self, task_id: str) -> Work:
        """What a task that is not completed was given. Raises `UnknownTask`."""
        for work in self.works([task_id]):
            return work
        raise UnknownTask(f"{task_id}: no such task, or its payload is gone because it is completed")

    def works(self, task_ids: list[str]) -> list[Work]:
        """The same of several, in their order; what is completed or unknown is left out."""

        def step(connection: sqlite3.Connection) -> list[Work]:
            found = (connection.execute(sql.WORK, (task_id,)).fetchone() for task_id in task_ids)
            return [_work(row) for row in found if row is not None]

        return self._writer.run(step)

    def unannounced(self) -> list[str]:
        """Finished tasks whose outcome was perhaps not told, oldest first. Called at start."""
        return self._writer.run(lambda c: [row[0] for row in c.execute(sql.UNANNOUNCED)])

    def mark_announced(self, task_id: str, version: int) -> None:
        """The outcome of this version was told. Does not wait for the disk: telling twice does no harm."""
        self._writer.post(transitions.announced, (task_id, version))

    # To PostgreSQL

    def unsynced(self, limit: int) -> list[Unsynced]:
        """Finished tasks whose present version PostgreSQL does not have, oldest first; parked ones left out."""
        return self.unsynced_after(None, limit)()

    def unsynced_after(self, last: Unsynced | None, limit: int) -> Callable[[], list[Unsynced]]:
        """Begin to read those that come after `last`; what is returned waits for them."""
        values = (last.finished_at if last else 0.0, last.task_id if last else "", limit)

        def step(connection: sqlite3.Connection) -> list[Unsynced]:
            return [Unsynced(*row) for row in connection.execute(sql.UNSYNCED, values).fetchall()]

        return self._writer.ask(one_by_one, step)

    def mark_synced(self, rows: Iterable[tuple[str, int]]) -> None:
        """PostgreSQL has these (id, version). A row that has changed since stays unsynced.

        Does not wait for the disk: a row that is not marked goes once more. What is read after this sees the marks.
        """
        self._writer.post(transitions.synced, list(rows))

    def park(self, task_id: str, version: int, reason: str) -> None:
        """PostgreSQL refused this row: keep the reason, and do not offer it again until it changes or is unparked."""
        self._writer.run(lambda c: c.execute(sql.PARK, (reason[:ERROR_LIMIT], task_id, version)).rowcount)

    def unpark(self, task_ids: list[str]) -> list[str]:
        """By an operator: the next sync offers these rows again, as they are. Returns those that were parked."""
        rows = [(task_id,) for task_id in task_ids]
        unparked = {row[0] for row in self._writer.run(lambda c: sql.UNPARK.on(c, rows))}
        return [task_id for task_id in task_ids if task_id in unparked]

    # Looking, tidying, ending

    def task(self, task_id: str) -> TaskRecord:
        """The task as it stands. Raises `UnknownTask`."""
        return self._writer.run(lambda c: _read(c, task_id))

    def stats(self) -> dict[str, int]:
        """Tasks by state, finished rows not yet synced, rows parked. Counted beside the writer, which goes on."""
        self._writer.run(lambda _: None)  # what was said before is counted
        return self._runtime.outside(lambda: _count_all(self.path))

    def oldest_unsynced_s(self) -> float:
        """The age in seconds of the oldest finished row that waits for PostgreSQL; 0 when none does."""
        finished_at = self._oldest_unsynced_at()
        return 0.0 if finished_at is None else max(0.0, time.time() - finished_at)

    def measure(self) -> None:
        """Tell Prometheus how much waits, and since when."""
        counts = self.stats()
        BACKLOG.set(counts["pending"] + counts["processing"])
        UNSYNCED.set(counts["unsynced"])
        PARKED_ROWS.set(counts["parked"])
        gauges.oldest_unsynced(self._oldest_unsynced_at())

    def _oldest_unsynced_at(self) -> float | None:
        row = self._writer.run(lambda c: c.execute(sql.OLDEST_UNSYNCED).fetchone())
        return float(row[0]) if row else None

    def prune(self, older_than_s: float, keep_bytes: int | None = None) -> int:
        """Delete synced rows that finished more than `older_than_s` seconds ago, the oldest first, at most 1000 a call.

        While the file holds more than `keep_bytes` of rows, younger ones go too, but for those of the last
        `ALWAYS_KEPT_S`, whose messages may still come again. What PostgreSQL does not have never goes. The writer
        gives the space back by and by.
        """
        now = time.time()
        at_least = min(older_than_s, ALWAYS_KEPT_S)

        def step(connection: sqlite3.Connection) -> int:
            too_large = keep_bytes is not None and _bytes_used(connection) > keep_bytes
            gone = connection.execute(sql.PRUNE, (now - (at_least if too_large else older_than_s),)).fetchall()
            sql.DROP_PAYLOADS.on(connection, gone)
            sql.DROP_CHECKPOINTS.on(connection, gone)
            return len(gone)

        return self._writer.run(step)

    def close(self) -> None:
        """Commit what waits and give the file up. A second call does nothing."""
        if self._open:
            self._open = False
            self._writer.close()
            os.close(self._lock)


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode


def _dump(value: Json) -> str:
    return _encode(value)


def describe(error: BaseException | str) -> tuple[str, str]:
    """The class and the text of an error, as the journal keeps them."""
    kind, text = ("Error", error) if isinstance(error, str) else (type(error).__name__, str(error))
    # An error may quote what it tripped over: lone surrogates and NULs, which no database takes.
    return kind, text[:ERROR_LIMIT].encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


NEW = Admission(None)


def _count_all(path: Path) -> dict[str, int]:
    try:
        with closing(read_only(path)) as connection:
            counts = {state.value: 0 for state in State} | dict(connection.execute(sql.COUNT_BY_STATE).fetchall())
            counts["unsynced"] = connection.execute(sql.COUNT_UNSYNCED).fetchone()[0]
            counts["parked"] = connection.execute(sql.COUNT_PARKED).fetchone()[0]
            return counts
    except sqlite3.Error as error:
        raise JournalUnavailable(f"{path}: {error}") from error


def _bytes_used(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


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


def _work(row: tuple[Any, ...]) -> Work:
    identity, task_type, body, kind, headers, attempt, crashes = row
    return Work(identity, task_type, bytes(body), kind, json.loads(headers), attempt, crashes)


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

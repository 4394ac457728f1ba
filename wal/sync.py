"""Brings finished rows to PostgreSQL, in idempotent batches, on a timer."""

import json
import logging
from collections.abc import Callable
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

from wal.journal import WALManager
from wal.metrics import PARKED, SYNCED, UNSYNCED
from wal.records import TaskRecord

log = logging.getLogger(__name__)

UPSERT = """
INSERT INTO tasks.task_results AS known
  (task_id, task_type, worker, state, attempt, version, result, error_class, error,
   created_at, started_at, finished_at)
VALUES %s
ON CONFLICT (task_id) DO UPDATE SET
  worker = excluded.worker, state = excluded.state, attempt = excluded.attempt, version = excluded.version,
  result = excluded.result, error_class = excluded.error_class, error = excluded.error,
  started_at = excluded.started_at, finished_at = excluded.finished_at, synced_at = now()
WHERE excluded.version > known.version
"""

MAX_PAUSE_S = 30.0

REFUSALS = (
    psycopg2.DataError,
    psycopg2.IntegrityError,
    psycopg2.errors.ProgramLimitExceeded,  # an OperationalError, but the row's fault: too long, too large
    psycopg2.errors.StatementTooComplex,  # the same: nested too deeply
    ValueError,
)
"""What says that a row itself is wrong; ValueError: psycopg2 takes no text with a NUL or a lone surrogate."""


class Syncer:
    """Copies finished tasks from the journal to PostgreSQL. A later version always wins, also after a retry.

    `connect` opens a psycopg2 connection. One batch is one transaction; a row that PostgreSQL refuses
    is parked with its error and the others go on; an outage only makes the pauses longer.
    """

    def __init__(
        self, journal: WALManager, connect: Callable[[], Any], *, interval_s: float, batch: int, retain_s: float
    ) -> None:
        self._journal = journal
        self._connect = connect
        self._connection: Any = None
        self._interval_s = interval_s
        self._batch = batch
        self._retain_s = retain_s

    def run(self, sleep: Callable[[float], None]) -> None:
        """Sync for ever, every `interval_s` seconds, less often while PostgreSQL is away."""
        pause = self._interval_s
        while True:
            try:
                while self.sync() == self._batch:
                    pass
                self._journal.prune(self._retain_s)
                pause = self._interval_s
            except psycopg2.Error as error:
                pause = min(pause * 2, MAX_PAUSE_S)
                log.warning("PostgreSQL is away, syncing again in %.0f s: %s", pause, str(error).strip())
            UNSYNCED.set(self._journal.unsynced_backlog()[0])
            sleep(pause)

    def finish(self) -> None:
        """Once `run` has been ended: bring the rest over, if PostgreSQL is there; what stays waits in the journal."""
        self._connection = None  # `run` may have been ended in the middle of a statement
        try:
            while self.sync():
                pass
        except psycopg2.Error as error:
            log.warning("left unsynced in the journal: %s", str(error).strip())
        if self._connection is not None:
            self._connection.close()

    def sync(self) -> int:
        """Bring one batch over. Returns its size. Raises `psycopg2.Error` when PostgreSQL is away."""
        # In one order for all workers, so that two that meet at the same rows wait instead of deadlocking.
        rows = sorted(self._journal.unsynced(self._batch), key=lambda row: row.task_id)
        if not rows:
            return 0
        try:
            self._upsert(rows)
            self._journal.mark_synced((row.task_id, row.version) for row in rows)
        except REFUSALS:
            self._one_by_one(rows)
        return len(rows)

    def _one_by_one(self, rows: list[TaskRecord]) -> None:
        for row in rows:
            try:
                self._upsert([row])
                self._journal.mark_synced([(row.task_id, row.version)])
            except REFUSALS as refused:
                log.error("PostgreSQL refused task %s: %s", row.task_id, str(refused).strip())
                self._journal.park(row.task_id, row.version, str(refused))
                PARKED.inc()

    def _upsert(self, rows: list[TaskRecord]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        try:
            with self._connection, self._connection.cursor() as cursor:
                execute_values(cursor, UPSERT, [_values(row) for row in rows], page_size=len(rows))
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self._connection.close()
            raise
        SYNCED.inc(len(rows))


def _values(row: TaskRecord) -> tuple[Any, ...]:
    result = None if row.result is None else json.dumps(row.result, ensure_ascii=False)
    return (
        row.task_id, row.task_type, row.worker, row.state.value, row.attempt, row.version, result,
        row.error_class, row.error, row.created_at, row.started_at, row.finished_at,
    )  # fmt: skip

"""Brings finished rows to PostgreSQL, in idempotent batches, on a timer."""

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import psycopg2

from wal.errors import JournalUnavailable
from wal.journal import WALManager
from wal.metrics import LAST_SYNC, PARKED, SYNCED
from wal.records import Unsynced

log = logging.getLogger(__name__)

UPSERT = """
INSERT INTO tasks.task_results AS known
  (task_id, task_type, worker, state, attempt, version, result, error_class, error,
   created_at, started_at, finished_at)
SELECT task_id, task_type, worker, state, attempt, version, result::jsonb, error_class, error,
       timestamptz 'epoch' + created_us * interval '1 microsecond',
       timestamptz 'epoch' + started_us * interval '1 microsecond',
       timestamptz 'epoch' + finished_us * interval '1 microsecond'
FROM json_to_recordset(%s) AS given
  (task_id text, task_type text, worker text, state text, attempt integer, version bigint, result text,
   error_class text, error text, created_us bigint, started_us bigint, finished_us bigint)
ORDER BY task_id
ON CONFLICT (task_id) DO UPDATE SET
  worker = excluded.worker, state = excluded.state, attempt = excluded.attempt, version = excluded.version,
  result = excluded.result, error_class = excluded.error_class, error = excluded.error,
  started_at = excluded.started_at, finished_at = excluded.finished_at, synced_at = now()
WHERE excluded.version > known.version
"""
"""In one order for all workers, so that two that meet at the same rows wait instead of deadlocking."""

MAX_PAUSE_S = 5.0
MEASURE_EVERY_S = 5.0
ASK_EVERY_S = 10.0
"""With nothing to bring, PostgreSQL is asked so often whether it is there: it shows before anything waits for it."""

REFUSALS = (
    psycopg2.DataError,
    psycopg2.IntegrityError,
    psycopg2.errors.ProgramLimitExceeded,  # an OperationalError, but the row's fault: too long, too large
    psycopg2.errors.StatementTooComplex,  # the same: nested too deeply
)
"""What says that a row itself is wrong."""


AWAY = (psycopg2.Error, JournalUnavailable)
"""PostgreSQL, or the journal's own disk, which notes what was brought over."""


class Syncer:
    """Copies finished tasks from the journal to PostgreSQL. A later version always wins, also after a retry.

    `connect` opens a psycopg2 connection. One batch is one transaction; a row that PostgreSQL refuses
    is parked with its error and the others go on; an outage only makes the pauses longer. `limit` bounds
    the time of each exchange with PostgreSQL, by raising a `psycopg2.OperationalError` within it.
    """

    def __init__(
        self,
        journal: WALManager,
        connect: Callable[[], Any],
        *,
        interval_s: float,
        batch: int,
        retain_s: float,
        retain_bytes: int | None = None,
        limit: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._journal = journal
        self._connect = connect
        self._connection: Any = None
        self._interval_s = interval_s
        self._batch = batch
        self._retain_s = retain_s
        self._retain_bytes = retain_bytes
        self._limit = limit
        self._measure_at = 0.0
        self._ask_at = 0.0
        LAST_SYNC.set(time.time())
        self._ahead: Callable[[], list[Unsynced]] | None = None

    def run(self, sleep: Callable[[float], None]) -> None:
        """Sync for ever, every `interval_s` seconds, less often while PostgreSQL is away."""
        pause = self._interval_s
        self._measure()  # first, for PostgreSQL may let us wait
        while True:
            try:
                self._bring_over()
                self._journal.prune(self._retain_s, self._retain_bytes)
                self._ask()
                pause = self._interval_s
            except AWAY as error:
                pause = min(pause * 2, MAX_PAUSE_S)
                log.warning("syncing again in %.1f s: %s: %s", pause, type(error).__name__, str(error).strip())
            self._measure()
            sleep(pause)

    def _measure(self) -> None:
        began = time.monotonic()
        if began >= self._measure_at:
            with suppress(JournalUnavailable):
                self._journal.measure()
            now = time.monotonic()
            self._measure_at = now + max(MEASURE_EVERY_S, 20 * (now - began))  # counting a long backlog takes long

    def finish(self) -> None:
        """Once `run` has been ended: bring the rest over, if PostgreSQL is there; what stays waits in the journal."""
        self._connection = self._ahead = None  # `run` may have been ended in the middle of a statement
        try:
            self._bring_over()
        except AWAY as error:
            log.warning("left unsynced in the journal: %s", str(error).strip())
        if self._connection is not None:
            self._connection.close()

    def _bring_over(self) -> None:
        """Offer each row that waits once; what the journal's disk did not let be marked goes at the next time."""
        while self.sync() == self._batch:
            pass

    def sync(self) -> int:
        """Bring one batch over. Returns its size. Raises `psycopg2.Error` when PostgreSQL is away."""
        rows = self._ahead() if self._ahead is not None else self._journal.unsynced(self._batch)
        self._ahead = None
        if not rows:
            return 0
        # While PostgreSQL is at work with these, the journal reads the next and marks the last.
        ahead = self._journal.unsynced_after(rows[-1], self._batch) if len(rows) == self._batch else None
        try:
            self._upsert(rows)
            self._journal.mark_synced((row.task_id, row.version) for row in rows)
        except REFUSALS:
            self._one_by_one(rows)
        self._ahead = ahead
        return len(rows)

    def _one_by_one(self, rows: list[Unsynced]) -> None:
        for row in rows:
            try:
                self._upsert([row])
                self._journal.mark_synced([(row.task_id, row.version)])
            except REFUSALS as refused:
                log.error("PostgreSQL refused task %s: %s", row.task_id, str(refused).strip())
                self._journal.park(row.task_id, row.version, str(refused))
                PARKED.inc()

    def _upsert(self, rows: list[Unsynced]) -> None:
        self._exchange(UPSERT, (f"[{','.join(row.row for row in rows)}]",))
        SYNCED.inc(len(rows))

    def _ask(self) -> None:
        if time.monotonic() >= self._ask_at:
            self._exchange("SELECT 1", ())

    def _exchange(self, statement: str, values: tuple[str, ...]) -> None:
        if self._connection is None or self._connection.closed:
            with self._limit():
                self._connection = self._connect()
        try:
            with self._limit(), self._connection, self._connection.cursor() as cursor:
                cursor.execute(statement, values)
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            self._connection.close()
            raise
        LAST_SYNC.set(time.time())
        self._ask_at = time.monotonic() + ASK_EVERY_S

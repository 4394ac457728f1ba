"""The hot statements, as SQL. (Peewee's query builder costs more than SQLite itself; see docs/architecture.md.)

Those of class `Rows` act on many tasks at once: what many callers want at the same time is one statement, which
SQLite runs without giving the interpreter lock back and forth for each row.
"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any

LARGEST = 256
"""Rows in one statement. They go in powers of two, so that few texts are compiled and all of them kept."""


class Rows:
    """A statement about any number of rows: ``{rows}`` in its text stands for their values, (?,?),(?,?) …"""

    def __init__(self, text: str, columns: int) -> None:
        self._columns = columns
        self._text = text

    def on(self, connection: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
        """Run it on `rows`; returns what it returns, in no order."""
        found: list[tuple[Any, ...]] = []
        start, left = 0, len(rows)
        while left:
            size = min(LARGEST, 1 << (left.bit_length() - 1))
            values = [value for row in rows[start : start + size] for value in row]
            found += connection.execute(_for(self._text, self._columns, size), values).fetchall()
            start, left = start + size, left - size
        return found


@cache
def _for(text: str, columns: int, size: int) -> str:
    one = f"({','.join('?' * columns)})"
    return text.replace("{rows}", ",".join([one] * size))


INSERT_TASK = Rows(
    """
INSERT INTO task (task_id, task_type, worker, created_at, state, attempt, crashes, version, synced_version)
SELECT column1, column2, column3, column4, 'pending', 0, 0, 1, 0 FROM (VALUES {rows}) WHERE true
ON CONFLICT (task_id) DO NOTHING
RETURNING task_id
""",
    columns=4,
)

INSERT_RUNNING = Rows(
    """
INSERT INTO task (task_id, task_type, worker, created_at, started_at, heartbeat_at, state, attempt, crashes, version,
                  synced_version)
SELECT column1, column2, column3, column4, column4, column4, 'processing', 1, 0, 2, 0 FROM (VALUES {rows}) WHERE true
ON CONFLICT (task_id) DO NOTHING
RETURNING task_id
""",
    columns=4,
)

INSERT_PAYLOAD = Rows("INSERT INTO payload (task_id, body, content_type, headers) VALUES {rows}", columns=4)

# Changes of state. The first value of each row is the task's id, and so is the first that is returned.

CLAIM = Rows(
    """
UPDATE task SET state = 'processing', attempt = attempt + 1, version = version + 1, worker = column2,
                started_at = column3, heartbeat_at = column3
FROM (VALUES {rows}) WHERE task_id = column1 AND state = 'pending'
RETURNING task_id, task_type, attempt
""",
    columns=3,
)

COMPLETE = Rows(
    """
UPDATE task SET state = 'completed', version = version + 1, result = column2, finished_at = column3,
                error = NULL, error_class = NULL, sync_error = NULL
FROM (VALUES {rows}) WHERE task_id = column1 AND state = 'processing'
RETURNING task_id, task_type, version
""",
    columns=3,
)

FAIL = Rows(
    """
UPDATE task SET state = 'failed', version = version + 1, finished_at = column2, error_class = column3,
                error = column4, sync_error = NULL
FROM (VALUES {rows}) WHERE task_id = column1 AND state IN ('pending', 'processing')
RETURNING task_id, task_type, version
""",
    columns=4,
)

RETRY = Rows(
    """
UPDATE task SET state = 'pending', version = version + 1, error_class = column2, error = column3
FROM (VALUES {rows}) WHERE task_id = column1 AND state = 'processing'
RETURNING task_id, task_type
""",
    columns=3,
)

REOPEN = Rows(
    """
UPDATE task SET state = 'pending', version = version + 1, attempt = 0, crashes = 0,
                finished_at = NULL, sync_error = NULL
FROM (VALUES {rows}) WHERE task_id = column1 AND state = 'failed'
RETURNING task_id, task_type
""",
    columns=1,
)

CANCEL = Rows(
    """
UPDATE task SET state = 'failed', version = version + 1, finished_at = column2, error_class = 'Cancelled',
                error = 'cancelled by an operator', sync_error = NULL
FROM (VALUES {rows}) WHERE task_id = column1 AND state = 'pending'
RETURNING task_id, task_type, version
""",
    columns=2,
)

RECOVER = """
UPDATE task SET state = 'pending', version = version + 1, crashes = crashes + 1
WHERE state = 'processing'
"""

CRASH_LOOPS = "SELECT task_id FROM task WHERE state = 'pending' AND crashes >= ?"

UNFINISHED = """
SELECT task_id, task_type FROM task WHERE state IN ('pending', 'processing') ORDER BY created_at, task_id
"""

WORK = """
SELECT t.task_id, t.task_type, p.body, p.content_type, p.headers, t.attempt, t.crashes
FROM task t JOIN payload p USING (task_id) WHERE t.task_id = ?
"""

DROP_PAYLOADS = Rows("DELETE FROM payload WHERE task_id IN (VALUES {rows})", columns=1)
DROP_CHECKPOINTS = Rows("DELETE FROM checkpoint WHERE task_id IN (VALUES {rows})", columns=1)

SAVE_CHECKPOINT = """
INSERT INTO checkpoint (task_id, stage, data, at)
SELECT task_id, ?, ?, ? FROM task WHERE task_id = ? AND state = 'processing'
ON CONFLICT (task_id, stage) DO UPDATE SET data = excluded.data, at = excluded.at
"""

READ_CHECKPOINTS = "SELECT stage, data FROM checkpoint WHERE task_id = ? ORDER BY at"

HEARTBEAT = "UPDATE task SET heartbeat_at = ? WHERE task_id = ? AND state = 'processing'"

TASK_COLUMNS = (
    "task_id, task_type, state, attempt, crashes, version, worker, result, error_class, error, "
    "created_at, started_at, finished_at, announced_version, synced_version, sync_error"
)

READ_TASK = f"SELECT {TASK_COLUMNS} FROM task WHERE task_id = ?"  # noqa: S608

OPEN = "finished_at IS NOT NULL AND (version > synced_version OR version > announced_version)"
"""As the index of the finished tasks that somebody has still to be told of has it, so that SQLite sees that it fits."""

UNSYNCED = f"""
SELECT task_id, version, finished_at, json_object(
  'task_id', task_id, 'task_type', task_type, 'worker', worker, 'state', state, 'attempt', attempt,
  'version', version, 'result', result, 'error_class', error_class, 'error', error,
  'created_us', CAST(round(created_at * 1e6) AS INTEGER), 'started_us', CAST(round(started_at * 1e6) AS INTEGER),
  'finished_us', CAST(round(finished_at * 1e6) AS INTEGER))
FROM task WHERE {OPEN} AND version > synced_version AND sync_error IS NULL AND (finished_at, task_id) > (?, ?)
ORDER BY finished_at, task_id LIMIT ?
"""  # noqa: S608
"""As JSON, so that nobody unpacks and packs the rows again on their way; times as microseconds since 1970."""

COUNT_UNSYNCED = f"""
SELECT count(*) FROM task WHERE {OPEN} AND version > synced_version AND sync_error IS NULL
"""  # noqa: S608

OLDEST_UNSYNCED = f"""
SELECT finished_at FROM task WHERE {OPEN} AND version > synced_version AND sync_error IS NULL
ORDER BY finished_at LIMIT 1
"""  # noqa: S608

UNANNOUNCED = f"""
SELECT task_id FROM task WHERE {OPEN} AND version > announced_version ORDER BY finished_at
"""  # noqa: S608

MARK_ANNOUNCED = Rows(
    "UPDATE task SET announced_version = column2 FROM (VALUES {rows}) "
    "WHERE task_id = column1 AND announced_version < column2",
    columns=2,
)

MARK_SYNCED = Rows(
    "UPDATE task SET synced_version = max(synced_version, column2) FROM (VALUES {rows}) WHERE task_id = column1",
    columns=2,
)

PARK = "UPDATE task SET sync_error = ? WHERE task_id = ? AND version = ?"

UNPARK = Rows(
    "UPDATE task SET sync_error = NULL FROM (VALUES {rows}) WHERE task_id = column1 AND sync_error IS NOT NULL "
    "RETURNING task_id",
    columns=1,
)

PRUNE = """
DELETE FROM task WHERE task_id IN (
  SELECT task_id FROM task
  WHERE finished_at IS NOT NULL AND version = synced_version AND finished_at < ? ORDER BY finished_at LIMIT 1000)
RETURNING task_id
"""

COUNT_BY_STATE = "SELECT state, count(*) FROM task GROUP BY state"
COUNT_PARKED = "SELECT count(*) FROM task WHERE sync_error IS NOT NULL"

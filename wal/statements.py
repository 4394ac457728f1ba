"""The hot statements, as SQL. (Peewee's query builder costs more than SQLite itself; see docs/architecture.md.)"""

INSERT_TASK = """
INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, created_at, synced_version)
VALUES (?, ?, 'pending', 0, 0, 1, ?, ?, 0)
ON CONFLICT (task_id) DO NOTHING
"""

INSERT_PAYLOAD = "INSERT INTO payload (task_id, body, content_type, headers) VALUES (?, ?, ?, ?)"

CLAIM = """
UPDATE task SET state = 'processing', attempt = attempt + 1, version = version + 1,
                worker = ?, started_at = ?, heartbeat_at = ?
WHERE task_id = ? AND state = 'pending'
RETURNING task_type, attempt
"""

COMPLETE = """
UPDATE task SET state = 'completed', version = version + 1, result = ?, finished_at = ?,
                error = NULL, error_class = NULL, sync_error = NULL
WHERE task_id = ? AND state = 'processing'
RETURNING task_type
"""

FAIL = """
UPDATE task SET state = 'failed', version = version + 1, finished_at = ?, error_class = ?, error = ?, sync_error = NULL
WHERE task_id = ? AND state IN ('pending', 'processing')
RETURNING task_type
"""

RETRY = """
UPDATE task SET state = 'pending', version = version + 1, error_class = ?, error = ?
WHERE task_id = ? AND state = 'processing'
RETURNING task_type
"""

REOPEN = """
UPDATE task SET state = 'pending', version = version + 1, attempt = 0, crashes = 0,
                finished_at = NULL, sync_error = NULL
WHERE task_id = ? AND state = 'failed'
RETURNING task_type
"""

CANCEL = """
UPDATE task SET state = 'failed', version = version + 1, finished_at = ?, error_class = 'Cancelled',
                error = 'cancelled by an operator', sync_error = NULL
WHERE task_id = ? AND state = 'pending'
RETURNING task_type
"""

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

DROP_PAYLOAD = "DELETE FROM payload WHERE task_id = ?"
DROP_CHECKPOINTS = "DELETE FROM checkpoint WHERE task_id = ?"

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

UNSYNCED = f"""
SELECT {TASK_COLUMNS} FROM task
WHERE state IN ('completed', 'failed') AND version > synced_version AND sync_error IS NULL
ORDER BY finished_at LIMIT ?
"""  # noqa: S608

COUNT_UNSYNCED = """
SELECT count(*), min(finished_at) FROM task
WHERE state IN ('completed', 'failed') AND version > synced_version AND sync_error IS NULL
"""

UNANNOUNCED = """
SELECT task_id FROM task WHERE state IN ('completed', 'failed') AND announced_version < version ORDER BY finished_at
"""

MARK_ANNOUNCED = "UPDATE task SET announced_version = ? WHERE task_id = ? AND announced_version < ?"

MARK_SYNCED = "UPDATE task SET synced_version = max(synced_version, ?) WHERE task_id = ?"

PARK = "UPDATE task SET sync_error = ? WHERE task_id = ? AND version = ?"

PRUNE = """
DELETE FROM task WHERE task_id IN (
  SELECT task_id FROM task
  WHERE finished_at IS NOT NULL AND version = synced_version AND finished_at < ? LIMIT 1000)
RETURNING task_id
"""

COUNT_BY_STATE = "SELECT state, count(*) FROM task GROUP BY state"
COUNT_PARKED = "SELECT count(*) FROM task WHERE sync_error IS NOT NULL"

"""What the journal tells Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

COMMIT = Histogram(
    "eco2_journal_commit_seconds",
    "Time of a group commit to the journal file, fsync included",
    buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1),
)
BATCH = Histogram("eco2_journal_batch_size", "Steps in a group commit", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512))
TRANSITIONS = Counter("eco2_journal_transitions_total", "Changes of state", ["task_type", "state"])
DEDUPLICATED = Counter("eco2_journal_deduplicated_total", "Deliveries of a task that the journal knew", ["task_type"])
RECOVERED = Counter("eco2_journal_recovered_total", "Unfinished tasks found at start", ["task_type"])
DEAD = Counter("eco2_tasks_dead_total", "Messages sent to a dead-letter queue", ["queue", "reason"])
SYNCED = Counter("eco2_journal_synced_total", "Rows brought to PostgreSQL")
PARKED = Counter("eco2_journal_parked_total", "Rows that PostgreSQL refused")
PARKED_ROWS = Gauge(
    "eco2_journal_parked_rows", "Rows that PostgreSQL refused and that wait for somebody to look at them"
)
UNSYNCED = Gauge("eco2_journal_unsynced", "Finished rows that PostgreSQL does not have yet")
OLDEST_UNSYNCED = Gauge("eco2_journal_oldest_unsynced_seconds", "Age of the oldest of them")
BACKLOG = Gauge("eco2_journal_backlog", "Tasks that are not finished: pending or processing")
FILE_BYTES = Gauge("eco2_journal_file_bytes", "Size of the journal's file")
WAL_BYTES = Gauge("eco2_journal_wal_bytes", "Size of SQLite's write-ahead log beside it")
QUARANTINED = Counter("eco2_journal_quarantined_total", "Broken journal files that were set aside")
IN_FLIGHT = Gauge("eco2_tasks_in_flight", "Tasks running now")

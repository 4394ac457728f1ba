"""What the journal tells Prometheus."""

from functools import cache

from prometheus_client import REGISTRY, Counter, Gauge, Histogram

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
CONSUMING = Gauge(
    "eco2_journal_consuming",
    "1 while the worker takes tasks, 0 before it does, at its end, and while the disk refuses",
    registry=None,
)
DISK_FREE = Gauge(
    "eco2_journal_disk_free_bytes", "What is free for us in the file system of the journal", registry=None
)
DISK_BYTES = Gauge("eco2_journal_disk_bytes", "Size of the file system of the journal", registry=None)
LAST_SYNC = Gauge(
    "eco2_journal_last_sync_timestamp_seconds",
    "When PostgreSQL answered last, also where there was nothing to bring; the start of the worker where it never did",
    registry=None,
)
TASK = Histogram(
    "eco2_task_seconds",
    "Running time of one attempt, by what came of it: completed, failed (for good) or retried",
    ["task_type", "outcome"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 90),
)
QUEUED = Histogram(
    "eco2_task_queue_seconds",
    "From when a task was put to the start of its first attempt",
    ["task_type"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800),
)


@cache
def tell_of_the_journal() -> None:
    """This process has a journal. One that only puts tasks must not say of a journal that it stands still."""
    for gauge in (CONSUMING, DISK_FREE, DISK_BYTES, LAST_SYNC):
        REGISTRY.register(gauge)

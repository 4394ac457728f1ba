"""The journal: a durable record of every task's life in a worker-local SQLite file, recovered and synced.

Knows nothing of services or workers. The core (`journal`, `writer`, `sync`) is free of Nameko and
eventlet; `wal.amqp` is the edge where RabbitMQ and Nameko come in, `wal.green` the one for eventlet.

    journal = WALManager("worker.db", worker="ai-1")
    if journal.log_task_start("0198…", "scan.classify", b"…").new:
        journal.log_task_processing("0198…")          # pending -> processing
        journal.log_task_complete("0198…", {"item": "paper_cup"})
    for task in journal.recover_pending_tasks():      # after a crash, oldest first
        …
"""

from wal.errors import (
    Cancelled,
    IllegalTransition,
    JournalBroken,
    JournalClosed,
    JournalError,
    JournalLocked,
    JournalUnavailable,
    PermanentError,
    TaskTimeout,
    TransientError,
    UnknownTask,
)
from wal.journal import Admission, WALManager
from wal.records import TaskRecord, Work
from wal.states import State

__all__ = [
    "Admission",
    "Cancelled",
    "IllegalTransition",
    "JournalBroken",
    "JournalClosed",
    "JournalError",
    "JournalLocked",
    "JournalUnavailable",
    "PermanentError",
    "State",
    "TaskRecord",
    "TaskTimeout",
    "TransientError",
    "UnknownTask",
    "WALManager",
    "Work",
]

"""What an operator may tell a running worker, over RPC; only the worker writes its journal."""

from typing import Any

from nameko.extensions import DependencyProvider
from nameko.rpc import rpc

from wal.amqp.entrypoint import TaskConsumer
from wal.errors import JournalError
from wal.journal import WALManager


def prune_all(journal: WALManager, older_than_s: float) -> int:
    """Prune until nothing is left that is so old. Returns the number of rows."""
    total = 0
    while gone := journal.prune(older_than_s):
        total += gone
    return total


class Tasks(DependencyProvider):
    """Gives a worker's operators its consumer."""

    consumer = TaskConsumer()

    def get_dependency(self, worker_ctx: Any) -> TaskConsumer:
        return self.consumer


class JournalControl:
    """Base of workers that operators may steer: ``python -m wal.cli retry ID``, ``… cancel ID``, ``… unpark ID``."""

    tasks = Tasks()

    @rpc(expected_exceptions=JournalError)
    def journal_retry(self, task_id: str) -> str:
        """Run a failed task again."""
        self.tasks.journal.reopen(task_id)
        self.tasks.take_up(task_id)
        return "runs again"

    @rpc(expected_exceptions=JournalError)
    def journal_cancel(self, task_id: str) -> str:
        """Fail a task that waits, interrupt one that runs. Says which."""
        done: str = self.tasks.cancel(task_id)
        return done

    @rpc(expected_exceptions=JournalError)
    def journal_unpark(self, task_ids: list[str]) -> list[str]:
        """Let the next sync send these rows again, which PostgreSQL has refused. Returns those that were parked."""
        unparked: list[str] = self.tasks.journal.unpark(task_ids)
        return unparked

    @rpc(expected_exceptions=JournalError)
    def journal_prune(self, older_than_s: float) -> int:
        """Delete synced rows that finished longer ago. Returns how many."""
        return prune_all(self.tasks.journal, older_than_s)

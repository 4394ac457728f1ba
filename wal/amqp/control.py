"""What an operator may tell a running worker, over RPC; only the worker writes its journal."""

from typing import Any

from nameko.extensions import DependencyProvider
from nameko.rpc import rpc

from wal.amqp.entrypoint import TaskConsumer
from wal.errors import JournalError


class Tasks(DependencyProvider):
    """Gives a worker's operators its consumer."""

    consumer = TaskConsumer()

    def get_dependency(self, worker_ctx: Any) -> TaskConsumer:
        return self.consumer


class JournalControl:
    """Base of workers that operators may steer: ``python -m wal.cli retry ID``, ``… cancel ID``."""

    tasks = Tasks()

    @rpc(expected_exceptions=JournalError)
    def journal_retry(self, task_id: str) -> None:
        """Run a failed task again."""
        self.tasks.journal.reopen(task_id)
        self.tasks.take_up(task_id)

    @rpc(expected_exceptions=JournalError)
    def journal_cancel(self, task_id: str) -> None:
        """Fail a task that has not begun."""
        self.tasks.cancel(task_id)

"""What a worker can be given to bear: faults that the crash tests are to find, and slow parts that are no fault."""

from collections.abc import Callable
from typing import Any

import eventlet

from wal import State, TaskRecord, WALManager
from wal.amqp.entrypoint import TaskConsumer
from wal.amqp.publisher import TaskPublisher


def acknowledges_on_arrival() -> None:
    """RabbitMQ forgets a message before the journal has it."""
    handle = TaskConsumer.handle_message

    def handle_message(self: TaskConsumer, body: None, message: Any) -> None:
        message.ack()
        handle(self, body, message)

    TaskConsumer.handle_message = handle_message
    type(TaskConsumer.queue_consumer).ack_message = lambda *_: None  # type: ignore[method-assign]


def marks_before_it_syncs() -> None:
    """A row counts as synced before PostgreSQL has it."""
    unsynced = WALManager.unsynced

    def marked(self: WALManager, limit: int) -> list[Any]:
        rows = unsynced(self, limit)
        self.mark_synced((row.task_id, row.version) for row in rows)
        return rows

    WALManager.unsynced = marked  # type: ignore[method-assign]


def forgets_stages() -> None:
    """A finished stage is not kept."""
    WALManager.checkpoint = lambda *_: None  # type: ignore[method-assign]


def runs_the_failed_again() -> None:
    """A failed task whose message comes again is run again."""
    begin = WALManager.begin

    def begin_again(self: WALManager, task_id: str, *arguments: Any, **options: Any) -> int | TaskRecord:
        begun = begin(self, task_id, *arguments, **options)
        if isinstance(begun, int) or begun.state is not State.FAILED:
            return begun
        self.reopen(task_id)
        return begin(self, task_id, *arguments, **options)

    WALManager.begin = begin_again  # type: ignore[method-assign]


def recovers_nothing() -> None:
    """What the last process left unfinished is found, and not run."""
    recover = WALManager.recover_pending_tasks

    def recover_pending_tasks(self: WALManager) -> list[str]:
        recover(self)
        return []

    WALManager.recover_pending_tasks = recover_pending_tasks  # type: ignore[method-assign]


def tells_nothing_late() -> None:
    """What the last process finished and did not tell stays untold."""
    WALManager.unannounced = lambda _: []  # type: ignore[method-assign]


def rabbitmq_confirms_late() -> None:
    """No fault: RabbitMQ takes longer to confirm a retry than it holds it back."""
    delay = TaskPublisher.delay

    def late(*arguments: Any) -> None:
        delay(*arguments)
        eventlet.sleep(0.5)

    TaskPublisher.delay = late  # type: ignore[method-assign]


def the_disk_is_slow() -> None:
    """No fault: a message waits for its row."""
    begin = WALManager.begin

    def slow(*arguments: Any, **options: Any) -> int | TaskRecord:
        begun = begin(*arguments, **options)
        eventlet.sleep(0.5)
        return begun

    WALManager.begin = slow  # type: ignore[method-assign]


SABOTAGES: dict[str, Callable[[], None]] = {
    act.__name__: act
    for act in (
        acknowledges_on_arrival,
        marks_before_it_syncs,
        forgets_stages,
        runs_the_failed_again,
        recovers_nothing,
        tells_nothing_late,
        rabbitmq_confirms_late,
        the_disk_is_slow,
    )
}

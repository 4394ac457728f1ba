"""The journal's edge to RabbitMQ and Nameko: queues, the publisher, the ``@task`` entrypoint.

A service puts tasks with `TaskQueue`; a worker runs them with ``@task("image.store")``. Both find their
settings under ``WAL`` in Nameko's configuration, as a `wal.amqp.settings.TaskSettings`.
"""

from wal.amqp.control import JournalControl
from wal.amqp.entrypoint import task
from wal.amqp.publisher import TaskQueue
from wal.amqp.running import RunningTask
from wal.amqp.settings import TaskSettings
from wal.amqp.shared import Journal
from wal.amqp.topology import Topology

__all__ = ["Journal", "JournalControl", "RunningTask", "TaskQueue", "TaskSettings", "Topology", "task"]

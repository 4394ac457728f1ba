"""Putting tasks into their queue, confirmed by the broker."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from kombu import Exchange
from kombu.utils.json import JSONEncoder
from nameko.events import get_event_exchange
from nameko.extensions import DependencyProvider
from nameko.messaging import HeaderEncoder

from wal.amqp.confirmed import ConfirmedPublisher
from wal.amqp.frames import Message
from wal.amqp.settings import settings_of
from wal.amqp.timing import stamped
from wal.amqp.topology import Topology
from wal.records import Json, Work

_encode = JSONEncoder().encode
"""As kombu's serializer, with which Nameko's handlers read it again."""


class TaskPublisher:
    """Publishes tasks and their copies; each call returns when RabbitMQ has the message on its disk.

    Calls made at once share RabbitMQ's confirms. All raise as `ConfirmedPublisher.publish`.
    """

    def __init__(self, amqp_uri: str, topology: Topology) -> None:
        self.topology = topology
        self._publisher = ConfirmedPublisher(amqp_uri, topology.declare)
        self._tasks = topology.exchange.name

    def put(self, work: Work, *, priority: int = 0) -> None:
        """To the queue of the worker that owns this type of task."""
        self._publish(work, stamped(work.headers), self._tasks, work.task_type, priority=priority)

    def delay(self, work: Work, worker: str, delay_s: float) -> None:
        """Back to `worker`'s queue, after about `delay_s` seconds (at most that of the longest delay queue)."""
        queue = self.topology.delay_queue(worker, delay_s)
        self._publish(work, work.headers, "", queue, expiration_ms=int(delay_s * 1000))

    def bury(self, work: Work, worker: str, reason: str) -> None:
        """Into the dead letters of `worker`, with the reason."""
        self._publish(work, {**work.headers, "reason": reason[:500]}, "", self.topology.dead_letters(worker))

    def announce(self, service: str, event: str, data: Json, headers: dict[str, Json]) -> None:
        """An event of Nameko's kind, as if `service` had dispatched it."""
        exchange = _events_of(service)
        body = _encode(data).encode()
        self._publisher.publish(
            Message(exchange.name, event, body, "application/json", "utf-8", stamped(headers), declare=exchange)
        )

    def close(self) -> None:
        """Close the connection, once nobody publishes. Publishing again would open another."""
        self._publisher.close()

    def _publish(self, work: Work, headers: dict[str, Json], exchange: str, routing_key: str, **more: int) -> None:
        self._publisher.publish(
            Message(
                exchange,
                routing_key,
                work.payload,
                work.content_type,
                "utf-8" if work.content_type == "application/json" else "binary",
                headers,
                message_id=work.task_id,
                type=work.task_type,
                **more,
            )
        )


@cache
def _events_of(service: str) -> Exchange:
    """Nobody may have listened yet, so whoever publishes declares it."""
    return get_event_exchange(service, {})


class TaskQueue(DependencyProvider, HeaderEncoder):
    """Gives a service ``put(task_type, payload, task_id=..., content_type=..., headers=...)``."""

    def setup(self) -> None:
        self.publisher = TaskPublisher(self.container.config["AMQP_URI"], settings_of(self.container).topology)

    def stop(self) -> None:
        self.publisher.close()
        super().stop()

    def get_dependency(self, worker_ctx: Any) -> Callable[..., None]:
        context = self.get_message_headers(worker_ctx)

        def put(
            task_type: str,
            payload: bytes | Json,
            *,
            task_id: str,
            content_type: str = "application/octet-stream",
            headers: dict[str, Json] | None = None,
            priority: int = 0,
        ) -> None:
            """Queue a task. Returns once it is safe with the broker; the same `task_id` is run once."""
            binary = isinstance(payload, bytes)
            body = payload if binary else json.dumps(payload, ensure_ascii=False).encode()
            kind = content_type if binary else "application/json"
            self.publisher.put(Work(task_id, task_type, body, kind, {**context, **(headers or {})}), priority=priority)

        return put

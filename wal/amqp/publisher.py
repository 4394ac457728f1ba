"""Putting tasks into their queue, confirmed by the broker."""

import json
from collections.abc import Callable
from typing import Any

from nameko.amqp.publish import Publisher, get_connection
from nameko.events import get_event_exchange
from nameko.extensions import DependencyProvider
from nameko.messaging import HeaderEncoder

from wal.amqp.settings import settings_of
from wal.amqp.topology import Topology
from wal.records import Json, Work


class TaskPublisher:
    """Publishes tasks and their copies; each call returns when RabbitMQ has the message on its disk."""

    def __init__(self, amqp_uri: str, topology: Topology) -> None:
        self.topology = topology
        self._publisher = Publisher(amqp_uri)
        with get_connection(amqp_uri) as connection, connection.channel() as channel:
            topology.declare(channel)

    def put(self, work: Work, *, priority: int = 0) -> None:
        """To the queue of the worker that owns this type of task."""
        self._publish(work, exchange=self.topology.exchange, routing_key=work.task_type, priority=priority)

    def delay(self, work: Work, worker: str, delay_s: float) -> None:
        """Back to `worker`'s queue, after about `delay_s` seconds (at most that of the longest delay queue)."""
        queue = self.topology.delay_queue(worker, delay_s)
        self._publish(work, routing_key=queue, expiration=delay_s)

    def bury(self, work: Work, worker: str, reason: str) -> None:
        """Into the dead letters of `worker`, with the reason."""
        self._publish(work, routing_key=self.topology.dead_letters(worker), headers={"reason": reason[:500]})

    def announce(self, service: str, event: str, data: Json, headers: dict[str, Json]) -> None:
        """An event of Nameko's kind, as if `service` had dispatched it."""
        exchange = _events_of(service)
        self._publisher.publish(
            data,
            exchange=exchange,
            declare=[exchange],  # nobody may have listened yet
            routing_key=event,
            serializer="json",
            headers=headers,
        )

    def _publish(self, work: Work, *, headers: dict[str, str] | None = None, **options: Any) -> None:
        self._publisher.publish(
            work.payload,
            content_type=work.content_type,
            content_encoding="utf-8" if work.content_type == "application/json" else "binary",
            headers={**work.headers, **(headers or {})},
            message_id=work.task_id,
            type=work.task_type,
            **options,
        )


def _events_of(service: str) -> Any:
    return get_event_exchange(service, {})


class TaskQueue(DependencyProvider, HeaderEncoder):
    """Gives a service ``put(task_type, payload, task_id=..., content_type=..., headers=...)``."""

    def setup(self) -> None:
        self.publisher = TaskPublisher(self.container.config["AMQP_URI"], settings_of(self.container).topology)

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

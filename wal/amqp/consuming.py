"""Taking messages from RabbitMQ and acknowledging them, many at a time where many have come."""

import functools
from collections import defaultdict
from contextlib import suppress
from typing import Any

import eventlet
from nameko.messaging import QueueConsumer

from wal.amqp.channel import read_ahead
from wal.amqp.frames import ack


class RawQueueConsumer(QueueConsumer):
    """Nameko's consumer, which hands messages over undecoded: kombu acknowledges and drops what it cannot decode."""

    def __init__(self) -> None:
        super().__init__()
        self._done: list[Any] = []
        self._transport: Any = None  # that our consumers are declared on

    @property
    def listens(self) -> bool:
        """Whether it has begun to consume."""
        return bool(self._consumers_ready.ready())

    def get_consumers(self, consumer_cls: Any, channel: Any) -> Any:
        """Called after each connection to the broker."""
        self._transport = channel.connection.transport
        read_ahead(self._transport)
        for provider in self._providers:
            consumer = consumer_cls(
                queues=[provider.queue], on_message=functools.partial(self.handle_message, provider, None)
            )
            consumer.qos(prefetch_count=self.prefetch_count)
            self._consumers[provider] = consumer
        return self._consumers.values()

    def on_iteration(self) -> None:
        """Called before each read. Once an acknowledgement has found the connection broken, kombu would quietly read
        from a new one, which has no consumers: raising makes it declare them.
        """
        if not self._transport.connected:
            raise ConnectionResetError("the connection broke at an acknowledgement")
        super().on_iteration()

    def ack_message(self, message: Any) -> None:
        """Acknowledge, together with what else is done when the present greenlet waits."""
        if not self._done:
            eventlet.spawn_n(self._acknowledge)
        self._done.append(message)

    def requeue_message(self, message: Any) -> None:
        """Give back. Where the connection is gone, RabbitMQ has it back already."""
        with suppress(OSError):
            super().requeue_message(message)

    def _acknowledge(self) -> None:
        tags: dict[Any, list[int]] = defaultdict(list)
        for message in self._done:
            tags[message.channel].append(message.delivery_tag)
        self._done = []
        for channel, done in tags.items():
            if channel.connection:  # of a connection that is gone, RabbitMQ delivers them again
                with suppress(OSError):
                    channel.connection.transport.write(b"".join(ack(channel.channel_id, tag) for tag in done))

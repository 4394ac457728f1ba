"""Event handlers that lose nothing: a failing event waits, is tried again, and ends in a dead-letter queue.

Nameko acknowledges an event whose handler raised (the event is gone) or requeues it at once (a hot
loop). Here the broker holds it back for `retry_delay_s`:

    evt-A-x--B.on_x  --failed-->  evt-A-x--B.on_x.retry.2s  --after 2 s-->  evt-A-x--B.on_x
                     --after max_attempts-->  evt-A-x--B.on_x.dead
"""

import logging
from typing import Any

from amqp.exceptions import AMQPError
from kombu import Queue
from kombu.common import maybe_declare
from kombu.exceptions import OperationalError
from nameko.amqp.publish import Publisher, get_connection
from nameko.events import EventHandler

from services.kernel.settings import config_of

log = logging.getLogger(__name__)

ATTEMPT = "x-eco2-attempt"


class DurableEventHandler(EventHandler):
    """``@event_handler(source, type)``: as Nameko's, but at least once. Handlers must be idempotent."""

    def setup(self) -> None:
        super().setup()
        settings = config_of(self.container).events
        self.max_attempts = settings.max_attempts
        name = self.queue.name
        # The delay is part of the name: a queue cannot be declared again with another one.
        self.retry_queue = f"{name}.retry.{settings.retry_delay_s:g}s"
        self.dead_queue = f"{name}.dead"
        waiting = Queue(
            self.retry_queue,
            durable=True,
            queue_arguments={
                "x-message-ttl": int(settings.retry_delay_s * 1000),
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": name,
            },
        )
        uri = self.container.config["AMQP_URI"]
        with get_connection(uri) as connection, connection.channel() as channel:
            for queue in (waiting, Queue(self.dead_queue, durable=True)):
                maybe_declare(queue, channel)
        self.publisher = Publisher(uri)

    def handle_result(self, message: Any, worker_ctx: Any, result: Any, exc_info: Any) -> tuple[Any, Any]:
        if exc_info is None:
            self.queue_consumer.ack_message(message)
        else:
            self._retry_or_bury(message, exc_info[1])
        return result, exc_info

    def _retry_or_bury(self, message: Any, error: Exception) -> None:
        attempt = int(message.headers.get(ATTEMPT, 1))
        headers = {name: value for name, value in message.headers.items() if not name.startswith("x-")}
        if attempt < self.max_attempts:
            queue, headers[ATTEMPT] = self.retry_queue, attempt + 1
        else:
            queue, headers["reason"] = self.dead_queue, f"{type(error).__name__}: {error}"[:500]
            log.error("an event was given up after %d attempts, see the queue %s", attempt, queue)
        try:
            self.publisher.publish(message.payload, routing_key=queue, headers=headers)
        except (OperationalError, AMQPError, OSError):
            self.queue_consumer.requeue_message(message)
        else:
            self.queue_consumer.ack_message(message)


event_handler = DurableEventHandler.decorator

"""Event handlers that lose nothing: a failing event waits, is tried again, and ends in a dead-letter queue.

Nameko acknowledges an event whose handler raised (the event is gone) or requeues it at once (a hot
loop). Here the broker holds it back for `retry_delay_s`:

    evt-A-x--B.on_x  --reject-->  evt-A-x--B.on_x.retry  --TTL-->  evt-A-x--B.on_x
                     --after max_attempts-->  evt-A-x--B.on_x.dead
"""

import logging
from typing import Any

from kombu import Queue
from kombu.common import maybe_declare
from nameko.amqp.publish import Publisher, get_connection
from nameko.events import EventHandler

from services.kernel.settings import config_of

log = logging.getLogger(__name__)


class DurableEventHandler(EventHandler):
    """``@event_handler(source, type)``: as Nameko's, but at least once. Handlers must be idempotent."""

    def setup(self) -> None:
        super().setup()
        settings = config_of(self.container).events
        self.max_attempts = settings.max_attempts
        name = self.queue.name
        self.retry_queue = f"{name}.retry"
        self.dead_queue = f"{name}.dead"
        # Nameko has made the queue object but not declared it yet: route its rejects to the waiting room.
        self.queue.queue_arguments = {
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": self.retry_queue,
        }
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
        elif self._attempts(message) < self.max_attempts:
            _settle(message, message.reject)
        else:
            self._bury(message, exc_info[1])
        return result, exc_info

    def _attempts(self, message: Any) -> int:
        deaths = (message.headers or {}).get("x-death", [])
        return 1 + sum(int(death["count"]) for death in deaths if death.get("reason") == "rejected")

    def _bury(self, message: Any, error: Exception) -> None:
        log.error("event given up", extra={"queue": self.queue.name, "error": repr(error)})
        self.publisher.publish(
            message.payload, routing_key=self.dead_queue, headers={"reason": f"{type(error).__name__}: {error}"[:500]}
        )
        self.queue_consumer.ack_message(message)


def _settle(message: Any, act: Any) -> None:
    # On a connection that broke meanwhile the broker has taken the message back already.
    if message.channel.connection:
        act()


event_handler = DurableEventHandler.decorator

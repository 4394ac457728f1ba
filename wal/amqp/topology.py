"""Every exchange and queue of the tasks, declared in one place by those who publish and those who consume.

tasks (topic) --image.#--> tasks.storage --given up--> tasks.storage.dead
                                ^  |
                                |  +--failed, to be retried--> tasks.storage.delay.4s
                                +-----------after 4 s--------------+
tasks --no binding fits--> tasks.unroutable
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kombu import Exchange, Queue, binding

DELAYS_S = (1, 2, 4, 8, 16, 32, 64)
"""Queues that hold a message back exist for these delays."""

MAX_PRIORITY = 4

UNROUTABLE = "tasks.unroutable"


@dataclass(frozen=True)
class Topology:
    """`workers` gives for each worker the prefixes of the task types that are its own."""

    workers: Mapping[str, tuple[str, ...]]

    @property
    def exchange(self) -> Exchange:
        return Exchange("tasks", type="topic", durable=True, arguments={"alternate-exchange": UNROUTABLE})

    def work_queue(self, worker: str) -> Queue:
        """The queue that `worker` consumes; what it rejects goes to its dead letters."""
        return Queue(
            f"tasks.{worker}",
            bindings=self._bindings(worker),
            durable=True,
            queue_arguments={
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": self.dead_letters(worker),
                "x-max-priority": MAX_PRIORITY,
            },
        )

    def dead_letters(self, worker: str) -> str:
        return f"tasks.{worker}.dead"

    def delay_queue(self, worker: str, delay_s: float) -> str:
        """The name of the queue that holds back for the smallest delay not under `delay_s` (or the longest)."""
        tier = next((tier for tier in DELAYS_S if tier >= delay_s), DELAYS_S[-1])
        return f"tasks.{worker}.delay.{tier}s"

    def declare(self, channel: Any) -> None:
        """Declare everything. Repeating it changes nothing."""
        unroutable = Exchange(UNROUTABLE, type="fanout", durable=True)
        Queue(UNROUTABLE, exchange=unroutable, durable=True)(channel).declare()
        self.exchange(channel).declare()
        for worker in self.workers:
            self.work_queue(worker)(channel).declare()
            Queue(self.dead_letters(worker), durable=True)(channel).declare()
            for tier in DELAYS_S:
                arguments = {
                    "x-message-ttl": tier * 1000,
                    "x-dead-letter-exchange": "",
                    "x-dead-letter-routing-key": f"tasks.{worker}",
                }
                Queue(self.delay_queue(worker, tier), durable=True, queue_arguments=arguments)(channel).declare()

    def _bindings(self, worker: str) -> list[Any]:
        return [binding(self.exchange, routing_key=f"{prefix}.#") for prefix in self.workers[worker]]

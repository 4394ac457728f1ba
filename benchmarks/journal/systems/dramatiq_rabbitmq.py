"""Dramatiq on RabbitMQ with ``confirm_delivery``: durable queue, persistent messages, acknowledged after the run."""

import os
import sys

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker

from benchmarks.journal.systems import body

CONCURRENCY = "1 process, 8 threads (its default)"
NAME = "benchmarks.journal.systems.dramatiq_rabbitmq"

broker = RabbitmqBroker(url=os.environ["ECO2_AMQP_URL"].removesuffix("//") + "/%2F", confirm_delivery=True)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name="bench-dramatiq")
def work(number: int) -> None:
    body.work(number)


def prepare() -> None:
    broker.declare_queue("bench-dramatiq", ensure=True)


def reset() -> None:
    broker.flush_all()


def put(number: int) -> None:
    work.send(number)


def finished() -> int:
    return body.executions()


def command(concurrency: int | None) -> list[str]:
    return [sys.executable, "-m", "dramatiq", NAME, "-p", "1", "-t", str(concurrency or 8)]

"""Celery on RabbitMQ: persistent messages, confirms, late acknowledgement. BENCH_RESULTS=1: results in PostgreSQL."""

import os
import sys

from celery import Celery

from benchmarks.journal.systems import body
from benchmarks.journal.systems.postgres import database, query

CONCURRENCY = "prefork, 2 child processes (its default here: one a core)"
RESULTS = os.environ.get("BENCH_RESULTS") == "1"
NAME = "benchmarks.journal.systems.celery_rabbitmq"
URL = database("bench_celery")

app = Celery(
    NAME,
    broker=os.environ["ECO2_AMQP_URL"],
    backend="db+" + URL.replace("postgresql:", "postgresql+psycopg2:") if RESULTS else None,
)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=4,
    broker_transport_options={"confirm_publish": True},
    task_ignore_result=not RESULTS,
    broker_connection_retry_on_startup=True,
    task_default_queue="bench-celery",
)


@app.task(name="work")
def work(number: int) -> None:
    body.work(number)


def prepare() -> None:
    if RESULTS:
        app.backend.ResultSession()  # makes the tables


def reset() -> None:
    app.control.purge()
    if RESULTS:
        query(URL, "TRUNCATE celery_taskmeta")


def put(number: int) -> None:
    work.delay(number)


def finished() -> int:
    if RESULTS:
        return int(query(URL, "SELECT count(*) FROM celery_taskmeta WHERE status = 'SUCCESS'"))
    return body.executions()


def command(concurrency: int | None) -> list[str]:
    worker = [sys.executable, "-m", "celery", "-A", NAME, "worker", "-l", "WARNING"]
    return [*worker, "--without-gossip", "--without-mingle", "-c", str(concurrency or 2)]

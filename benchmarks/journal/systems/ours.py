"""The journal behind RabbitMQ: put by `TaskPublisher`, run by the worker of `benchmarks.journal.worker`."""

import os
import sqlite3
import sys
from functools import cache
from pathlib import Path

from kombu import Connection
from nameko.events import get_event_exchange
from uuid6 import uuid7

from benchmarks.journal.systems import body
from benchmarks.journal.systems.postgres import query
from wal.amqp.publisher import TaskPublisher
from wal.amqp.topology import Topology
from wal.records import Work

CONCURRENCY = "1 process, 32 greenlets (our default)"
WORKER = "bench"
TOPOLOGY = Topology(workers={WORKER: ("bench",)})
URL = os.environ["ECO2_DATABASE_URL"]
JOURNAL = body.FOLDER / "journal" / f"{WORKER}.db"


def prepare() -> None:
    """Declare what the worker's listeners would have: its queues, and the exchange of its events."""
    _publisher()
    with Connection(os.environ["ECO2_AMQP_URL"]) as connection, connection.channel() as channel:
        get_event_exchange(WORKER, {})(channel).declare()


def reset() -> None:
    """Only while no worker runs."""
    for file in JOURNAL.parent.glob(f"{WORKER}.db*"):
        file.unlink()
    with Connection(os.environ["ECO2_AMQP_URL"]) as connection, connection.channel() as channel:
        TOPOLOGY.work_queue(WORKER)(channel).purge()
    query(URL, "TRUNCATE tasks.task_results")


def put(number: int) -> None:
    task_id = str(uuid7())
    _publisher().put(Work(task_id, "bench.work", b'{"number":%d}' % number, "application/json"))


def finished() -> int:
    """Completed, durably, as the journal says."""
    return _count(JOURNAL, "SELECT count(*) FROM task WHERE state = 'completed'")


def synced() -> int:
    """Completed, as PostgreSQL says."""
    return query(URL, "SELECT count(*) FROM tasks.task_results WHERE state = 'completed'")


def command(concurrency: int | None) -> list[str]:
    return [sys.executable, "-m", "benchmarks.journal.worker", str(concurrency or 32)]


@cache
def _publisher() -> TaskPublisher:
    return TaskPublisher(os.environ["ECO2_AMQP_URL"], TOPOLOGY)


def _count(path: Path, statement: str) -> int:
    # Read-only, and closed at once: a reader that stays would keep the journal from being checkpointed.
    try:
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    except sqlite3.OperationalError:
        return 0
    try:
        return int(connection.execute(statement).fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()

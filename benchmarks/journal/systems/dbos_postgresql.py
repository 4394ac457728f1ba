"""DBOS on PostgreSQL: workflows on a durable queue that is polled every 50 ms (its default, 1 s, would be timed)."""

import sys
import threading
from functools import cache

from dbos import DBOS, DBOSClient

from benchmarks.journal.systems import body
from benchmarks.journal.systems.postgres import database, query

CONCURRENCY = "1 process, its thread pool without a limit"
NAME = "benchmarks.journal.systems.dbos_postgresql"
URL = database("bench_dbos")
SETTINGS = {"name": "bench", "system_database_url": URL, "run_admin_server": False, "log_level": "ERROR"}
VERSION = "1"
POLL_S = 0.05


@DBOS.workflow(name="work")
def work(number: int) -> None:
    body.work(number)


def prepare() -> None:
    """Make the tables anew: a queue keeps the limits it was once registered with until a worker has started."""
    query(URL, "DROP SCHEMA IF EXISTS dbos CASCADE")
    DBOS(config={**SETTINGS, "application_version": VERSION})
    DBOS.launch()
    DBOS.destroy()


def reset() -> None:
    query(URL, "TRUNCATE dbos.workflow_status CASCADE")


def put(number: int) -> None:
    _client().enqueue({"workflow_name": "work", "queue_name": "bench", "app_version": VERSION}, number)


def finished() -> int:
    return query(URL, "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'")


def command(concurrency: int | None) -> list[str]:
    return [sys.executable, "-m", NAME, str(concurrency or "")]


@cache
def _client() -> DBOSClient:
    return DBOSClient(system_database_url=URL, application_name="bench")


if __name__ == "__main__":
    limit = int(sys.argv[1]) if sys.argv[1:] and sys.argv[1] else None
    DBOS(config={**SETTINGS, "application_version": VERSION})
    DBOS.launch()
    DBOS.register_queue("bench", worker_concurrency=limit, polling_interval_sec=POLL_S)
    threading.Event().wait()

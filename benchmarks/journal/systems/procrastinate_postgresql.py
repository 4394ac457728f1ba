"""Procrastinate on PostgreSQL: deferred synchronously, an asynchronous worker woken by NOTIFY."""

import sys

import procrastinate

from benchmarks.journal.systems import body
from benchmarks.journal.systems.postgres import database, query

CONCURRENCY = "1 process, 32 coroutines"
NAME = "benchmarks.journal.systems.procrastinate_postgresql"
URL = database("bench_procrastinate")

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))
putting = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=URL))


@app.task(name="work")
def work(number: int) -> None:
    body.work(number)


@putting.task(name="work")
def put_work(number: int) -> None:
    raise NotImplementedError("run by the worker only")


def prepare() -> None:
    putting.open()
    if not query(URL, "SELECT count(*) FROM pg_tables WHERE tablename = 'procrastinate_jobs'"):
        putting.schema_manager.apply_schema()


def reset() -> None:
    query(URL, "TRUNCATE procrastinate_jobs CASCADE")


def put(number: int) -> None:
    put_work.defer(number=number)


def finished() -> int:
    return query(URL, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'")


def command(concurrency: int | None) -> list[str]:
    cli = [sys.executable, "-m", "procrastinate", f"--app={NAME}.app", "worker"]
    return [*cli, "--concurrency", str(concurrency or 32)]

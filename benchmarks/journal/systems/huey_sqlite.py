"""Huey on SQLite (WAL, ``fsync=True``), each result kept as a row."""

import sys

from huey import SqliteHuey

from benchmarks.journal.systems import body

CONCURRENCY = "1 process, 2 threads"
NAME = "benchmarks.journal.systems.huey_sqlite"

huey = SqliteHuey("bench", filename=str(body.FOLDER / "huey.db"), fsync=True, store_none=True)


@huey.task()
def work(number: int) -> None:
    body.work(number)


def prepare() -> None:
    pass


def reset() -> None:
    huey.storage.flush_all()


def put(number: int) -> None:
    work(number)


def finished() -> int:
    return huey.storage.result_store_size()


def command(concurrency: int | None) -> list[str]:
    consumer = [sys.executable, "-m", "huey.bin.huey_consumer", f"{NAME}.huey", "-k", "thread", "-n"]
    return [*consumer, "-w", str(concurrency or 2), "-d", "0.01", "-m", "0.05"]

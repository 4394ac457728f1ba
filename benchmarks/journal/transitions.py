"""Durable transitions alone, without RabbitMQ: ``python -m benchmarks.journal.transitions KIND CONCURRENT SECONDS``.

Each task makes three: begun, running, finished with a result. A transition counts when it is on the disk.
"""

import itertools
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.journal.processes import report

PAYLOAD = json.dumps({"photo": "scans/ab/" + "ab34" * 16 + ".jpg", "owner": "0198c0de", "lang": "ko"}).encode()
RESULT = {"item": "paper_cup", "confidence": 0.93}
WARM = 50
LIMIT = 500_000  # tasks, whatever the time

Task = Callable[[str], None]

_numbers = itertools.count()


def new_id() -> str:
    """Ordered by time, as UUIDs of version 7 are."""
    return f"{time.time_ns():016x}{next(_numbers):016x}"


@contextmanager
def journal(folder: Path, green: bool) -> Iterator[Any]:
    """Our journal in a new file."""
    from wal import WALManager

    if green:
        from wal.green import GreenRuntime

        opened = WALManager(folder / "journal.db", worker="bench", runtime=GreenRuntime())
    else:
        opened = WALManager(folder / "journal.db", worker="bench")
    try:
        yield opened
    finally:
        opened.close()


def three(manager: Any, task_id: str) -> None:
    manager.log_task_start(task_id, "bench.work", PAYLOAD, content_type="application/json")
    manager.log_task_processing(task_id)
    manager.log_task_complete(task_id, RESULT)


# Rates: how many tasks in `seconds`, with `concurrent` of them at once.


def threads(task: Task, concurrent: int, seconds: float) -> float:
    for _ in range(WARM):
        task(new_id())
    counts = [0] * concurrent
    began = time.perf_counter()

    def go(place: int) -> None:
        while time.perf_counter() - began < seconds and counts[place] * concurrent < LIMIT:
            task(new_id())
            counts[place] += 1

    if concurrent == 1:
        go(0)
    else:
        running = [threading.Thread(target=go, args=(place,)) for place in range(concurrent)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    return sum(counts) / (time.perf_counter() - began)


def ours_threads(folder: Path, concurrent: int, seconds: float) -> float:
    with journal(folder, green=False) as manager:
        return threads(lambda task_id: three(manager, task_id), concurrent, seconds)


def ours_greenlets(folder: Path, concurrent: int, seconds: float) -> float:
    with journal(folder, green=True) as manager:
        return threads(lambda task_id: three(manager, task_id), concurrent, seconds)  # patched: these are greenlets


def huey(folder: Path, concurrent: int, seconds: float) -> float:
    from huey.storage import SqliteStorage

    storage = SqliteStorage("bench", filename=str(folder / "huey.db"), fsync=True)
    result = json.dumps(RESULT).encode()

    def task(task_id: str) -> None:
        storage.enqueue(PAYLOAD)
        storage.dequeue()
        storage.put_data(task_id, result)

    return threads(task, concurrent, seconds)


SCHEMA = """
CREATE TABLE task (id TEXT PRIMARY KEY, state TEXT NOT NULL, payload BLOB, result TEXT, changed_at REAL NOT NULL)
  WITHOUT ROWID;
CREATE INDEX task_unfinished ON task (changed_at) WHERE state <> 'completed';
"""
INSERT = "INSERT INTO task VALUES (?, 'pending', ?, NULL, ?)"
BEGIN = "UPDATE task SET state = 'processing', changed_at = ? WHERE id = ? AND state = 'pending'"
FINISH = "UPDATE task SET state = 'completed', payload = NULL, result = ?, changed_at = ? WHERE id = ?"


def raw(folder: Path, batch: int, seconds: float) -> float:
    """SQLite by hand, one caller, `batch` rows a commit: the least a journal could be."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(SCHEMA)
    result = json.dumps(RESULT)

    def commit(statement: str, rows: list[tuple[Any, ...]]) -> None:
        if batch == 1:
            connection.execute(statement, rows[0])  # a transaction of its own
            return
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(statement, rows)
        connection.execute("COMMIT")

    def tasks(_: str) -> None:
        ids = [new_id() for _ in range(batch)]
        now = time.time()
        commit(INSERT, [(task_id, PAYLOAD, now) for task_id in ids])
        commit(BEGIN, [(now, task_id) for task_id in ids])
        commit(FINISH, [(result, now, task_id) for task_id in ids])

    return batch * threads(tasks, 1, seconds)


# Latency: `rate` tasks a second are begun, whether or not those before are done.


def paced(spawn: Callable[[Callable[[], None]], Any], manager: Any, rate: int, seconds: float) -> dict[str, float]:
    times: list[float] = []
    began = time.perf_counter()

    def task(due: float) -> None:
        task_id = new_id()
        at = due  # the wait for a place to run counts, so a stall cannot hide what it delays
        for step in (
            lambda: manager.log_task_start(task_id, "bench.work", PAYLOAD, content_type="application/json"),
            lambda: manager.log_task_processing(task_id),
            lambda: manager.log_task_complete(task_id, RESULT),
        ):
            step()
            now = time.perf_counter()
            times.append((now - at) * 1000)
            at = now

    running = []
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        running.append(spawn(lambda due=due: task(due)))
    for each in running:
        each.wait()
    took = time.perf_counter() - began
    cut = statistics.quantiles(times, n=1000)
    return {"p50": cut[499], "p99": cut[989], "p999": cut[998], "most": max(times), "rate": len(running) / took}


def paced_greenlets(folder: Path, rate: int, seconds: float) -> dict[str, float]:
    import eventlet

    with journal(folder, green=True) as manager:
        for _ in range(WARM):
            three(manager, new_id())
        return paced(eventlet.spawn, manager, rate, seconds)


def paced_threads(folder: Path, rate: int, seconds: float) -> dict[str, float]:
    from concurrent.futures import ThreadPoolExecutor

    class Waiting:
        def __init__(self, future: Any) -> None:
            self.wait = future.result

    with journal(folder, green=False) as manager, ThreadPoolExecutor(64) as pool:
        for _ in range(WARM):
            three(manager, new_id())
        return paced(lambda act: Waiting(pool.submit(act)), manager, rate, seconds)


KINDS: dict[str, Callable[[Path, int, float], Any]] = {
    "threads": ours_threads,
    "greenlets": ours_greenlets,
    "huey": huey,
    "raw": raw,
    "paced-threads": paced_threads,
    "paced-greenlets": paced_greenlets,
}

if __name__ == "__main__":
    kind, number, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    if "greenlets" in kind:
        import services.kernel.green  # noqa: F401  (nothing of wal or threading's users is imported yet)
    with tempfile.TemporaryDirectory(dir=os.environ["BENCH_DIR"]) as folder:
        found = KINDS[kind](Path(folder), number, seconds)
    report(**(found if isinstance(found, dict) else {"rate": found}))
    sys.stdout.flush()
    os._exit(0)

"""Journal files with many rows in them, made in one stroke while nobody owns the file."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.journal.transitions import PAYLOAD, RESULT, new_id
from wal import WALManager

AT_ONCE = 10_000


def new_journal(path: Path, worker: str) -> None:
    """An empty one."""
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    WALManager(path, worker=worker).close()


def add_unfinished(path: Path, worker: str, count: int, running: int) -> None:
    """`count` tasks of ``bench.work`` with their payloads, the first `running` of them cut short by a crash."""
    with _writing(path) as connection:
        for first in range(0, count, AT_ONCE):
            numbers = [(new_id(), number) for number in range(first, min(first + AT_ONCE, count))]
            connection.executemany(
                "INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, created_at, "
                "synced_version) VALUES (?, 'bench.work', ?, ?, 0, 1, ?, ?, 0)",
                [
                    (task_id, *(("processing", 1) if number < running else ("pending", 0)), worker, time.time())
                    for task_id, number in numbers
                ],
            )
            connection.executemany(
                "INSERT INTO payload (task_id, body, content_type, headers) VALUES (?, ?, 'application/json', '{}')",
                [
                    (task_id, json.dumps({"number": number, "pad": PAYLOAD.decode()}).encode())
                    for task_id, number in numbers
                ],
            )


def add_unsynced(path: Path, worker: str, count: int) -> None:
    """`count` completed tasks that PostgreSQL does not have, and whose outcome was told."""
    result = json.dumps(RESULT)
    with _writing(path) as connection:
        for first in range(0, count, AT_ONCE):
            now = time.time()
            connection.executemany(
                "INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, result, created_at, "
                "started_at, finished_at, announced_version, synced_version) "
                "VALUES (?, 'bench.work', 'completed', 1, 0, 3, ?, ?, ?, ?, ?, 3, 0)",
                [(new_id(), worker, result, now, now, now) for _ in range(min(AT_ONCE, count - first))],
            )


def make_unsynced_again(path: Path) -> None:
    with _writing(path) as connection:
        connection.execute("UPDATE task SET synced_version = 0")


@contextmanager
def _writing(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        with connection:
            yield connection
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()

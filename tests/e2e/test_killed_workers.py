"""A worker that dies in the middle of a scan: the scan is completed all the same, and once."""

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx

from tests.e2e.scans import SCANS, follow, send
from tests.stack import TestStack, eventually


@contextmanager
def frozen(stack: TestStack, name: str) -> Iterator[int]:
    """A process that stands still meanwhile, though it is there."""
    pid = stack.pid(name)
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def journalled(stack: TestStack, worker: str, task_id: str) -> tuple[str, int, int] | None:
    """State, attempt and crashes of a task in the worker's journal."""
    with sqlite3.connect(f"file:{stack.home}/state/{worker}.db?mode=ro", uri=True) as journal:
        row: tuple[str, int, int] | None = journal.execute(
            "SELECT state, attempt, crashes FROM task WHERE task_id = ?", (task_id,)
        ).fetchone()
        return row


def status(client: httpx.Client, scan_id: str) -> str:
    found: str = client.get(f"{SCANS}/{scan_id}").json()["status"]
    return found


def test_a_scan_whose_ai_worker_is_killed_is_completed_once_by_the_next(
    client: httpx.Client, stack: TestStack, coffee: bytes
) -> None:
    with frozen(stack, "ai") as worker:
        scan_id = send(client, coffee).json()["scan_id"]
        task_id = f"{scan_id}.classify"
        eventually(lambda: client.get(f"{SCANS}/{scan_id}").json()["stage"] == "stored")
        with frozen(stack, "seaweedfs"):  # so that the worker stays in the middle of the scan
            os.kill(worker, signal.SIGCONT)
            eventually(lambda: journalled(stack, "ai", task_id) == ("processing", 1, 0))
            os.kill(worker, signal.SIGKILL)
            eventually(lambda: stack.pid("ai") not in (0, worker))

    eventually(lambda: status(client, scan_id) == "completed", within_s=60)
    assert [event.id for event in follow(client, scan_id)] == ["0-1", "10-0", "40-0", "55-0", "90-0", "100-0"]
    rows = eventually(lambda: stack.sql("SELECT state, attempt FROM tasks.task_results WHERE task_id = %s", task_id))
    assert rows == [("completed", 2)]
    assert journalled(stack, "ai", task_id) == ("completed", 2, 1)


def test_a_picture_whose_storage_worker_is_killed_is_stored_by_the_next(
    client: httpx.Client, stack: TestStack, coffee: bytes
) -> None:
    with frozen(stack, "seaweedfs"):
        worker = stack.pid("storage")
        scan_id = send(client, coffee).json()["scan_id"]
        eventually(lambda: journalled(stack, "storage", f"{scan_id}.store") == ("processing", 1, 0))
        os.kill(worker, signal.SIGKILL)
        eventually(lambda: stack.pid("storage") not in (0, worker))

    eventually(lambda: status(client, scan_id) == "completed", within_s=60)
    assert journalled(stack, "storage", f"{scan_id}.store") == ("completed", 2, 1)


def test_scans_in_flight_survive_a_kill_of_both_workers(client: httpx.Client, stack: TestStack, coffee: bytes) -> None:
    scans = [send(client, coffee).json()["scan_id"] for _ in range(12)]
    stack.kill("ai")
    stack.kill("storage")

    for scan_id in scans:
        eventually(lambda scan_id=scan_id: status(client, scan_id) == "completed", within_s=90)
    twelve = stack.sql("SELECT count(*) FROM waste.scans WHERE id = ANY(%s::uuid[]) AND state = 'completed'", scans)
    assert twelve == [(12,)]

"""Our worker's memory while finished rows wait for a PostgreSQL that is away: ``… memory COUNT SECONDS``.

The worker runs tasks all the time. What the waiting rows cost it is seen beside a worker with an empty journal.
"""

import os
import subprocess
import sys
import time

import psutil

from benchmarks.journal.filled import add_unsynced, new_journal
from benchmarks.journal.processes import end_on_sigterm, report, start, stop, wait_until
from benchmarks.journal.systems import body, ours

AWAY = "postgresql://eco2:away@127.0.0.1:1/away"  # a port where nobody listens
WARM = 500
RATE = 100  # tasks a second
MIB = 2**20


def watch(worker: subprocess.Popen[bytes], seconds: float) -> dict[str, float]:
    """RSS in MiB at the start and the end of `seconds` of work, and the longest a task took from put to executed."""
    process = psutil.Process(worker.pid)
    for number in range(WARM):
        ours.put(number)
    wait_until(lambda: body.executions() >= WARM, 60)
    before = process.memory_info().rss
    most, slowest = before, 0.0
    began = time.perf_counter()
    number = WARM
    while time.perf_counter() - began < seconds:
        at = time.perf_counter()
        ours.put(number)
        number += 1
        wait_until(lambda wanted=number: body.executions() >= wanted, 60, every_s=0.001)
        slowest = max(slowest, time.perf_counter() - at)
        most = max(most, process.memory_info().rss)
        time.sleep(max(0.0, 1 / RATE - (time.perf_counter() - at)))
    return {
        "before": before / MIB,
        "after": process.memory_info().rss / MIB,
        "most": most / MIB,
        "slowest_ms": slowest * 1000,
        "tasks": number - WARM,
    }


def catch_up(count: int, seconds: float) -> dict[str, float]:
    """The same journal with PostgreSQL back: RSS while it catches up, and its rate."""
    worker = start(ours.command(None), os.environ, body.FOLDER / "memory.log")
    try:
        wait_until(lambda: ours.synced() > 0, 60)
        first, at = ours.synced(), time.perf_counter()
        process = psutil.Process(worker.pid)
        most = 0
        while time.perf_counter() - at < seconds and (now := ours.synced()) < count:
            most = max(most, process.memory_info().rss)
            time.sleep(0.1)
        rate = (now - first) / (time.perf_counter() - at)
        return {"catch_up_most": most / MIB, "catch_up_rate": rate}
    finally:
        stop(worker)


def main(count: int, seconds: float) -> None:
    end_on_sigterm()
    ours.prepare()
    figures: dict[str, float] = {"count": count}
    for name, rows in (("empty", 0), ("full", count)):
        ours.reset()
        body.forget()
        ours.JOURNAL.parent.mkdir(parents=True, exist_ok=True)
        new_journal(ours.JOURNAL, ours.WORKER)
        add_unsynced(ours.JOURNAL, ours.WORKER, rows)
        worker = start(ours.command(None), {**os.environ, "BENCH_SYNC_URL": AWAY}, body.FOLDER / "memory.log")
        try:
            figures |= {f"{name}_{figure}": value for figure, value in watch(worker, seconds).items()}
        finally:
            stop(worker)
    figures["file_mib"] = ours.JOURNAL.stat().st_size / MIB
    figures |= catch_up(count, seconds)
    ours.reset()
    report(**figures)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))

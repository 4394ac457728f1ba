"""Exercises one system: ``python -m benchmarks.journal.drive SYSTEM flow|backlog|crash COUNT``, in its own venv."""

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.journal.processes import end_on_sigterm, kill, report, start, stop, wait_until
from benchmarks.journal.systems import body

WARM = 20
PUTTERS = 8
PATIENCE_S = 90.0
CRASH_CONCURRENCY = 8
CRASH_PAUSE_S = 0.03
QUIET_S = 12.0  # without news for so long, what has not run counts as lost


def _worker(system: Any, concurrency: int | None = None, **environment: str) -> subprocess.Popen[bytes]:
    log = body.FOLDER / f"{system.__name__.rpartition('.')[2]}.log"
    return start(system.command(concurrency), {**os.environ, **environment}, log)


def _reach(finished: Callable[[], int], wanted: int, what: str) -> None:
    if not wait_until(lambda: finished() >= wanted, PATIENCE_S, every_s=0.02):
        raise SystemExit(f"{what}: {finished()} of {wanted} after {PATIENCE_S:g} s")


def _put(system: Any, count: int) -> None:
    """By several callers at once, as the requests of a gateway do; each waits until its task is safe."""
    with ThreadPoolExecutor(PUTTERS) as callers:
        list(callers.map(system.put, range(count)))


def flow(system: Any, count: int) -> None:
    """Put `count` tasks while the worker runs; time until the last is completed."""
    worker = _worker(system)
    try:
        for number in range(WARM):
            system.put(number)
        _reach(system.finished, WARM, "warming up")
        began = time.perf_counter()
        _put(system, count)
        put = time.perf_counter() - began
        _reach(system.finished, WARM + count, "flow")
        done = time.perf_counter() - began
        more = {}
        if hasattr(system, "synced"):
            _reach(system.synced, WARM + count, "sync")
            more["synced_s"] = time.perf_counter() - began
        report(put_s=put, done_s=done, executed=body.executions() - WARM, concurrency=system.CONCURRENCY, **more)
    finally:
        stop(worker)


def backlog(system: Any, count: int) -> None:
    """Put `count` tasks while no worker runs, then start it; the rate from the first 5 % to the last."""
    began = time.perf_counter()
    _put(system, count)
    put = time.perf_counter() - began
    started = time.perf_counter()
    worker = _worker(system)
    try:
        _reach(system.finished, count // 20, "backlog")
        first, first_at = system.finished(), time.perf_counter()
        _reach(system.finished, count, "backlog")
        ended = time.perf_counter()
        report(put_s=put, rate=(count - first) / (ended - first_at), from_start_s=ended - started)
    finally:
        stop(worker)


def crash(system: Any, count: int) -> None:
    """Kill the worker's whole process group when a third has run, start it again, and count what is missing."""
    _put(system, count)
    pause = {"BENCH_PAUSE_S": str(CRASH_PAUSE_S)}
    worker = _worker(system, CRASH_CONCURRENCY, **pause)
    try:
        _reach(body.executions, count // 3, "before the kill")
        kill(worker)
        at = body.executions()
        worker = _worker(system, CRASH_CONCURRENCY, **pause)
        began = last = time.monotonic()
        seen = at
        while time.monotonic() - last < (1.5 if len(set(body.numbers())) == count else QUIET_S):
            time.sleep(0.1)
            if (now := body.executions()) != seen:
                seen, last = now, time.monotonic()
        found = body.numbers()
        twice = len(found) - len(set(found))
        died = int(worker.poll() is not None)
        report(before=at, lost=count - len(set(found)), twice=twice, died=died, settled_s=last - began)
    finally:
        kill(worker)


def main(name: str, act: str, count: int) -> None:
    end_on_sigterm()
    system = importlib.import_module(f"benchmarks.journal.systems.{name}")
    system.prepare()
    system.reset()
    body.forget()
    {"flow": flow, "backlog": backlog, "crash": crash}[act](system, count)
    system.reset()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
    sys.stdout.flush()
    os._exit(0)  # a peer's threads may not hold the process

"""Our worker as it runs in production, with a task that does nothing: ``python -m benchmarks.journal.worker 32``."""

# ruff: noqa: I001
import services.kernel.green  # noqa: F401  (first, see there)

import logging
import os
import signal
import sys
from typing import Any

import eventlet
import yaml
from nameko.containers import ServiceContainer

from benchmarks.journal.systems import body
from benchmarks.journal.systems.ours import TOPOLOGY, WORKER
from services.kernel.config import DEFAULTS
from services.kernel.service import Calls
from wal.amqp import Journal, RunningTask, TaskSettings, task


class BenchWorker:
    name = WORKER

    journal = Journal()
    calls = Calls()

    @task("bench.work")
    def work(self, task: RunningTask) -> dict[str, Any]:
        body.work(task.payload["number"])
        return {"done": True}


def settings() -> TaskSettings:
    """What the configuration gives every worker."""
    kept = yaml.safe_load(DEFAULTS.read_text(encoding="utf-8"))["wal"]
    url = os.environ.get("BENCH_SYNC_URL", os.environ["ECO2_DATABASE_URL"])
    return TaskSettings(topology=TOPOLOGY, directory=body.FOLDER / "journal", database_url=url, **kept)


def main(concurrency: int) -> None:
    logging.basicConfig(level=logging.WARNING)
    asked = eventlet.event.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.ready() or eventlet.spawn_n(asked.send, True))
    config = {"AMQP_URI": os.environ["ECO2_AMQP_URL"], "max_workers": concurrency, "heartbeat": 30, "WAL": settings()}
    container = ServiceContainer(BenchWorker, config)
    container.start()
    died = eventlet.spawn(container.wait)
    died.link(lambda _: asked.ready() or asked.send(False))
    if not asked.wait():
        died.wait()  # raises what it died of
    with eventlet.Timeout(10, False):
        container.stop()


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    finally:
        logging.shutdown()
    os._exit(0)

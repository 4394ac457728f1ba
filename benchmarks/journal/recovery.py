"""How soon a worker with many unfinished tasks consumes again: ``python -m benchmarks.journal.recovery COUNT``."""

import os
import sys
import time

from kombu import Connection

from benchmarks.journal.filled import add_unfinished, new_journal
from benchmarks.journal.processes import end_on_sigterm, report, start, stop, wait_until
from benchmarks.journal.systems import body, ours

RUNNING = 32  # as many as run at once are cut short by a crash
PATIENCE_S = 60.0
WATCHED = 5000  # of the recovered tasks, for their rate


def consumers(channel: object) -> int:
    found = ours.TOPOLOGY.work_queue(ours.WORKER)(channel).queue_declare(passive=True)
    return int(found.consumer_count)


def main(count: int) -> None:
    end_on_sigterm()
    ours.prepare()
    ours.reset()
    body.forget()
    ours.JOURNAL.parent.mkdir(parents=True, exist_ok=True)
    new_journal(ours.JOURNAL, ours.WORKER)
    add_unfinished(ours.JOURNAL, ours.WORKER, count, RUNNING)
    fresh = 9_999_999
    ours.put(fresh)
    began = time.perf_counter()
    worker = start(ours.command(None), os.environ, body.FOLDER / "recovery.log")
    figures: dict[str, float | None] = {"count": count}
    try:
        with Connection(os.environ["ECO2_AMQP_URL"]) as connection, connection.channel() as channel:
            if not wait_until(lambda: consumers(channel) > 0, PATIENCE_S):
                raise SystemExit("the worker does not consume")
            figures["consumes_s"] = time.perf_counter() - began
        ran = wait_until(lambda: fresh in body.numbers(), PATIENCE_S, every_s=0.05)
        figures["new_task_s"] = time.perf_counter() - began if ran else None
        first, at = body.executions(), time.perf_counter()
        wanted = min(count + 1, first + WATCHED)
        wait_until(lambda: body.executions() >= wanted, PATIENCE_S)
        if body.executions() > first:
            figures["rate"] = (body.executions() - first) / (time.perf_counter() - at)
        found = body.numbers()
        figures["twice"] = len(found) - len(set(found))
        report(**figures)
    finally:
        stop(worker)
        ours.reset()


if __name__ == "__main__":
    main(int(sys.argv[1]))

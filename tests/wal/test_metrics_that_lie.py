"""What the gauges say when it matters: while PostgreSQL is away, after a crash, on a full disk, of strange input."""

import math
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from kombu import Connection, Producer
from prometheus_client import REGISTRY, generate_latest
from uuid6 import uuid7

from tests.stack import TestStack, eventually
from tests.wal import programs
from tests.wal.loaded import LoadedWorker, inside
from wal import WALManager
from wal.amqp import RunningTask
from wal.amqp.timing import SENT, sent_at, stamped
from wal.records import Work
from wal.sync import ASK_EVERY_S, Syncer

NOWHERE = "postgresql://eco2@127.0.0.1:1/eco2"

# A file system that only the program can see, and that goes with it.
SMALL_DISK = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=12m tmpfs "$0" && exec "$@"']

Hire = Callable[..., LoadedWorker]


class Enough(Exception):
    """Ends a `Syncer.run`."""


@pytest.fixture
def hire(stack: TestStack, tmp_path: Path) -> Iterator[Hire]:
    """Makes workers that end with the test."""
    hired: list[LoadedWorker] = []

    def new(**options: Any) -> LoadedWorker:
        hired.append(LoadedWorker(stack, tmp_path / f"worker-{len(hired)}", **options))
        return hired[-1]

    try:
        yield new
    finally:
        for worker in hired:
            worker.clear()


def value(name: str) -> float:
    """What this process tells Prometheus."""
    found = REGISTRY.get_sample_value(name)
    assert found is not None, name
    return found


def finished(journal: WALManager, *ids: str) -> None:
    for task_id in ids:
        journal.log_task_start(task_id, "probe", b"")
        journal.log_task_failure(task_id, "broken")


def syncing(journal: WALManager, connect: Callable[[], Any]) -> Syncer:
    return Syncer(journal, connect, interval_s=0.01, batch=10, retain_s=3600)


def rounds(syncer: Syncer, number: int) -> None:
    """Let it go round so often."""
    left = iter(range(number - 1))

    def sleep(_: float) -> None:
        if next(left, None) is None:
            raise Enough

    with pytest.raises(Enough):
        syncer.run(sleep)


# While PostgreSQL is away


def test_the_age_of_what_waits_grows_although_nobody_measures(
    journal: WALManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished(journal, "t1")
    journal.measure()
    assert 0 <= value("eco2_journal_oldest_unsynced_seconds") < 5

    now = time.time()
    monkeypatch.setattr("wal.gauges.time.time", lambda: now + 100)

    assert 100 <= value("eco2_journal_oldest_unsynced_seconds") < 105


def test_a_clock_that_was_set_back_makes_no_negative_age(journal: WALManager, monkeypatch: pytest.MonkeyPatch) -> None:
    finished(journal, "t1")
    journal.measure()
    now = time.time()
    monkeypatch.setattr("wal.gauges.time.time", lambda: now - 100)

    assert value("eco2_journal_oldest_unsynced_seconds") == 0


def test_what_waits_is_counted_before_postgresql_was_ever_asked(journal: WALManager) -> None:
    finished(journal, "t1", "t2")
    journal.log_task_start("t3", "probe", b"")
    seen = []

    def connect() -> Any:
        seen.append((value("eco2_journal_unsynced"), value("eco2_journal_backlog")))
        raise psycopg2.OperationalError("away")

    rounds(syncing(journal, connect), 1)

    assert seen == [(2.0, 1.0)]


def test_the_time_of_the_last_sync_stands_still_while_postgresql_is_away(journal: WALManager) -> None:
    began = time.time()
    syncer = syncing(journal, lambda: psycopg2.connect(NOWHERE))
    start = value("eco2_journal_last_sync_timestamp_seconds")
    assert began <= start <= time.time()

    for task_id in ("t1", "t2"):
        finished(journal, task_id)
        rounds(syncer, 2)

    assert value("eco2_journal_last_sync_timestamp_seconds") == start


def test_the_last_sync_is_recent_although_there_is_nothing_to_bring(stack: TestStack, journal: WALManager) -> None:
    """Else a quiet night would look as an outage does."""
    syncer = syncing(journal, lambda: psycopg2.connect(stack.settings["ECO2_DATABASE_URL"]))
    start = value("eco2_journal_last_sync_timestamp_seconds")

    rounds(syncer, 1)

    first = value("eco2_journal_last_sync_timestamp_seconds")
    assert first > start
    rounds(syncer, 20)
    assert value("eco2_journal_last_sync_timestamp_seconds") == first, "PostgreSQL is not asked at each round"
    syncer._ask_at -= ASK_EVERY_S
    rounds(syncer, 1)
    assert value("eco2_journal_last_sync_timestamp_seconds") > first
    syncer._connection.close()


def test_a_worker_that_starts_while_postgresql_is_away_tells_what_waits_for_it(hire: Hire) -> None:
    worker = hire(DATABASE_URL=NOWHERE)
    worker.launch()
    eventually(lambda: worker.ready() == {}, within_s=30)
    ids = [worker.put("work", 0) for _ in range(3)]
    eventually(lambda: worker.states(ids) == {"completed"})

    eventually(lambda: worker.metric("eco2_journal_unsynced") == 3)
    age = worker.metric("eco2_journal_oldest_unsynced_seconds") or 0
    last = worker.metric("eco2_journal_last_sync_timestamp_seconds") or 0

    time.sleep(0.3)
    assert (worker.metric("eco2_journal_oldest_unsynced_seconds") or 0) >= age + 0.3
    assert worker.metric("eco2_journal_last_sync_timestamp_seconds") == last
    assert worker.metric("eco2_journal_consuming") == 1, "PostgreSQL is not needed to work"


# After a crash


def test_after_a_crash_the_gauges_are_of_what_the_journal_holds(hire: Hire) -> None:
    worker = hire()
    worker.start()
    assert worker.metric("eco2_journal_consuming") == 1
    held = worker.hold(3)
    done = worker.put("work", 0)
    eventually(lambda: worker.states([done]) == {"completed"})
    worker.kill()

    worker.start()

    eventually(lambda: worker.metric("eco2_journal_backlog") == 3)
    kind = f"{worker.name}.held"
    assert worker.metric("eco2_journal_recovered_total", task_type=kind) == 3
    assert worker.metric("eco2_tasks_in_flight") == 3
    worker.release()
    worker.finish([*held, done])
    eventually(lambda: worker.metric("eco2_journal_backlog") == 0, within_s=15)
    assert worker.metric("eco2_task_seconds_count", task_type=kind, outcome="completed") == 3
    assert worker.metric("eco2_task_queue_seconds_count", task_type=kind) is None, "no first attempt of these was here"


# The disk


def test_the_disk_of_the_journal_is_read_when_it_is_asked_for(journal: WALManager, path: Path) -> None:
    disk = os.statvfs(path.parent)

    assert value("eco2_journal_disk_bytes") == disk.f_blocks * disk.f_frsize
    assert 0 < value("eco2_journal_disk_free_bytes") <= value("eco2_journal_disk_bytes")
    assert value("eco2_journal_file_bytes") == path.stat().st_size


def test_a_disk_that_tells_nothing_costs_only_its_own_gauges(journal: WALManager, path: Path) -> None:
    journal.close()
    path.parent.rename(path.parent.with_name("elsewhere"))
    try:
        assert math.isnan(value("eco2_journal_disk_free_bytes"))
        assert b"eco2_journal_commit_seconds" in generate_latest()
    finally:
        path.parent.with_name("elsewhere").rename(path.parent)


def test_a_worker_that_fails_closed_says_so_to_prometheus_until_there_is_room(hire: Hire) -> None:
    worker = hire(under=SMALL_DISK, WAL__SYNC_INTERVAL_S=0.2)
    if subprocess.run([*SMALL_DISK, str(worker.journal.parent), "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a file system of their own")
    worker.start()
    assert worker.metric("eco2_journal_disk_bytes") == 12 * 1024 * 1024
    ballast = inside(worker.pid, worker.journal.parent / "ballast")
    with ballast.open("ab", buffering=0) as out, suppress(OSError):
        while out.write(b"x" * 4096):
            pass

    ids = [worker.put("work", 0) for _ in range(30)]

    eventually(lambda: worker.metric("eco2_journal_consuming") == 0)
    assert (worker.metric("eco2_journal_disk_free_bytes") or 0) < 100_000
    assert worker.metric("eco2_tasks_in_flight")
    ballast.unlink()
    worker.finish(ids)
    eventually(lambda: worker.metric("eco2_journal_consuming") == 1, within_s=20)
    assert (worker.metric("eco2_journal_disk_free_bytes") or 0) > 5_000_000


def test_a_process_that_only_puts_tasks_says_of_no_journal_that_it_stands_still(tmp_path: Path) -> None:
    source = """
        import sys
        from prometheus_client import REGISTRY
        from wal import WALManager
        from wal.amqp.publisher import TaskPublisher

        names = "consuming", "disk_free_bytes", "disk_bytes", "last_sync_timestamp_seconds"
        told = lambda: [REGISTRY.get_sample_value(f"eco2_journal_{name}") for name in names]
        print(told())
        WALManager(sys.argv[1], worker="probe").close()
        consuming, free, size, _ = told()
        print(consuming, 0 < free <= size)
    """
    assert programs.run(source, tmp_path / "probe.db") == "[None, None, None, None]\n0.0 True\n"


# Times


def test_each_attempt_is_timed_by_what_came_of_it(hire: Hire) -> None:
    worker = hire()
    worker.start()

    ids = [worker.put("work", 0.2), worker.put("hangs_once")]
    hopeless = worker.put("hopeless")
    worker.finish(ids)
    eventually(lambda: worker.states([hopeless]) == {"failed"})

    def timed(kind: str, outcome: str, part: str = "count") -> float | None:
        return worker.metric(f"eco2_task_seconds_{part}", task_type=f"{worker.name}.{kind}", outcome=outcome)

    assert 0.2 <= (timed("work", "completed", "sum") or 0) < 5
    assert (timed("hangs_once", "retried"), timed("hangs_once", "completed")) == (1, 1)
    assert 0.3 <= (timed("hangs_once", "retried", "sum") or 0) < 5
    assert (timed("hopeless", "failed"), timed("hopeless", "completed"), timed("held", "failed")) == (1, 0, 0)
    waits = worker.metric("eco2_task_queue_seconds_count", task_type=f"{worker.name}.hangs_once")
    assert waits == 1, "its second attempt was made to wait"


def test_a_task_has_waited_since_it_was_put_also_while_no_worker_ran(hire: Hire) -> None:
    worker = hire()
    worker.start()
    worker.kill()
    worker.put("work", 0)
    time.sleep(0.5)

    worker.start()

    kind = f"{worker.name}.work"
    eventually(lambda: worker.metric("eco2_task_queue_seconds_count", task_type=kind) == 1)
    assert 0.5 <= (worker.metric("eco2_task_queue_seconds_sum", task_type=kind) or 0) < 30


def test_only_the_first_attempt_has_waited_for_its_turn(journal: WALManager) -> None:
    """A message that comes again after a crash says when its task was put; the attempt before did not wait so long."""

    def begin(task_id: str) -> float:
        work = Work(task_id, "probe", b"", "text/plain")
        before = REGISTRY.get_sample_value("eco2_task_queue_seconds_count", {"task_type": "probe"}) or 0
        assert RunningTask(work, journal, lambda *_: None, sent_at=time.time()).begin()
        return (REGISTRY.get_sample_value("eco2_task_queue_seconds_count", {"task_type": "probe"}) or 0) - before

    assert begin("t1") == 1
    journal.log_task_retry("t1", "broken")
    assert begin("t1") == 0


@pytest.mark.parametrize("told", [None, "yesterday", "1e9", math.nan, math.inf, [1], {}])
def test_a_message_that_does_not_say_when_it_was_put_is_not_timed(told: Any) -> None:
    assert sent_at({SENT: told}) is None
    assert sent_at({}) is None


def test_services_read_in_our_events_when_they_were_sent() -> None:
    from services.kernel import sending

    waited = sending.waited_s(stamped({})[SENT])
    assert waited is not None
    assert 0 <= waited < 5


# Strange input


def test_strange_messages_add_no_series_of_their_own(hire: Hire) -> None:
    worker = hire()
    worker.start()
    known = worker.put("work", 0)
    eventually(lambda: worker.states([known]) == {"completed"})

    def series() -> set[tuple[Any, ...]]:
        ours = [one for one in worker.samples() if one.name.startswith(("eco2_task", "eco2_journal"))]
        return {(one.name, *one.labels.items()) for one in ours}

    before = series()

    with Connection(worker.amqp_url) as connection:
        producer = Producer(connection.default_channel)
        for number in range(5):
            for kind, task_id in ((f"strange-{number}", str(uuid7())), (f"{worker.name}.work", "")):
                producer.publish(
                    b"{}",
                    routing_key=f"tasks.{worker.name}",
                    type=kind,
                    message_id=task_id,
                    headers={SENT: "late", f"strange-{number}": number},
                )

    dead = {"queue": f"tasks.{worker.name}"}
    eventually(lambda: worker.metric("eco2_tasks_dead_total", **dead, reason="unknown task type") == 5)
    eventually(lambda: worker.metric("eco2_tasks_dead_total", **dead, reason="no task id") == 5)
    new = series() - before
    assert {name for name, *_ in new} == {"eco2_tasks_dead_total", "eco2_tasks_dead_created"}
    assert len(new) == 4

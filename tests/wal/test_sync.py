"""The way to PostgreSQL: everything arrives, nothing old overwrites, one bad row stops no other, outages pass."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from tests.stack import TestStack
from tests.wal import programs
from wal import JournalUnavailable, State, WALManager
from wal.sync import MAX_PAUSE_S, Syncer

NOWHERE = "postgresql://eco2@127.0.0.1:1/eco2"
NUL = {"text": "a\0b"}  # JSON, but no jsonb

Connect = Callable[[], Any]


class Enough(Exception):
    """Ends a `Syncer.run`."""


@pytest.fixture
def connect(stack: TestStack) -> Connect:
    """Opens a connection that can be told from others by its name."""
    name = f"test-sync-{uuid7()}"
    url = stack.settings["ECO2_DATABASE_URL"]
    return lambda: psycopg2.connect(url, connect_timeout=3, application_name=name)


@pytest.fixture
def syncer(journal: WALManager, connect: Connect) -> Iterator[Syncer]:
    made = syncing(journal, connect)
    yield made
    made.finish()


def syncing(journal: WALManager, connect: Connect, batch: int = 100, retain_s: float = 3600) -> Syncer:
    return Syncer(journal, connect, interval_s=0.1, batch=batch, retain_s=retain_s)


def new_id() -> str:
    return f"sync-{uuid7()}"


def complete(journal: WALManager, task_id: str, result: Any = None) -> str:
    journal.log_task_start(task_id, "probe", b"")
    journal.log_task_processing(task_id)
    journal.log_task_complete(task_id, result)
    return task_id


def fail(journal: WALManager, task_id: str, error: BaseException | str = "broken") -> str:
    journal.log_task_start(task_id, "probe", b"")
    journal.log_task_failure(task_id, error)
    return task_id


def arrived(stack: TestStack, *task_ids: str) -> dict[str, tuple[Any, ...]]:
    """State, version and result of the rows that PostgreSQL has."""
    rows = stack.sql(
        "SELECT task_id, state, version, result FROM tasks.task_results WHERE task_id = ANY(%s)", [*task_ids]
    )
    return {row[0]: row[1:] for row in rows}


def terminate(stack: TestStack, syncer: Syncer) -> None:
    """PostgreSQL ends the syncer's connection."""
    ended = stack.sql("SELECT pg_terminate_backend(%s, 5000)", syncer._connection.info.backend_pid)
    assert ended == [(True,)]


@contextmanager
def other_journal(path: Path, name: str) -> Iterator[WALManager]:
    journal = WALManager(path.with_name(f"{name}.db"), worker=name)
    try:
        yield journal
    finally:
        journal.close()


# Arriving


def test_finished_rows_arrive_as_they_are(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    """Guards W4: results as JSON, times as times."""
    task_id = complete(journal, new_id(), {"품목": "종이컵", "n": [1, None, 0.5]})

    assert syncer.sync() == 1

    task = journal.task(task_id)
    assert stack.sql(
        "SELECT task_type, worker, state, attempt, version, result, error_class, error"
        " FROM tasks.task_results WHERE task_id = %s",
        task_id,
    ) == [("probe", "probe-1", "completed", 1, 3, task.result, None, None)]
    times = stack.sql("SELECT created_at, started_at, finished_at FROM tasks.task_results WHERE task_id = %s", task_id)
    slack = timedelta(microseconds=1)  # the journal has floats of seconds
    kept = (task.created_at, task.started_at, task.finished_at)
    assert all(abs(arrived - at) <= slack for arrived, at in zip(times[0], kept, strict=True))


def test_a_failure_arrives_with_its_error(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    task_id = fail(journal, new_id(), ValueError("사진이 아닙니다"))

    syncer.sync()

    assert stack.sql(
        "SELECT state, error_class, error, result, started_at FROM tasks.task_results WHERE task_id = %s", task_id
    ) == [("failed", "ValueError", "사진이 아닙니다", None, None)]


def test_only_finished_rows_go(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    pending, running = new_id(), new_id()
    for task_id in (pending, running):
        journal.log_task_start(task_id, "probe", b"")
    journal.log_task_processing(running)

    assert syncer.sync() == 0
    assert arrived(stack, pending, running) == {}


def test_a_batch_is_one_transaction(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    ids = [complete(journal, new_id()) for _ in range(100)]

    assert syncer.sync() == 100

    assert stack.sql(
        "SELECT count(*), count(DISTINCT xmin::text) FROM tasks.task_results WHERE task_id = ANY(%s)", ids
    ) == [(100, 1)]


def test_what_has_arrived_is_not_sent_again(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    task_id = complete(journal, new_id())
    syncer.sync()

    assert syncer.sync() == 0

    assert journal.oldest_unsynced_s() == 0.0
    assert journal.task(task_id).synced_version == 3


def test_sending_again_changes_nothing(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    """A crash between PostgreSQL's commit and the journal's mark."""
    task_id = complete(journal, new_id(), "result")
    journal_mark, journal.mark_synced = journal.mark_synced, lambda rows: None  # type: ignore[method-assign]
    syncer.sync()
    before = stack.sql("SELECT xmin::text, synced_at FROM tasks.task_results WHERE task_id = %s", task_id)
    journal.mark_synced = journal_mark  # type: ignore[method-assign]

    assert syncer.sync() == 1

    assert stack.sql("SELECT xmin::text, synced_at FROM tasks.task_results WHERE task_id = %s", task_id) == before
    assert journal.stats()["unsynced"] == 0


def test_syncing_journals_nothing_about_itself(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    """Guards W3, W10."""
    complete(journal, new_id())

    for _ in range(5):
        syncer.sync()

    assert journal.stats() == {
        "pending": 0, "processing": 0, "completed": 1, "failed": 0, "unsynced": 0, "parked": 0,
    }  # fmt: skip


# Versions


def test_a_later_version_wins(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    """Guards W6: failed was synced, and then it succeeded after all."""
    task_id = fail(journal, new_id())
    syncer.sync()
    assert arrived(stack, task_id) == {task_id: ("failed", 2, None)}

    journal.reopen(task_id)
    journal.log_task_processing(task_id)
    journal.log_task_complete(task_id, "done")
    syncer.sync()

    rows = stack.sql("SELECT state, version, result, error FROM tasks.task_results WHERE task_id = %s", task_id)
    assert rows == [("completed", 5, "done", None)]


def test_a_reopened_task_keeps_its_last_outcome_in_postgresql_until_the_next(
    stack: TestStack, journal: WALManager, syncer: Syncer
) -> None:
    task_id = fail(journal, new_id())
    syncer.sync()

    journal.reopen(task_id)

    assert syncer.sync() == 0
    assert arrived(stack, task_id) == {task_id: ("failed", 2, None)}


def test_an_earlier_version_never_overwrites(
    stack: TestStack, path: Path, journal: WALManager, syncer: Syncer, connect: Connect
) -> None:
    """Guards W6: late news of an old state."""
    task_id = complete(journal, new_id(), "done")
    syncer.sync()

    with other_journal(path, "probe-2") as earlier:
        fail(earlier, task_id)
        other = syncing(earlier, connect)
        assert other.sync() == 1
        other.finish()
        assert earlier.stats()["unsynced"] == 0

    assert arrived(stack, task_id) == {task_id: ("completed", 3, "done")}


def test_a_row_that_changes_while_it_travels_is_sent_again(
    stack: TestStack, journal: WALManager, connect: Connect
) -> None:
    """Guards W6: the mark is for the version that was sent, not for the row."""
    task_id = fail(journal, new_id())

    def change_and_connect() -> Any:
        journal._writer.run(
            lambda c: (
                c.execute(
                    "UPDATE task SET state = 'completed', version = version + 1, result = '\"late\"' WHERE task_id = ?",
                    (task_id,),
                ).rowcount
            )
        )
        return connect()

    syncer = syncing(journal, change_and_connect)
    syncer.sync()
    assert [(row.task_id, row.version) for row in journal.unsynced(10)] == [(task_id, 3)]

    syncer.sync()
    syncer.finish()
    assert arrived(stack, task_id) == {task_id: ("completed", 3, "late")}
    assert journal.stats()["unsynced"] == 0


# Refused rows


def test_a_refused_row_is_parked_with_its_reason_and_the_others_go_on(
    stack: TestStack, journal: WALManager, syncer: Syncer
) -> None:
    """Guards W12."""
    good = [complete(journal, new_id()) for _ in range(5)]
    bad = complete(journal, new_id(), NUL)
    good += [complete(journal, new_id()) for _ in range(5)]

    syncer.sync()

    assert set(arrived(stack, *good, bad)) == set(good)
    assert journal.stats()["parked"] == 1
    assert "\\u0000" in str(journal.task(bad).sync_error)
    assert syncer.sync() == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda journal: complete(journal, new_id(), NUL),
        lambda journal: complete(journal, f"nul\0{new_id()}"),
        # Too long for PostgreSQL's index, which it reports as if it were an outage.
        lambda journal: complete(journal, random.randbytes(6000).hex()),
    ],
    ids=["NUL in the result", "NUL in the id", "id too long"],
)
def test_many_refused_rows_do_not_stand_in_the_way(
    stack: TestStack, journal: WALManager, connect: Connect, spoil: Callable[[WALManager], str]
) -> None:
    """Guards W12: there, fifty of them stopped the sync for good."""
    for _ in range(8):
        spoil(journal)
    good = [complete(journal, new_id()) for _ in range(3)]
    syncer = syncing(journal, connect, batch=3)

    for _ in range(5):
        syncer.sync()
    syncer.finish()

    assert set(arrived(stack, *good)) == set(good)
    assert journal.stats()["parked"] == 8


def test_the_end_of_the_sync_is_reached_although_rows_are_refused(journal: WALManager, syncer: Syncer) -> None:
    """Guards W12: `finish` loops until nothing is left to offer."""
    for _ in range(3):
        complete(journal, new_id(), NUL)

    syncer.finish()

    assert journal.stats()["parked"] == 3


# Outages


def test_an_outage_is_raised_and_costs_nothing(stack: TestStack, journal: WALManager, connect: Connect) -> None:
    task_id = complete(journal, new_id())
    with pytest.raises(psycopg2.OperationalError):
        syncing(journal, lambda: psycopg2.connect(NOWHERE)).sync()
    assert journal.stats()["unsynced"] == 1

    syncer = syncing(journal, connect)
    syncer.sync()
    syncer.finish()
    assert set(arrived(stack, task_id)) == {task_id}


def test_a_connection_that_was_cut_is_replaced(stack: TestStack, journal: WALManager, syncer: Syncer) -> None:
    complete(journal, new_id())
    syncer.sync()
    terminate(stack, syncer)
    task_id = complete(journal, new_id())

    with pytest.raises(psycopg2.Error):
        syncer.sync()
    assert journal.stats()["parked"] == 0
    assert syncer.sync() == 1

    assert set(arrived(stack, task_id)) == {task_id}


def test_a_statement_that_was_cut_short_is_sent_again(stack: TestStack, journal: WALManager, connect: Connect) -> None:
    """PostgreSQL goes away in the middle of a batch."""
    task_id = complete(journal, new_id(), "done")
    syncer = syncing(journal, connect)
    holder = connect()
    caught: list[BaseException] = []

    def sync() -> None:
        try:
            syncer.sync()
        except psycopg2.Error as error:
            caught.append(error)

    with holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE tasks.task_results IN EXCLUSIVE MODE")
        thread = threading.Thread(target=sync)
        thread.start()
        waiting = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = %s",
            holder.info.dsn_parameters["application_name"],
        )
        while not stack.sql(*waiting):
            time.sleep(0.02)
        terminate(stack, syncer)
        thread.join()
        holder.rollback()
    holder.close()

    assert len(caught) == 1
    assert arrived(stack, task_id) == {}
    assert syncer.sync() == 1
    syncer.finish()
    assert arrived(stack, task_id) == {task_id: ("completed", 3, "done")}


def test_the_pauses_grow_while_postgresql_is_away_and_shrink_when_it_is_back(
    stack: TestStack, journal: WALManager, connect: Connect
) -> None:
    ids = [complete(journal, new_id()) for _ in range(7)]
    pauses: list[float] = []

    def away_at_first() -> Any:
        return connect() if len(pauses) >= 10 else psycopg2.connect(NOWHERE)

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            raise Enough

    syncer = syncing(journal, away_at_first, batch=3)
    with pytest.raises(Enough):
        syncer.run(sleep)
    syncer.finish()

    assert pauses[:3] == [0.2, 0.4, 0.8]
    assert pauses[9] == MAX_PAUSE_S
    assert pauses[10:] == [0.1, 0.1]
    assert set(arrived(stack, *ids)) == set(ids)


def test_a_disk_that_refuses_the_marks_does_not_end_the_sync(
    stack: TestStack, journal: WALManager, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has the rows, the journal cannot note it: they go again."""
    task_id = complete(journal, new_id())
    pauses: list[float] = []
    syncer = syncing(journal, connect)

    def refused(*_: Any) -> None:
        raise JournalUnavailable("disk full")

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            monkeypatch.undo()
        if len(pauses) == 3:
            raise Enough

    for name in ("mark_synced", "measure"):
        monkeypatch.setattr(journal, name, refused)
    with pytest.raises(Enough):
        syncer.run(sleep)
    syncer.finish()

    assert pauses == [0.2, 0.4, 0.1]
    assert set(arrived(stack, task_id)) == {task_id}
    assert journal.stats()["unsynced"] == 0


def test_the_backlog_is_sent_without_pauses(stack: TestStack, journal: WALManager, connect: Connect) -> None:
    ids = [complete(journal, new_id()) for _ in range(10)]

    def enough(_: float) -> None:
        raise Enough

    syncer = syncing(journal, connect, batch=3)
    with pytest.raises(Enough):
        syncer.run(enough)
    syncer.finish()

    assert set(arrived(stack, *ids)) == set(ids)


def test_synced_rows_are_pruned_in_passing(journal: WALManager, connect: Connect) -> None:
    """Guards W11."""
    complete(journal, new_id())
    journal.log_task_start("pending", "probe", b"")

    def enough(_: float) -> None:
        raise Enough

    syncer = syncing(journal, connect, retain_s=0)
    with pytest.raises(Enough):
        syncer.run(enough)
    syncer.finish()

    assert (journal.stats()["completed"], journal.stats()["pending"]) == (0, 1)


def test_the_end_brings_the_rest_over(stack: TestStack, journal: WALManager, connect: Connect) -> None:
    """Guards W18."""
    ids = [complete(journal, new_id()) for _ in range(10)]

    syncing(journal, connect, batch=3).finish()

    assert set(arrived(stack, *ids)) == set(ids)


def test_the_end_does_not_wait_for_a_postgresql_that_is_away(journal: WALManager) -> None:
    """Guards W18."""
    complete(journal, new_id())

    syncing(journal, lambda: psycopg2.connect(NOWHERE)).finish()

    assert journal.stats()["unsynced"] == 1


def test_a_postgresql_that_is_silent_is_given_up(path: Path) -> None:
    """Under eventlet psycopg2's own time-outs do not count."""
    source = """
        import eventlet

        eventlet.monkey_patch()

        import socket, sys, time
        import psycopg2
        from wal import WALManager
        from wal.amqp import shared
        from wal.green import GreenRuntime
        from wal.sync import Syncer

        shared.ANSWER_S = 0.5
        silent = socket.create_server(("127.0.0.1", 0))
        url = f"postgresql://eco2@127.0.0.1:{silent.getsockname()[1]}/eco2"
        journal = WALManager(sys.argv[1], worker="probe", runtime=GreenRuntime())
        journal.log_task_start("t1", "probe", b"")
        journal.log_task_failure("t1", "broken")
        connect = lambda: psycopg2.connect(url, connect_timeout=3)
        limit = shared._answer_in_time
        syncer = Syncer(journal, connect, interval_s=1, batch=10, retain_s=1, limit=limit)
        began = time.monotonic()
        try:
            syncer.sync()
        except psycopg2.OperationalError as error:
            print(error, time.monotonic() - began < 3)
        syncer.finish()
        journal.close()
    """

    assert programs.run(source, path) == "PostgreSQL did not answer within 0.5 s True\n"


def test_the_end_does_not_wait_for_a_disk_that_takes_no_marks(
    journal: WALManager, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL has the rows, and each is offered once; the next process marks them."""
    for _ in range(5):
        complete(journal, new_id())
    sent: list[int] = []
    monkeypatch.setattr(journal, "mark_synced", lambda rows: sent.append(len(list(rows))))

    syncing(journal, connect, batch=2).finish()

    assert sent == [2, 2, 1]
    assert journal.stats()["unsynced"] == 5


# Side by side


def test_two_journals_with_the_same_ids_do_not_deadlock(stack: TestStack, path: Path, connect: Connect) -> None:
    ids = [new_id() for _ in range(200)]
    errors: list[BaseException] = []

    def bring_over(syncer: Syncer) -> None:
        try:
            while syncer.sync():
                pass
        except psycopg2.Error as error:
            errors.append(error)
        syncer.finish()

    with other_journal(path, "one") as one, other_journal(path, "two") as two, other_journal(path, "three") as three:
        for journal, finish in ((one, complete), (two, fail), (three, complete)):
            for task_id in random.sample(ids, len(ids)):
                finish(journal, task_id)
        syncers = [syncing(journal, connect, batch=40) for journal in (one, two, three)]
        threads = [threading.Thread(target=bring_over, args=[syncer]) for syncer in syncers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert errors == []
    assert {state for state, _, _ in arrived(stack, *ids).values()} == {State.COMPLETED.value}
    assert len(arrived(stack, *ids)) == 200

"""A new process on the journal of one that died: what it finds, in which order, and what it gives up."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.wal import programs
from wal import State, WALManager
from wal.journal import MAX_CRASHES

# Leaves one task in each state, and dies as it stands.
DIES = """
    import os, signal, sys
    from wal import WALManager

    journal = WALManager(sys.argv[1], worker="probe-1")
    for task_id in ("pending", "processing", "retried", "completed", "failed", "running"):
        journal.log_task_start(task_id, "probe", task_id.encode(), headers={"call": task_id})
    for task_id in ("processing", "retried", "completed", "failed", "running"):
        journal.log_task_processing(task_id)
    journal.checkpoint("running", "vision", {"item": "can"})
    journal.log_task_retry("retried", OSError("away"))
    journal.log_task_complete("completed", {"item": "can"})
    journal.log_task_failure("failed", "broken")
    os.kill(os.getpid(), signal.SIGKILL)
"""

# Recovers, claims what is pending, and dies with it.
DIES_AT_WORK = """
    import os, signal, sys
    from wal import WALManager

    journal = WALManager(sys.argv[1], worker="probe-1")
    for task_id in journal.recover_pending_tasks():
        journal.log_task_processing(task_id)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@contextmanager
def reopened(path: Path) -> Iterator[WALManager]:
    journal = WALManager(path, worker="probe-2")
    try:
        yield journal
    finally:
        journal.close()


def die(source: str, path: Path) -> None:
    program = programs.start(source, path)
    assert program.wait(60) == -9, program.communicate()


@pytest.fixture
def after(path: Path) -> Iterator[WALManager]:
    """The journal of a process that died, opened again."""
    die(DIES, path)
    with reopened(path) as journal:
        yield journal


def test_the_unfinished_are_found_oldest_first(after: WALManager) -> None:
    """Guards W7."""
    assert after.recover_pending_tasks() == ["pending", "processing", "retried", "running"]


def test_what_was_running_is_pending_again_and_has_crashed_once(after: WALManager) -> None:
    """Guards W5, W7."""
    before = after.task("processing")
    assert before.state is State.PROCESSING

    after.recover_pending_tasks()

    task = after.task("processing")
    assert (task.state, task.crashes, task.attempt, task.version) == (State.PENDING, 1, 1, before.version + 1)


@pytest.mark.parametrize("task_id", ["pending", "retried"])
def test_what_only_waited_has_not_crashed(after: WALManager, task_id: str) -> None:
    before = after.task(task_id)

    after.recover_pending_tasks()

    assert after.task(task_id) == before
    assert before.crashes == 0


@pytest.mark.parametrize("task_id", ["completed", "failed"])
def test_what_was_finished_is_not_touched(after: WALManager, task_id: str) -> None:
    before = after.task(task_id)

    assert task_id not in after.recover_pending_tasks()

    assert after.task(task_id) == before


def test_a_recovered_task_has_all_that_it_takes_to_run_it(after: WALManager) -> None:
    """Guards W7: recovery can run the task, not only count it; the broker's copy is not needed."""
    for task_id in after.recover_pending_tasks():
        work = after.work(task_id)
        assert (work.task_type, work.payload, work.headers) == ("probe", task_id.encode(), {"call": task_id})
        after.log_task_processing(task_id)
        after.log_task_complete(task_id, None)

    assert after.stats()["completed"] == 5
    assert after.task("running").worker == "probe-2"


def test_a_recovered_task_has_its_finished_stages(after: WALManager) -> None:
    after.recover_pending_tasks()

    assert after.checkpoints("running") == {"vision": {"item": "can"}}


def test_recovering_again_finds_the_same(after: WALManager) -> None:
    first = after.recover_pending_tasks()

    assert after.recover_pending_tasks() == first
    assert after.task("processing").crashes == 1


def test_an_empty_journal_has_nothing_to_recover(journal: WALManager) -> None:
    assert journal.recover_pending_tasks() == []


def test_nothing_is_unfinished_after_a_clean_end(path: Path) -> None:
    with reopened(path) as journal:
        journal.log_task_start("t1", "probe", b"")
        journal.log_task_processing("t1")
        journal.log_task_complete("t1", None)

    with reopened(path) as journal:
        assert journal.recover_pending_tasks() == []


def test_a_task_that_kills_its_worker_each_time_is_failed(path: Path) -> None:
    """Guards W12: one bad task does not keep a worker dying for ever."""
    with reopened(path) as journal:
        journal.log_task_start("killer", "probe", b"payload")
    for _ in range(MAX_CRASHES):
        die(DIES_AT_WORK, path)

    with reopened(path) as journal:
        assert journal.recover_pending_tasks() == []
        task = journal.task("killer")
        assert (task.state, task.error_class, task.crashes) == (State.FAILED, "CrashLoop", MAX_CRASHES)
        assert "died 3 times" in str(task.error)
        assert journal.work("killer").payload == b"payload"


def test_a_task_is_tried_again_after_fewer_crashes(path: Path) -> None:
    with reopened(path) as journal:
        journal.log_task_start("unlucky", "probe", b"")
    for _ in range(MAX_CRASHES - 1):
        die(DIES_AT_WORK, path)

    with reopened(path) as journal:
        assert journal.recover_pending_tasks() == ["unlucky"]
        assert journal.log_task_processing("unlucky") == MAX_CRASHES
        journal.log_task_complete("unlucky", None)


def test_what_was_finished_but_not_told_is_found(after: WALManager) -> None:
    assert after.unannounced() == ["completed", "failed"]


def test_what_was_told_is_not_told_again(path: Path) -> None:
    with reopened(path) as journal:
        journal.log_task_start("t1", "probe", b"")
        journal.log_task_failure("t1", "broken")
        journal.mark_announced("t1", journal.task("t1").version)

    with reopened(path) as journal:
        assert journal.unannounced() == []
        assert journal.task("t1").announced


def test_a_crash_loop_is_there_to_be_told(path: Path) -> None:
    with reopened(path) as journal:
        journal.log_task_start("killer", "probe", b"")
    for _ in range(MAX_CRASHES):
        die(DIES_AT_WORK, path)

    with reopened(path) as journal:
        journal.recover_pending_tasks()
        assert journal.unannounced() == ["killer"]


def test_a_file_of_the_first_version_is_taken_over(path: Path) -> None:
    """Its finished tasks were told as they finished; only what finishes from now on is there to be told."""
    with reopened(path) as journal:
        for task_id in ("finished", "pending"):
            journal.log_task_start(task_id, "probe", b"payload")
        journal.log_task_failure("finished", "broken")
    file = sqlite3.connect(path)
    file.executescript(
        """
        DROP INDEX task_open;
        ALTER TABLE task DROP COLUMN announced_version;
        CREATE INDEX task_unsynced ON task (finished_at)
          WHERE state IN ('completed','failed') AND version > synced_version AND sync_error IS NULL;
        ALTER TABLE payload RENAME TO later;
        CREATE TABLE payload (task_id TEXT NOT NULL PRIMARY KEY, body BLOB NOT NULL, content_type TEXT NOT NULL,
          headers TEXT NOT NULL);
        INSERT INTO payload SELECT * FROM later;
        DROP TABLE later;
        PRAGMA auto_vacuum=NONE;
        PRAGMA journal_mode=DELETE;
        PRAGMA user_version=1;
        VACUUM;
        """
    )
    file.close()

    with reopened(path) as journal:
        assert journal.recover_pending_tasks() == ["pending"]
        assert journal.unannounced() == []
        assert journal.work("pending").payload == b"payload"
        journal.log_task_failure("pending", "cancelled")
        assert journal.unannounced() == ["pending"]
        assert [row.task_id for row in journal.unsynced(10)] == ["finished", "pending"]
    upgraded, fresh = (schema(file) for file in (path, path.with_name("fresh.db")))
    assert upgraded == fresh


def schema(path: Path) -> set[tuple[str, ...]]:
    """What SQLite knows of the columns and indexes, and whether space is given back."""
    with reopened(path):
        file = sqlite3.connect(path)
        found = {("auto_vacuum", *map(str, file.execute("PRAGMA auto_vacuum").fetchone()))}
        for table in ("task", "payload", "checkpoint"):
            found |= {(table, *map(str, row[1:])) for row in file.execute(f"PRAGMA table_xinfo({table})")}
            found |= {(table, *map(str, row[1:])) for row in file.execute(f"PRAGMA index_list({table})")}
        file.close()
    return found

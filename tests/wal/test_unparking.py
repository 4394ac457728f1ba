"""The way back for a row that PostgreSQL refused: once the cause is mended it arrives, once; nothing of it is lost."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from uuid6 import uuid7

from tests.stack import TestStack
from tests.wal import programs
from tests.wal.test_sync import Connect, arrived, syncing
from wal import WALManager
from wal.cli import main
from wal.sync import Syncer

Unpark = Callable[..., tuple[int, Any]]
"""Runs `unpark` on the journals of the test's folder: its exit code, and its answer or what it complains of."""


@pytest.fixture
def connect(stack: TestStack) -> Connect:
    url = stack.settings["ECO2_DATABASE_URL"]
    return lambda: psycopg2.connect(url, connect_timeout=3)


@pytest.fixture
def kind() -> str:
    """A task type of the test's own, for PostgreSQL to refuse."""
    return f"unpark.{uuid7().hex}"


@pytest.fixture
def unpark(path: Path, capsys: pytest.CaptureFixture[str]) -> Unpark:
    def run(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = main(["--json", "--directory", str(path.parent), "unpark", *words])
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if shown.out else shown.err

    return run


@contextmanager
def refusing(stack: TestStack, kind: str) -> Iterator[str]:
    """For as long PostgreSQL refuses new rows of this task type; its error has the name that is given."""
    name = f"refuses_{uuid7().hex}"
    stack.sql(f"ALTER TABLE tasks.task_results ADD CONSTRAINT {name} CHECK (task_type <> '{kind}') NOT VALID")
    try:
        yield name
    finally:
        stack.sql(f"ALTER TABLE tasks.task_results DROP CONSTRAINT {name}")


def complete(journal: WALManager, kind: str, result: Any = "done") -> str:
    task_id = f"unpark-{uuid7()}"
    journal.begin(task_id, kind, b"")
    journal.log_task_complete(task_id, result)
    return task_id


def synced(journal: WALManager, connect: Connect) -> int:
    """One sync, and the end of its connection. Returns how many rows it offered."""
    syncer = syncing(journal, connect)
    offered = syncer.sync()
    syncer._connection and syncer._connection.close()
    journal.stats()  # now the file has the marks
    return offered


def parked(stack: TestStack, path: Path, connect: Connect, kind: str, *, worker: str = "probe", count: int = 1) -> str:
    """Makes a journal whose worker does not run, with rows that were refused. Returns the last of their ids."""
    with closing(WALManager(path.with_name(f"{worker}.db"), worker=worker)) as journal, refusing(stack, kind):
        ids = [complete(journal, kind) for _ in range(count)]
        synced(journal, connect)
        assert journal.stats()["parked"] == count
    return ids[-1]


# Arriving


def test_a_refused_row_arrives_once_its_cause_is_mended_and_it_is_unparked(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    task_id = parked(stack, path, connect, kind)
    with closing(WALManager(path, worker="probe")) as journal:
        assert synced(journal, connect) == 0  # that the cause is mended is not enough
        before = journal.task(task_id)

    code, (row,) = unpark(task_id)

    assert (code, row["worker"], row["task_id"], row["sent"]) == (0, "probe", task_id, "when its worker starts")
    assert row["error"] == before.sync_error
    with closing(WALManager(path, worker="probe")) as journal:
        assert (synced(journal, connect), synced(journal, connect)) == (1, 0)
        assert (journal.stats()["unsynced"], journal.stats()["parked"]) == (0, 0)
        assert journal.task(task_id).version == before.version
        assert journal.prune(older_than_s=0) == 1
    assert arrived(stack, task_id) == {task_id: ("completed", before.version, "done")}


def test_a_row_that_is_refused_again_is_parked_again_with_the_newer_error_and_the_others_go_on(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    task_id = parked(stack, path, connect, kind)
    with closing(WALManager(path, worker="probe")) as journal:
        older = journal.task(task_id).sync_error
        good = complete(journal, f"{kind}.good")
    assert unpark(task_id)[0] == 0

    with closing(WALManager(path, worker="probe")) as journal, refusing(stack, kind) as name:
        synced(journal, connect)

        assert name in str(journal.task(task_id).sync_error)
        assert name not in str(older)
        assert journal.stats()["parked"] == 1
        assert synced(journal, connect) == 0
    assert set(arrived(stack, task_id, good)) == {good}

    assert unpark(task_id)[0] == 0
    with closing(WALManager(path, worker="probe")) as journal:
        assert synced(journal, connect) == 1
    assert set(arrived(stack, task_id)) == {task_id}


def test_all_are_unparked_or_those_of_one_worker(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    parked(stack, path, connect, kind, worker="ai", count=3)
    stored = parked(stack, path, connect, kind, worker="storage")

    code, rows = unpark("--all", "--worker", "storage")
    assert (code, [(row["worker"], row["task_id"]) for row in rows]) == (0, [("storage", stored)])

    code, rows = unpark("--all")
    assert (code, [row["worker"] for row in rows]) == (0, ["ai"] * 3)
    assert len({row["task_id"] for row in rows}) == 3
    assert all("violates check constraint" in row["error"] for row in rows)

    assert unpark("--all") == (0, [])


def test_more_rows_than_one_question_holds_are_all_unparked(path: Path, unpark: Unpark) -> None:
    def many(connection: Any) -> None:
        connection.executemany(
            "INSERT INTO task (task_id, task_type, state, attempt, crashes, version, worker, created_at, finished_at,"
            " synced_version, sync_error) VALUES (?, 't', 'completed', 1, 0, 3, 'w', 0, 0, 0, 'refused')",
            [(f"task-{number:05}",) for number in range(5_300)],
        )

    with closing(WALManager(path, worker="probe")) as journal:
        journal._writer.run(many)

    code, rows = unpark("--all")

    assert (code, len({row["task_id"] for row in rows})) == (0, 5_300)
    with closing(WALManager(path, worker="probe")) as journal:
        assert (journal.stats()["parked"], journal.stats()["unsynced"]) == (0, 5_300)


# What is refused


def test_what_is_not_parked_is_refused_and_stays_as_it_is(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    with closing(WALManager(path, worker="probe")) as journal:
        there = complete(journal, kind)
        synced(journal, connect)
        journal.log_task_start("waits", kind, b"")
        before = [journal.task(task_id) for task_id in (there, "waits")]

    assert unpark(there) == (1, f"{there}: it is completed and its row is not parked\n")
    assert unpark("waits") == (1, "waits: it is pending and its row is not parked\n")

    with closing(WALManager(path, worker="probe")) as journal:
        assert [journal.task(task_id) for task_id in (there, "waits")] == before
        assert synced(journal, connect) == 0


def test_what_nobody_knows_is_named(stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark) -> None:
    task_id = parked(stack, path, connect, kind)

    assert unpark("nobody") == (2, "no journal knows the task nobody\n")
    assert unpark(task_id, "--worker", "nobody") == (2, "there is no journal of a worker nobody\n")


@pytest.mark.parametrize("words", [[], ["task", "--all"]], ids=["neither", "both"])
def test_it_is_one_task_or_all(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["unpark", *words])

    assert refused.value.code == 2
    assert "--all" in capsys.readouterr().err


def test_a_worker_that_does_not_answer_keeps_no_other_from_it(
    stack: TestStack, path: Path, connect: Connect, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """This process holds the journal of ai, and answers nobody."""
    silent = parked(stack, path, connect, kind, worker="ai")
    stored = parked(stack, path, connect, kind, worker="storage")
    monkeypatch.setenv("ECO2_AMQP_URL", "amqp://nobody:nothing@127.0.0.1:1//")

    with closing(WALManager(path.with_name("ai.db"), worker="ai")) as held:
        assert main(["--json", "--directory", str(path.parent), "unpark", "--all"]) == 4

        shown = capsys.readouterr()
        assert [row["task_id"] for row in json.loads(shown.out)] == [stored]
        assert "ai: the worker ai holds its journal but does not answer" in shown.err
        assert held.task(silent).sync_error is not None


# Crashes


def test_a_crash_between_the_command_and_the_sync_loses_nothing(
    stack: TestStack, path: Path, connect: Connect, kind: str
) -> None:
    task_id = parked(stack, path, connect, kind)
    source = """
        import os, signal, sys
        from wal import WALManager

        print(WALManager(sys.argv[1], worker="probe").unpark([sys.argv[2]]), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    program = programs.start(source, path, task_id)
    out, err = program.communicate(timeout=60)
    assert (program.returncode, out) == (-signal.SIGKILL, f"{[task_id]}\n"), err

    with closing(WALManager(path, worker="probe")) as journal:
        assert journal.task(task_id).sync_error is None
        assert synced(journal, connect) == 1
    assert set(arrived(stack, task_id)) == {task_id}


def test_a_crash_between_postgresql_and_the_mark_sends_it_again_and_changes_nothing(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    task_id = parked(stack, path, connect, kind)
    unpark(task_id)
    source = """
        import os, signal, sys
        import psycopg2
        from wal import WALManager
        from wal.sync import Syncer

        class Dies(WALManager):
            def mark_synced(self, rows):
                os.kill(os.getpid(), signal.SIGKILL)

        journal = Dies(sys.argv[1], worker="probe")
        connect = lambda: psycopg2.connect(os.environ["DATABASE"], connect_timeout=3)
        Syncer(journal, connect, interval_s=1, batch=10, retain_s=3600).sync()
    """
    program = programs.start(source, path, env={**os.environ, "DATABASE": stack.settings["ECO2_DATABASE_URL"]})
    _, err = program.communicate(timeout=60)
    assert program.returncode == -signal.SIGKILL, err
    written = ("SELECT xmin::text, synced_at FROM tasks.task_results WHERE task_id = %s", task_id)
    before = stack.sql(*written)
    assert len(before) == 1

    with closing(WALManager(path, worker="probe")) as journal:
        assert (synced(journal, connect), synced(journal, connect)) == (1, 0)
        assert (journal.stats()["unsynced"], journal.stats()["parked"]) == (0, 0)
    assert stack.sql(*written) == before


def test_an_outage_after_the_command_parks_nothing(
    stack: TestStack, path: Path, connect: Connect, kind: str, unpark: Unpark
) -> None:
    task_id = parked(stack, path, connect, kind)
    unpark(task_id)

    def nowhere() -> Any:
        return psycopg2.connect("postgresql://eco2@127.0.0.1:1/eco2")

    with closing(WALManager(path, worker="probe")) as journal:
        with pytest.raises(psycopg2.OperationalError):
            Syncer(journal, nowhere, interval_s=1, batch=10, retain_s=3600).sync()
        assert (journal.stats()["unsynced"], journal.stats()["parked"]) == (1, 0)

        assert synced(journal, connect) == 1
    assert set(arrived(stack, task_id)) == {task_id}


# Looking


def test_what_postgresql_said_is_shown_as_it_said_it(
    stack: TestStack, path: Path, connect: Connect, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Square brackets are markup to what draws the tables, and this would be an error in it."""
    task_id = parked(stack, path, connect, kind)
    at = ["--directory", str(path.parent)]
    with closing(WALManager(path, worker="probe")) as journal:
        said = f"{journal.task(task_id).sync_error} [/bracket]"
        journal.park(task_id, journal.task(task_id).version, said)

    assert main([*at, "show", task_id]) == 0
    shown = capsys.readouterr().out
    assert main([*at, "unpark", task_id]) == 0
    unparked = capsys.readouterr().out

    assert "sync_error" in shown
    assert said in shown
    assert "violates check constraint" in shown
    assert "[/bracket]" in unparked
    assert task_id in unparked

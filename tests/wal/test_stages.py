"""Stages: what a task has finished is read back, not done again."""

from collections.abc import Callable
from typing import Any

import pytest

from wal import TransientError, WALManager
from wal.amqp import RunningTask


def running(journal: WALManager) -> RunningTask:
    """The next attempt of the task, begun."""
    task = RunningTask(journal.work("t1"), journal, lambda work, event, data: None)
    task.begin()
    return task


def counted(done: list[str], name: str) -> Callable[[], dict[str, Any]]:
    def work() -> dict[str, Any]:
        done.append(name)
        return {"단계": name}

    return work


@pytest.fixture
def done(journal: WALManager) -> list[str]:
    """What the stages of a new task have really done."""
    journal.log_task_start("t1", "probe", b"photo")
    return []


def test_a_stage_is_done_once_an_attempt(journal: WALManager, done: list[str]) -> None:
    task = running(journal)

    results = [task.stage("vision", counted(done, "vision")) for _ in range(2)]

    assert results == [{"단계": "vision"}] * 2
    assert done == ["vision"]


def test_a_finished_stage_is_read_back_by_the_next_attempt(journal: WALManager, done: list[str]) -> None:
    running(journal).stage("vision", counted(done, "vision"))
    journal.log_task_retry("t1", TransientError("away"))

    task = running(journal)

    assert task.stage("vision", counted(done, "vision")) == {"단계": "vision"}
    task.stage("rules", counted(done, "rules"))
    assert done == ["vision", "rules"]


def test_a_finished_stage_is_read_back_after_a_crash(journal: WALManager, done: list[str]) -> None:
    running(journal).stage("vision", counted(done, "vision"))
    journal.recover_pending_tasks()

    running(journal).stage("vision", counted(done, "vision"))

    assert done == ["vision"]


def test_a_finished_stage_is_read_back_after_an_operators_retry(journal: WALManager, done: list[str]) -> None:
    """Attempts are counted anew then, but what was paid for is not paid for again."""
    running(journal).stage("vision", counted(done, "vision"))
    journal.log_task_failure("t1", "broken")
    journal.reopen("t1")

    task = running(journal)

    assert task.attempt == 1
    task.stage("vision", counted(done, "vision"))
    assert done == ["vision"]


def test_a_stage_that_fails_is_done_again(journal: WALManager, done: list[str]) -> None:
    def fails() -> None:
        done.append("vision")
        raise TransientError("away")

    with pytest.raises(TransientError):
        running(journal).stage("vision", fails)
    journal.log_task_retry("t1", TransientError("away"))

    assert running(journal).stage("vision", counted(done, "vision")) == {"단계": "vision"}
    assert done == ["vision", "vision"]


def test_a_stage_may_have_nothing_to_say(journal: WALManager, done: list[str]) -> None:
    def works() -> None:
        done.append("vision")

    running(journal).stage("vision", works)
    journal.log_task_retry("t1", TransientError("away"))

    assert running(journal).stage("vision", works) is None
    assert done == ["vision"]


def test_a_stage_whose_result_is_no_json_is_not_taken_for_done(journal: WALManager, done: list[str]) -> None:
    task = running(journal)

    for _ in range(2):
        with pytest.raises(TypeError):
            task.stage("vision", lambda: done.append("vision") or {1, 2})

    assert done == ["vision", "vision"]

"""A worker on the real RabbitMQ: each message it is given becomes one outcome, whatever happens meanwhile."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import amqp
import pytest
from kombu import Queue
from uuid6 import uuid7

from tests.stack import TestStack, eventually
from tests.wal.probe import MAX_ATTEMPTS, ProbeWorker


@pytest.fixture(scope="module")
def probe(stack: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeWorker]:
    """A worker that runs through all tests that leave it running."""
    worker = ProbeWorker(stack, tmp_path_factory.mktemp("probe"))
    worker.start()
    yield worker
    worker.clear()


@pytest.fixture
def mortal(stack: TestStack, tmp_path: Path) -> Iterator[ProbeWorker]:
    """A worker of the test's own, not started yet."""
    worker = ProbeWorker(stack, tmp_path)
    yield worker
    worker.clear()


# One outcome


def test_a_task_is_completed_and_its_result_told(probe: ProbeWorker) -> None:
    """Guards W1: under the real command the journal has the row."""
    task_id = probe.put("succeed", {"품목": "종이컵"})

    result = {"echo": {"품목": "종이컵"}}
    assert probe.outcome(task_id) == ("succeed.completed", {"task_id": task_id, "attempt": 1, "result": result})
    assert probe.row(task_id) == ("completed", 1, 0)
    assert len(probe.effects(task_id)) == 1


def test_its_row_comes_to_postgresql(stack: TestStack, probe: ProbeWorker) -> None:
    """Guards W4."""
    task_id = probe.put("succeed", 1)

    rows = eventually(
        lambda: stack.sql("SELECT state, result, worker FROM tasks.task_results WHERE task_id = %s", task_id)
    )
    assert rows == [("completed", {"echo": 1}, probe.name)]


def test_a_task_that_is_put_again_is_not_run_again_but_told_again(probe: ProbeWorker) -> None:
    """Guards W8."""
    task_id = probe.put("succeed", "first")
    first = probe.outcome(task_id)

    probe.put("succeed", "second", task_id=task_id)

    eventually(lambda: len(probe.told(task_id)) == 2)
    assert probe.told(task_id) == [first, first]
    assert len(probe.effects(task_id)) == 1


def test_a_task_that_is_put_again_while_it_runs_joins_it(mortal: ProbeWorker) -> None:
    """Guards W8: one run, one outcome, and both messages are settled."""
    mortal.start()
    task_id = mortal.put("sleep", 2)
    eventually(lambda: mortal.effects(task_id))

    mortal.put("sleep", 2, task_id=task_id)

    mortal.outcome(task_id)
    mortal.terminate()
    assert mortal.wait() == 0
    assert len(mortal.effects(task_id)) == 1
    assert [event for event, _ in mortal.told(task_id)] == ["sleep.completed"]
    assert mortal.waiting() == 0


def test_many_tasks_at_once_are_completed_once_each(probe: ProbeWorker) -> None:
    ids = [probe.put("succeed", number) for number in range(200)]

    for task_id in ids:
        probe.outcome(task_id)
    assert all(len(probe.effects(task_id)) == 1 for task_id in ids)
    assert all(probe.row(task_id) == ("completed", 1, 0) for task_id in ids)


@pytest.mark.parametrize("content_type", ["image/png", "application/json", "application/x-python-serialize"])
def test_a_payload_arrives_as_it_was_sent(probe: ProbeWorker, content_type: str) -> None:
    """Also one that is not what it says: kombu would acknowledge and drop it."""
    body = b"\x80\x04\xff\0 not decodable"

    task_id = probe.put("raw", body, content_type=content_type)

    assert probe.outcome(task_id)[1]["result"] == [body.hex(), content_type]


def test_a_message_that_no_journal_can_keep_is_buried_and_the_worker_goes_on(probe: ProbeWorker) -> None:
    """A header that is no JSON: it would end one worker after the other."""
    task_id = str(uuid7())
    probe.channel.basic_publish(
        amqp.Message(
            b"1", message_id=task_id, type=f"{probe.name}.succeed", application_headers={"at": datetime.now()}
        ),
        exchange="tasks",
        routing_key=f"{probe.name}.succeed",
    )

    assert probe.buried(task_id).headers["reason"].startswith("cannot be journalled: TypeError")
    assert probe.row(task_id) is None
    assert probe.outcome(probe.put("succeed", 1))[0] == "succeed.completed"


# Failing


def test_a_failing_task_comes_back_through_a_delay_queue(probe: ProbeWorker) -> None:
    """Guards W6."""
    task_id = probe.put("flaky")

    eventually(lambda: probe.waiting(".delay.1s"), every_s=0.02)
    assert probe.row(task_id, "state, attempt, error_class") == ("pending", 1, "TransientError")
    event, data = probe.outcome(task_id)
    assert (event, data["attempt"]) == ("flaky.completed", 2)
    assert probe.row(task_id, "state, attempt, error") == ("completed", 2, None)


def test_a_permanent_error_is_not_tried_again(probe: ProbeWorker) -> None:
    task_id = probe.put("hopeless", "input")

    event, data = probe.outcome(task_id)
    assert event == "hopeless.failed"
    assert data == {
        "task_id": task_id, "attempt": 1, "result": None, "error_class": "PermanentError", "error": "그림이 아닙니다",
    }  # fmt: skip
    dead = probe.buried(task_id)
    assert dead.headers["reason"] == "PermanentError: 그림이 아닙니다"
    assert (dead.properties["type"], dead.body) == (f"{probe.name}.hopeless", '"input"')


def test_attempts_are_used_up(probe: ProbeWorker) -> None:
    task_id = probe.put("broken")

    event, data = probe.outcome(task_id)
    assert (event, data["attempt"], data["error"]) == ("broken.failed", MAX_ATTEMPTS, f"attempt {MAX_ATTEMPTS}")
    assert probe.buried(task_id).headers["reason"] == f"ValueError: attempt {MAX_ATTEMPTS}"
    assert probe.row(task_id) == ("failed", MAX_ATTEMPTS, 0)


def test_a_task_that_takes_too_long_is_tried_again(probe: ProbeWorker) -> None:
    task_id = probe.put("hangs_once")

    eventually(lambda: probe.row(task_id) == ("pending", 1, 0), every_s=0.02)
    assert probe.row(task_id, "error_class, error") == ("TaskTimeout", "ran longer than 0.3 s")
    assert probe.outcome(task_id)[1]["attempt"] == 2


def test_a_result_that_is_no_json_fails_its_task_at_once(probe: ProbeWorker) -> None:
    task_id = probe.put("unfit")

    event, data = probe.outcome(task_id)
    assert (event, data["attempt"], data["error_class"]) == ("unfit.failed", 1, "PermanentError")
    assert probe.put("succeed", None)


def test_a_failed_task_that_is_put_again_is_told_again_but_buried_once(mortal: ProbeWorker) -> None:
    mortal.start()
    task_id = mortal.put("hopeless")
    mortal.outcome(task_id)

    mortal.put("hopeless", task_id=task_id)

    eventually(lambda: len(mortal.told(task_id)) == 2)
    assert mortal.waiting(".dead") == 1


# Refused


def test_an_unknown_type_goes_to_the_dead_letters(probe: ProbeWorker) -> None:
    """Guards W2: never acknowledged and dropped."""
    task_id = probe.put("unheard_of", "input")

    dead = probe.buried(task_id)
    assert dead.headers["reason"] == "unknown task type"
    assert (dead.properties["type"], dead.body) == (f"{probe.name}.unheard_of", '"input"')
    assert probe.row(task_id) is None


def test_a_message_without_an_id_goes_to_the_dead_letters(probe: ProbeWorker) -> None:
    probe.put("succeed", "input", task_id="")

    dead = probe.buried(None)
    assert (dead.headers["reason"], dead.body) == ("no task id", '"input"')


def test_a_task_of_nobody_is_kept_as_unroutable(probe: ProbeWorker) -> None:
    """Guards W2."""
    name, probe.name = probe.name, "nobody"
    try:
        task_id = probe.put("work", "input")
    finally:
        probe.name = name

    kept: list[Any] = []
    unroutable = Queue("tasks.unroutable", channel=probe.channel)
    while message := unroutable.get():
        kept.append(message)
    ours = [message for message in kept if message.properties["message_id"] == task_id]
    for message in kept:
        message.ack() if message in ours else message.requeue()
    assert len(ours) == 1


def test_two_workers_do_not_take_each_others_tasks(probe: ProbeWorker, mortal: ProbeWorker) -> None:
    """Guards W2: there, 18 of 20 were discarded by the other worker. Guards W13: each has its own journal."""
    mortal.start()
    ids = [(worker, worker.put("succeed", number)) for number in range(20) for worker in (probe, mortal)]

    for worker, task_id in ids:
        assert worker.outcome(task_id)[0] == "succeed.completed"
        other = mortal if worker is probe else probe
        assert other.row(task_id) is None


def test_a_worker_that_nobody_listens_to_gets_its_tasks_done(stack: TestStack, tmp_path: Path) -> None:
    """On a new RabbitMQ nobody may have declared the exchange of its events."""
    worker = ProbeWorker(stack, tmp_path, heard=False)
    try:
        worker.start()
        ids = [worker.put("succeed", number) for number in range(3)]
        eventually(lambda: [worker.row(task_id) for task_id in ids] == [("completed", 1, 0)] * 3)
        worker.terminate()
        assert worker.wait() == 0
        assert worker.waiting() == 0
    finally:
        worker.clear()


# Dying


def test_a_finished_stage_is_not_run_again_after_a_crash(mortal: ProbeWorker) -> None:
    """Guards W7."""
    mortal.start()
    task_id = mortal.put("dies_once")
    assert mortal.wait() == -9

    mortal.start()

    event, data = mortal.outcome(task_id)
    assert (event, data["attempt"]) == ("dies_once.completed", 2)
    assert mortal.effects(task_id) == [f"one {task_id}", f"two {task_id}"]
    assert mortal.row(task_id) == ("completed", 2, 1)


@pytest.mark.parametrize("round_", range(2))
def test_tasks_that_were_running_at_a_sigkill_are_completed_once_each(mortal: ProbeWorker, round_: int) -> None:
    """Guards W7. The journal's recovery and RabbitMQ's redelivery meet: each task is run by one of them."""
    mortal.start()
    ids = [mortal.put("staged") for _ in range(15)]
    eventually(lambda: all(mortal.finished_stages(task_id) for task_id in ids))
    mortal.kill()
    (mortal.folder / "go").touch()

    mortal.start()

    assert {mortal.outcome(task_id)[0] for task_id in ids} == {"staged.completed"}
    for task_id in ids:
        assert mortal.effects(task_id) == [f"one {task_id}", f"two {task_id}"]
        assert mortal.row(task_id) == ("completed", 2, 1), mortal.log
    mortal.terminate()
    assert mortal.wait() == 0, mortal.log
    assert mortal.waiting() == 0


def test_tasks_that_rabbitmq_has_forgotten_are_completed_from_the_journal(mortal: ProbeWorker) -> None:
    """Guards W7: there, recovery counted them and ran none."""
    mortal.start()
    ids = [mortal.put("staged") for _ in range(4)]
    eventually(lambda: all(mortal.finished_stages(task_id) for task_id in ids))
    mortal.kill()
    (mortal.folder / "go").touch()
    eventually(lambda: mortal.waiting() == 4)  # given back by the connection's end
    mortal.purge()

    mortal.start()

    assert {mortal.outcome(task_id)[0] for task_id in ids} == {"staged.completed"}


def test_a_task_that_kills_its_worker_each_time_is_told_and_buried(mortal: ProbeWorker) -> None:
    task_id = mortal.put("dies")
    for _ in range(3):
        mortal.launch()
        assert mortal.wait() == -9
    mortal.start()

    event, data = mortal.outcome(task_id)
    assert (event, data["error_class"]) == ("dies.failed", "CrashLoop")
    assert mortal.buried(task_id).headers["reason"].startswith("CrashLoop")
    assert mortal.process is not None
    assert mortal.process.poll() is None


# Ending


def test_a_worker_that_is_asked_to_end_finishes_what_it_runs(stack: TestStack, mortal: ProbeWorker) -> None:
    """Guards W18: and brings it to PostgreSQL."""
    mortal.start()
    task_id = mortal.put("sleep", 1)
    eventually(lambda: mortal.effects(task_id))

    mortal.terminate()

    assert mortal.wait() == 0
    assert mortal.row(task_id) == ("completed", 1, 0)
    assert mortal.told(task_id)[0][0] == "sleep.completed"
    assert stack.sql("SELECT state FROM tasks.task_results WHERE task_id = %s", task_id) == [("completed",)]


def test_what_comes_after_the_end_waits_for_the_next(mortal: ProbeWorker) -> None:
    mortal.start()
    mortal.terminate()
    assert mortal.wait() == 0
    task_id = mortal.put("succeed", "late")
    assert mortal.waiting() == 1

    mortal.start()

    assert mortal.outcome(task_id)[0] == "succeed.completed"

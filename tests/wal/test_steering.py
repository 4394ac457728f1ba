"""What operators tell a running worker: to interrupt a task, fail one that waits, run one again, send a row again."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Queue

from tests.stack import TestStack, eventually
from tests.wal.probe import ProbeWorker
from tests.wal.test_unparking import refusing
from wal.cli import main

SOURCE = '''
import eventlet

eventlet.monkey_patch()

import logging, os, sys
from pathlib import Path

from nameko.containers import ServiceContainer
from nameko.extensions import DependencyProvider

from wal import TransientError, WALManager
from wal.amqp import JournalControl, TaskSettings, Topology, task

NAME, FOLDER, AMQP_URL, DATABASE_URL = sys.argv[1:]


def effect(task):
    out = os.open(f"{FOLDER}/effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, f"{task.task_id}\\n".encode())
    os.close(out)


def wait_while(name, task_id):
    """Until the test takes the file away."""
    while Path(FOLDER, f"{name}.{task_id}").exists():
        eventlet.sleep(0.02)


class Held(DependencyProvider):
    """A dependency that takes its time before the method begins."""

    def worker_setup(self, context):
        if context.args and hasattr(context.args[0], "task_id"):
            wait_while("before", context.args[0].task_id)


class SlowToEnd(WALManager):
    """The disk takes its time after the method has returned."""

    def log_task_complete(self, task_id, result):
        wait_while("after", task_id)
        return super().log_task_complete(task_id, result)


class Steered(JournalControl):
    name = NAME
    held = Held()

    @task(f"{NAME}.quick")
    def quick(self, task):
        effect(task)
        return "done"

    @task(f"{NAME}.sleep")
    def sleep(self, task):
        effect(task)
        eventlet.sleep(task.payload)

    @task(f"{NAME}.once")
    def once(self, task):
        """Sleeps at its first run; the second finds the stage done."""
        ran = []
        task.stage("one", lambda: ran.append(1) or "kept")
        effect(task)
        eventlet.sleep(30 if ran else 0)
        return "went on"

    @task(f"{NAME}.fails")
    def fails(self, task):
        effect(task)
        raise TransientError("not now")

    @task(f"{NAME}.stubborn")
    def stubborn(self, task):
        effect(task)
        try:
            eventlet.sleep(30)
        except Exception as error:
            return f"went on after {type(error).__name__}"


logging.basicConfig(level=logging.INFO)
import wal.amqp.shared
wal.amqp.shared.WALManager = SlowToEnd
settings = TaskSettings(
    Topology({NAME: (NAME,)}), Path(FOLDER), DATABASE_URL, sync_interval_s=0.2,
    max_attempts=3, retry_base_s=1.0, retry_max_s=1.0, heartbeat_s=0.2,
)
container = ServiceContainer(Steered, {"AMQP_URI": AMQP_URL, "WAL": settings, "max_workers": 20})
container.start()
print("started", flush=True)
container.wait()
'''

CANCELLED = "cancelled by an operator"


class SteeredWorker(ProbeWorker):
    """A worker that operators may steer."""

    def __init__(self, stack: TestStack, folder: Path) -> None:
        super().__init__(stack, folder)
        (folder / "probe.py").write_text(SOURCE)

    def hold(self, moment: str, task_id: str) -> Path:
        """Stop a task "before" or "after" its method, until the returned file is gone."""
        file = self.folder / f"{moment}.{task_id}"
        file.touch()
        return file

    def unacknowledged(self) -> int:
        """Kills it; returns how many messages are delivered again after that."""
        self.kill()
        queue = Queue(f"tasks.{self.name}", channel=self.channel)

        def left() -> list[int]:
            seen = queue.queue_declare(passive=True)
            return [] if seen.consumer_count else [seen.message_count]

        return int(eventually(left)[0])

    def clear(self) -> None:
        self.kill()
        self.channel.queue_delete(f"rpc-{self.name}")
        super().clear()


@pytest.fixture(scope="module")
def worker(stack: TestStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SteeredWorker]:
    """A worker that runs through all tests that leave it running."""
    running = SteeredWorker(stack, tmp_path_factory.mktemp("steered"))
    running.start()
    yield running
    running.clear()


@pytest.fixture
def mortal(stack: TestStack, tmp_path: Path) -> Iterator[SteeredWorker]:
    """A worker of the test's own."""
    running = SteeredWorker(stack, tmp_path)
    running.start()
    yield running
    running.clear()


Steer = Callable[..., tuple[int, Any]]


@pytest.fixture
def steer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Steer:
    """Runs a command beside a worker: its exit code, and its answer or what it complains of."""

    def run(worker: SteeredWorker, *words: str) -> tuple[int, Any]:
        monkeypatch.setenv("ECO2_AMQP_URL", worker.amqp_url)
        code = main(["--json", "--directory", str(worker.folder), *words])
        shown = capsys.readouterr()
        return code, json.loads(shown.out) if shown.out else shown.err

    return run


def outcomes(worker: SteeredWorker, task_id: str) -> list[str]:
    return [event for event, _ in worker.told(task_id)]


# Interrupting


def test_a_running_task_is_interrupted_and_fails_once(mortal: SteeredWorker, steer: Steer) -> None:
    task_id = mortal.put("sleep", 30)
    eventually(lambda: mortal.effects(task_id))

    code, answer = steer(mortal, "cancel", task_id)

    assert (code, answer["outcome"]) == (0, "is interrupted")
    event, data = mortal.outcome(task_id)
    assert (event, data["error_class"], data["error"], data["attempt"]) == ("sleep.failed", "Cancelled", CANCELLED, 1)
    assert mortal.row(task_id, "state, attempt, error_class, error") == ("failed", 1, "Cancelled", CANCELLED)
    assert mortal.buried(task_id).headers["reason"] == f"Cancelled: {CANCELLED}"

    after = mortal.put("quick")
    assert mortal.outcome(after)[0] == "quick.completed"
    assert outcomes(mortal, task_id) == ["sleep.failed"]
    assert mortal.effects(task_id) == [task_id]
    eventually(lambda: mortal.row(after, "announced_version = version") == (1,))
    assert mortal.unacknowledged() == 0


def test_only_the_one_is_interrupted(worker: SteeredWorker, steer: Steer) -> None:
    doomed, spared = worker.put("sleep", 30), worker.put("sleep", 1)
    eventually(lambda: worker.effects(doomed) and worker.effects(spared))

    assert steer(worker, "cancel", doomed)[0] == 0

    assert worker.outcome(spared)[0] == "sleep.completed"
    assert worker.outcome(doomed)[0] == "sleep.failed"


def test_a_task_that_catches_its_interruption_and_returns_is_completed(worker: SteeredWorker, steer: Steer) -> None:
    """The method has the last word: whoever catches `Exception` around a wait catches this too."""
    task_id = worker.put("stubborn")
    eventually(lambda: worker.effects(task_id))

    assert steer(worker, "cancel", task_id)[0] == 0

    event, data = worker.outcome(task_id)
    assert (event, data["result"]) == ("stubborn.completed", "went on after Cancelled")
    assert worker.row(task_id, "state, error_class") == ("completed", None)


def test_a_task_that_is_about_to_end_is_let_go_on(worker: SteeredWorker, steer: Steer) -> None:
    task_id = f"after-{worker.name}"
    held = worker.hold("after", task_id)
    worker.put("quick", task_id=task_id)
    eventually(lambda: worker.effects(task_id))

    code, complaint = steer(worker, "cancel", task_id)

    assert (code, complaint) == (1, f"{task_id}: it is about to begin or to end\n")
    held.unlink()
    assert worker.outcome(task_id)[0] == "quick.completed"


def test_a_task_that_is_about_to_begin_again_is_let_go_on(mortal: SteeredWorker, steer: Steer) -> None:
    task_id = mortal.put("fails")
    eventually(lambda: mortal.waiting(".delay.1s"), every_s=0.02)
    held = mortal.hold("before", task_id)
    eventually(lambda: not mortal.waiting(".delay.1s"))
    time.sleep(0.5)  # it has come back, and is held

    code, complaint = steer(mortal, "cancel", task_id)

    assert (code, complaint) == (1, f"{task_id}: it is about to begin or to end\n")
    held.unlink()
    event, data = mortal.outcome(task_id)
    assert (event, data["error_class"], data["attempt"]) == ("fails.failed", "TransientError", 3)


# While it waits


def test_a_task_that_is_cancelled_in_its_retry_pause_does_not_run_again(mortal: SteeredWorker, steer: Steer) -> None:
    task_id = mortal.put("fails")
    eventually(lambda: mortal.row(task_id, "state, attempt") == ("pending", 1), every_s=0.02)
    eventually(lambda: mortal.waiting(".delay.1s"), every_s=0.02)

    code, answer = steer(mortal, "cancel", task_id)

    assert (code, answer["outcome"]) == (0, "is cancelled")
    event, data = mortal.outcome(task_id)
    assert (event, data["error_class"], data["attempt"]) == ("fails.failed", "Cancelled", 1)
    eventually(lambda: len(mortal.told(task_id)) == 2)  # its message has come back, and was answered
    assert mortal.waiting(".delay.1s") == 0
    assert mortal.effects(task_id) == [task_id]
    assert mortal.row(task_id, "state, attempt") == ("failed", 1)
    assert mortal.waiting(".dead") == 1
    assert mortal.unacknowledged() == 0


# Running it again


def test_a_cancelled_task_is_run_again_from_its_last_finished_stage(worker: SteeredWorker, steer: Steer) -> None:
    task_id = worker.put("once")
    eventually(lambda: worker.effects(task_id))
    steer(worker, "cancel", task_id)
    assert worker.outcome(task_id)[0] == "once.failed"

    code, answer = steer(worker, "retry", task_id)

    assert (code, answer["outcome"]) == (0, "runs again")
    eventually(lambda: outcomes(worker, task_id) == ["once.failed", "once.completed"])
    assert worker.told(task_id)[1][1]["result"] == "went on"
    assert worker.row(task_id, "state, attempt, error_class") == ("completed", 1, None)


def test_a_task_that_was_cancelled_while_it_waited_is_run_again(worker: SteeredWorker, steer: Steer) -> None:
    task_id = worker.put("fails")
    eventually(lambda: worker.row(task_id, "state, attempt") == ("pending", 1), every_s=0.02)
    assert steer(worker, "cancel", task_id)[0] == 0

    assert steer(worker, "retry", task_id)[0] == 0

    eventually(lambda: len(worker.effects(task_id)) > 1)
    eventually(lambda: worker.row(task_id, "state, error_class") == ("failed", "TransientError"))


# What is refused


def test_what_is_finished_is_not_cancelled(worker: SteeredWorker, steer: Steer) -> None:
    task_id = worker.put("quick")
    worker.outcome(task_id)

    assert steer(worker, "cancel", task_id) == (1, f"{task_id}: completed -> failed is not allowed\n")
    assert steer(worker, "retry", task_id) == (1, f"{task_id}: completed -> pending is not allowed\n")
    assert outcomes(worker, task_id) == ["quick.completed"]


def test_a_task_is_cancelled_once(worker: SteeredWorker, steer: Steer) -> None:
    task_id = worker.put("sleep", 30)
    eventually(lambda: worker.effects(task_id))
    assert steer(worker, "cancel", task_id)[0] == 0
    worker.outcome(task_id)

    assert steer(worker, "cancel", task_id) == (1, f"{task_id}: failed -> failed is not allowed\n")
    assert outcomes(worker, task_id) == ["sleep.failed"]


@pytest.mark.parametrize("command", ["cancel", "retry"])
def test_what_nobody_knows_is_neither_cancelled_nor_run_again(
    worker: SteeredWorker, steer: Steer, command: str
) -> None:
    assert steer(worker, command, "nobody") == (2, "no journal knows the task nobody\n")


# Signs of life


def test_a_long_task_gives_signs_of_life(worker: SteeredWorker) -> None:
    task_id = worker.put("sleep", 1)
    eventually(lambda: worker.effects(task_id))

    def beat() -> Any:
        row = worker.row(task_id, "heartbeat_at, started_at")
        assert row is not None
        return row[0] if row[0] > row[1] else None

    first = eventually(beat)
    eventually(lambda: beat() > first)
    worker.outcome(task_id)


# Rows that PostgreSQL has refused


def refused(worker: SteeredWorker, task_id: str, name: str) -> bool:
    """Whether the row is parked, with an error that has this name."""
    return name in str((worker.row(task_id, "sync_error") or [""])[0])


def test_a_running_worker_sends_a_row_again_once_its_cause_is_mended(
    worker: SteeredWorker, stack: TestStack, steer: Steer
) -> None:
    row = "SELECT state, version FROM tasks.task_results WHERE task_id = %s"
    with refusing(stack, f"{worker.name}.quick") as older:
        task_id = worker.put("quick")
        eventually(lambda: refused(worker, task_id, older))
    with refusing(stack, f"{worker.name}.quick") as newer:
        code, (answer,) = steer(worker, "unpark", task_id)
        assert (code, answer["worker"], answer["task_id"], answer["sent"]) == (0, worker.name, task_id, "now")
        assert older in answer["error"]
        eventually(lambda: refused(worker, task_id, newer))
        assert stack.sql(row, task_id) == []

    code, (answer,) = steer(worker, "unpark", "--all")

    assert (code, answer["task_id"]) == (0, task_id)
    assert newer in answer["error"]
    eventually(lambda: worker.row(task_id, "synced_version = version, sync_error") == (1, None))
    assert stack.sql(row, task_id) == [("completed", 3)]
    assert steer(worker, "unpark", task_id) == (1, f"{task_id}: it is completed and its row is not parked\n")
    assert worker.effects(task_id) == [task_id]
    assert outcomes(worker, task_id) == ["quick.completed"]


def test_a_worker_that_dies_right_after_it_unparked_a_row_sends_it_at_its_next_start(
    mortal: SteeredWorker, stack: TestStack, steer: Steer
) -> None:
    with refusing(stack, f"{mortal.name}.quick") as name:
        task_id = mortal.put("quick")
        eventually(lambda: refused(mortal, task_id, name))
    assert steer(mortal, "unpark", task_id)[0] == 0
    mortal.kill()

    mortal.start()

    eventually(lambda: mortal.row(task_id, "synced_version = version, sync_error") == (1, None))
    assert stack.sql("SELECT count(*) FROM tasks.task_results WHERE task_id = %s", task_id) == [(1,)]
    assert mortal.effects(task_id) == [task_id]


# Pruning


def test_a_running_worker_prunes_its_own_journal(worker: SteeredWorker, steer: Steer) -> None:
    task_id = worker.put("quick")
    eventually(lambda: worker.row(task_id, "state, synced_version = version") == ("completed", 1))

    code, (answer,) = steer(worker, "prune", "--older-than", "0s", "--yes")

    assert (code, answer["worker"]) == (0, worker.name)
    assert answer["rows"] >= 1
    assert worker.row(task_id) is None

"""A worker for tests: a Nameko process of its own on the real RabbitMQ, with its own queues and journal."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from kombu import Connection, Queue
from nameko.events import get_event_exchange
from uuid6 import uuid7

from tests.stack import ROOT, TestStack, eventually
from tests.wal import programs
from wal.amqp import Topology
from wal.amqp.publisher import TaskPublisher
from wal.amqp.topology import DELAYS_S
from wal.records import Work

MAX_ATTEMPTS = 3

SOURCE = '''
import eventlet

eventlet.monkey_patch()

import logging, os, signal, sys
from pathlib import Path

from nameko.containers import ServiceContainer

from wal import PermanentError, TransientError
from wal.amqp import TaskSettings, Topology, task

NAME, FOLDER, AMQP_URL, DATABASE_URL = sys.argv[1:]


def effect(*words):
    """One line in a file that outlives the process: that something was really done."""
    out = os.open(f"{FOLDER}/effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, (" ".join(words) + "\\n").encode())
    os.close(out)
    return list(words)


class Probe:
    name = NAME

    @task(f"{NAME}.succeed")
    def succeed(self, task):
        effect(task.task_id)
        return {"echo": task.payload}

    @task(f"{NAME}.raw")
    def raw(self, task):
        return [task.body.hex(), task.content_type]

    @task(f"{NAME}.sleep")
    def sleep(self, task):
        effect(task.task_id)
        eventlet.sleep(task.payload)

    @task(f"{NAME}.flaky")
    def flaky(self, task):
        if task.attempt < 2:
            raise TransientError("not yet")
        return task.attempt

    @task(f"{NAME}.broken")
    def broken(self, task):
        raise ValueError(f"attempt {task.attempt}")

    @task(f"{NAME}.hopeless")
    def hopeless(self, task):
        raise PermanentError("그림이 아닙니다")

    @task(f"{NAME}.unfit")
    def unfit(self, task):
        return {"a", "set"}

    @task(f"{NAME}.hangs_once", timeout_s=0.3)
    def hangs_once(self, task):
        eventlet.sleep(30 if task.attempt == 1 else 0)

    @task(f"{NAME}.dies_once")
    def dies_once(self, task):
        task.stage("one", lambda: effect("one", task.task_id))
        if task.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return task.stage("two", lambda: effect("two", task.task_id))

    @task(f"{NAME}.dies")
    def dies(self, task):
        os.kill(os.getpid(), signal.SIGKILL)

    @task(f"{NAME}.staged")
    def staged(self, task):
        task.stage("one", lambda: effect("one", task.task_id))
        while not Path(FOLDER, "go").exists():
            eventlet.sleep(0.02)
        task.stage("two", lambda: effect("two", task.task_id))


logging.basicConfig(level=logging.INFO)
settings = TaskSettings(
    Topology({NAME: (NAME,)}), Path(FOLDER), DATABASE_URL, sync_interval_s=0.2,
    max_attempts=3, retry_base_s=0.6, retry_max_s=0.6,
)
container = ServiceContainer(Probe, {"AMQP_URI": AMQP_URL, "WAL": settings, "max_workers": 20})
asked = eventlet.event.Event()
signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(asked.send, "stop"))
container.start()
print("started", flush=True)
eventlet.spawn(container.wait).link(lambda _: asked.ready() or asked.send("died"))
if asked.wait() == "died":
    os._exit(1)
container.stop()
os._exit(0)
'''


class ProbeWorker:
    """A worker named `name`, its queues, what it was given and what it told."""

    def __init__(self, stack: TestStack, folder: Path, *, heard: bool = True) -> None:
        self.name = f"probe-{uuid7().hex[-8:]}"
        self.folder = folder
        self.amqp_url = stack.settings["ECO2_AMQP_URL"]
        self.database_url = stack.settings["ECO2_DATABASE_URL"]
        self.process: subprocess.Popen[str] | None = None
        self._script = folder / "probe.py"
        self._script.write_text(SOURCE)
        self._told: list[tuple[str, dict[str, Any]]] = []
        self._publisher = TaskPublisher(self.amqp_url, Topology({self.name: (self.name,)}))
        self._connection = Connection(self.amqp_url)
        self.channel: Any = self._connection.channel()
        self._events = Queue(f"test.{self.name}.events", get_event_exchange(self.name, {}), "#", channel=self.channel)
        if heard:
            self._events.declare()

    # Its life

    def start(self) -> None:
        """Returns once it consumes."""
        self.launch()
        assert self.process is not None
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "started\n", self.log

    def launch(self) -> None:
        """Start it, without waiting for that."""
        command = [sys.executable, "-W", "ignore", str(self._script), self.name, str(self.folder)]
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, self.amqp_url, self.database_url],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                text=True,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def wait(self, within_s: float = 40) -> int:
        """The exit code, once it ends by itself."""
        assert self.process is not None
        return self.process.wait(within_s)

    def kill(self) -> None:
        assert self.process is not None
        programs.stop(self.process)

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    # In

    def put(
        self, kind: str, payload: Any = None, task_id: str | None = None, content_type: str = "application/json"
    ) -> str:
        """Publish a task as a service would. Returns its id."""
        task_id = str(uuid7()) if task_id is None else task_id
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self._publisher.put(Work(task_id, f"{self.name}.{kind}", body, content_type))
        return task_id

    # Out

    def told(self, task_id: str) -> list[tuple[str, dict[str, Any]]]:
        """The events about a task: their types (without the worker's name) and data."""
        while message := self._events.get(no_ack=True):
            event = message.delivery_info["routing_key"].removeprefix(f"{self.name}.")
            self._told.append((event, json.loads(message.body)))
        return [(event, data) for event, data in self._told if data["task_id"] == task_id]

    def outcome(self, task_id: str, within_s: float = 40) -> tuple[str, dict[str, Any]]:
        """The first event about a task, waited for."""
        return eventually(lambda: self.told(task_id), within_s)[0]  # type: ignore[no-any-return]

    def effects(self, task_id: str) -> list[str]:
        """What a task has really done, a line each."""
        with suppress(FileNotFoundError):
            return [line for line in (self.folder / "effects").read_text().splitlines() if line.endswith(task_id)]
        return []

    def row(self, task_id: str, columns: str = "state, attempt, crashes") -> tuple[Any, ...] | None:
        """A task in the worker's journal."""
        with sqlite3.connect(f"file:{self.folder}/{self.name}.db?mode=ro", uri=True) as journal:
            statement = f"SELECT {columns} FROM task WHERE task_id = ?"  # noqa: S608
            return journal.execute(statement, (task_id,)).fetchone()  # type: ignore[no-any-return]

    def finished_stages(self, task_id: str) -> set[str]:
        """The stages of a task that its journal keeps: no rerun runs them again."""
        with sqlite3.connect(f"file:{self.folder}/{self.name}.db?mode=ro", uri=True) as journal:
            rows = journal.execute("SELECT stage FROM checkpoint WHERE task_id = ?", (task_id,)).fetchall()
        return {stage for (stage,) in rows}

    def waiting(self, queue: str = "") -> int:
        """How many messages are ready in one of its queues ("", ".dead", ".delay.1s")."""
        return int(Queue(f"tasks.{self.name}{queue}", channel=self.channel).queue_declare(passive=True).message_count)

    def purge(self) -> None:
        """RabbitMQ forgets the tasks."""
        Queue(f"tasks.{self.name}", channel=self.channel).purge()

    def buried(self, task_id: str | None) -> Any:
        """The dead letter of a task, waited for and taken out."""

        def dig() -> Any:
            while message := Queue(f"tasks.{self.name}.dead", channel=self.channel).get(no_ack=True):
                dead.append(message)
            return [message for message in dead if (message.properties.get("message_id") or None) == task_id]

        dead: list[Any] = []
        return eventually(dig)[0]

    def clear(self) -> None:
        """End the worker and take down what it declared."""
        if self.process is not None:
            self.kill()
        queues = ["", ".dead", *(f".delay.{delay}s" for delay in DELAYS_S)]
        for queue in (*(f"tasks.{self.name}{suffix}" for suffix in queues), self._events.name):
            self.channel.queue_delete(queue)
        self.channel.exchange_delete(f"{self.name}.events")
        self._connection.close()

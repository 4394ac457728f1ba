"""A worker as the product runs it (`services.kernel.run`), put under load; each effect of a task leaves a line."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from kombu import Connection, Queue
from nameko.events import get_event_exchange
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from uuid6 import uuid7

from tests.stack import TestStack, eventually
from tests.wal import programs
from wal import doctor
from wal.amqp import Topology
from wal.amqp.insist import OUTAGE
from wal.amqp.publisher import TaskPublisher
from wal.records import Work

ACKNOWLEDGED_S = 0.5
"""What is told is acknowledged a moment later; on a busy machine the moment is longer."""

SOURCE = '''
import sys, time
from contextlib import suppress
from pathlib import Path

NAME, FOLDER = sys.argv[1], Path(sys.argv[2])
true_time, ahead_s = time.time, 0.0
time.time = lambda: true_time() + ahead_s  # before anybody takes it by its name

from services.kernel import run, settings
import logging, os, socket, eventlet
from amqp.transport import _AbstractTransport
from services.kernel.service import EcoService
from wal import PermanentError
from wal.amqp import Journal, Topology, task


def effect(*words):
    """One line in a file that outlives the process: that something was really done."""
    out = os.open(FOLDER / "effects", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, (" ".join(words) + "\\n").encode())
    os.close(out)


def follow_the_clock():
    global ahead_s
    while True:
        with suppress(FileNotFoundError):
            ahead_s = float((FOLDER / "ahead_s").read_text())
        eventlet.sleep(0.02)


true_write = _AbstractTransport.write
BASIC_ACK = b"\\0\\x3c\\0\\x50"  # class 60, method 80, behind the 7 bytes of a frame's head


def write(transport, frames):
    if bytes(frames[7:11]) == BASIC_ACK and (FOLDER / "cut").exists():
        (FOLDER / "cut").unlink()
        transport.sock.shutdown(socket.SHUT_RDWR)
    true_write(transport, frames)


_AbstractTransport.write = write


class Loaded(EcoService):
    name = NAME
    journal = Journal()

    @task(f"{NAME}.work")
    def work(self, task):
        task.stage("one", lambda: effect("one", task.task_id))
        eventlet.sleep(task.payload)
        task.stage("two", lambda: effect("two", task.task_id))

    @task(f"{NAME}.held")
    def held(self, task):
        task.stage("one", lambda: effect("one", task.task_id))
        while not (FOLDER / task.payload).exists():
            eventlet.sleep(0.02)
        task.stage("two", lambda: effect("two", task.task_id))

    @task(f"{NAME}.hangs_once", timeout_s=0.3)
    def hangs_once(self, task):
        task.stage("one", lambda: effect("one", task.task_id))
        eventlet.sleep(60 if task.attempt == 1 else 0)
        task.stage("two", lambda: effect("two", task.task_id))

    @task(f"{NAME}.hopeless")
    def hopeless(self, task):
        raise PermanentError("no attempt can save it")

    @task(f"{NAME}.refused")
    def refused(self, task):
        return "PostgreSQL takes no \\0"


settings.TASKS = Topology({NAME: (NAME,)})
eventlet.spawn(follow_the_clock)
code = run.main("__main__:Loaded")
logging.shutdown()
os._exit(code)
'''

STAGES = ("one", "two")


class LoadedWorker:
    """A worker and all that is known of its tasks: in its journal, in PostgreSQL, in RabbitMQ, by their effects.

    `under` is a command that its process is started under, which gives the folder that is its last argument, the
    journal's, a file system of its own; `settings` are ECO2_* variables without that prefix.
    Nothing here waits without a limit, and no connection is kept: RabbitMQ and PostgreSQL may go at any moment.
    """

    def __init__(self, stack: TestStack, folder: Path, *, under: Sequence[str] = (), **settings: object) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "state").mkdir()
        self.name = f"loaded-{uuid7().hex[-8:]}"
        self.folder = folder
        self.amqp_url = stack.settings["ECO2_AMQP_URL"]
        self.database_url = stack.settings["ECO2_DATABASE_URL"]
        self.journal = folder / "state" / f"{self.name}.db"
        self.process: subprocess.Popen[str] | None = None
        self.starts = 0
        self._under = [*under, str(self.journal.parent)] if under else []
        self._events = f"test.{self.name}.events"
        self._told: list[tuple[str, str]] = []
        self._http_port = _free_port()
        self._environment = {
            **os.environ,
            **stack.settings,
            "ECO2_STATE_DIR": str(self.journal.parent),
            "ECO2_HTTP_PORT": str(self._http_port),
            "ECO2_MAX_WORKERS": "20",
            "ECO2_WAL__SYNC_INTERVAL_S": "0.2",
            "ECO2_WAL__RETRY_BASE_S": "0.5",
            **{f"ECO2_{name}": str(value) for name, value in settings.items()},
        }
        self._publisher = self.publisher()
        with Connection(self.amqp_url) as connection:
            self._queue(connection, self._events).declare()

    # Its life

    def launch(self) -> None:
        """Start it, without waiting for that."""
        self.starts += 1
        with (self.folder / "log").open("a") as log:
            self.process = programs.start(
                SOURCE,
                *(self.name, self.folder),
                under=self._under,
                env=self._environment,
                stdout=log,
                stderr=log,
            )

    def start(self) -> None:
        """Returns once it consumes."""
        self.launch()
        self.is_ready()

    def is_ready(self) -> None:
        """Returns once it consumes."""
        eventually(lambda: not self.alive or self.ready() == {}, within_s=30)
        assert self.alive, self.log

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it is still the process that was started last."""
        return self.process is not None and self.process.poll() is None

    def terminate(self, within_s: float) -> tuple[int, float]:
        """Ask it to end. Returns its exit code and the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s), time.monotonic() - began

    def kill(self) -> None:
        if self.process is not None:
            programs.stop(self.process)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text() if (self.folder / "log").exists() else ""

    def ready(self) -> dict[str, str] | None:
        """The checks that its /ready finds not well, with why; None when it does not answer."""
        with suppress(httpx.HTTPError, ValueError):
            checks = httpx.get(f"http://127.0.0.1:{self._http_port}/ready", timeout=10).json()["checks"]
            return {name: outcome for name, outcome in checks.items() if outcome != "ok"}
        return None

    def metrics(self) -> dict[str, list[float]]:
        """All that its /metrics has of Eco², by the name of the sample."""
        found: dict[str, list[float]] = {}
        for sample in self.samples():
            found.setdefault(sample.name, []).append(sample.value)
        return found

    def metric(self, name: str, **labels: str) -> float | None:
        """One of them; None where there is none with these labels."""
        found = [one.value for one in self.samples() if one.name == name and labels.items() <= one.labels.items()]
        assert len(found) <= 1, f"{name} {labels} is not one: {found}"
        return found[0] if found else None

    def samples(self) -> list[Sample]:
        """All that its /metrics has of Eco²."""
        answer = httpx.get(f"http://127.0.0.1:{self._http_port}/metrics", timeout=10)
        assert answer.status_code == 200, answer.text
        families = text_string_to_metric_families(answer.text)
        return [sample for family in families for sample in family.samples if sample.name.startswith("eco2_")]

    def set_clock(self, ahead_s: float) -> None:
        """Let the worker's clock be so many seconds ahead of ours."""
        (self.folder / "ahead_s.new").write_text(str(ahead_s))
        (self.folder / "ahead_s.new").rename(self.folder / "ahead_s")

    def cut_at_the_next_acknowledgement(self) -> None:
        """Break the connection that it consumes from, at the moment when it is about to acknowledge something."""
        (self.folder / "cut").touch()
        eventually(lambda: not (self.folder / "cut").exists() or not self.alive)
        assert self.alive, "it died of it"

    # In

    def publisher(self) -> TaskPublisher:
        """One more that puts tasks for it."""
        return TaskPublisher(self.amqp_url, Topology({self.name: (self.name,)}))

    def put(self, kind: str, payload: Any = None, task_id: str | None = None) -> str:
        """Publish a task as a service would. Returns its id once RabbitMQ has confirmed it."""
        task_id = str(uuid7()) if task_id is None else task_id
        self._publisher.put(Work(task_id, f"{self.name}.{kind}", json.dumps(payload).encode(), "application/json"))
        return task_id

    def hold(self, number: int, until: str = "go") -> list[str]:
        """Put tasks that run until `release`; returns once they do."""
        ids = [self.put("held", until) for _ in range(number)]
        eventually(lambda: all(self.effects()["one", task_id] for task_id in ids))
        return ids

    def release(self, until: str = "go") -> None:
        (self.folder / until).touch()

    # Out

    def effects(self) -> Counter[tuple[str, str]]:
        """How often each (stage, task) was really done."""
        with suppress(FileNotFoundError):
            lines = (self.folder / "effects").read_text().splitlines()
            return Counter((words[0], words[1]) for words in map(str.split, lines))
        return Counter()

    def rows(self) -> dict[str, dict[str, Any]]:
        """The journal's tasks by their ids."""
        return read(self._seen())

    def states(self, ids: Iterable[str]) -> set[str | None]:
        """The states that the journal has of these tasks; None of one that it has not."""
        rows = self.rows()
        return {rows.get(task_id, {}).get("state") for task_id in ids}

    def unsynced(self) -> int:
        """How many finished rows wait for PostgreSQL."""
        return sum(
            row["state"] in ("completed", "failed") and row["version"] > row["synced_version"]
            for row in self.rows().values()
        )

    def known(self, ids: Iterable[str]) -> dict[str, str]:
        """The states that PostgreSQL has of these tasks."""
        connection = psycopg2.connect(self.database_url, connect_timeout=5)
        try:
            return doctor.known_to(connection)(list(ids))
        finally:
            connection.close()

    def waiting(self) -> int:
        """How many messages are ready in its queue."""
        return self._depth()[0]

    def _depth(self) -> tuple[int, int]:
        with Connection(self.amqp_url, connect_timeout=5) as connection:
            queue = self._queue(connection, f"tasks.{self.name}").queue_declare(passive=True)
            return int(queue.message_count), int(queue.consumer_count)

    def told(self) -> set[tuple[str, str]]:
        """The (event, task) of all that it has told."""
        with Connection(self.amqp_url, connect_timeout=5) as connection:
            queue = self._queue(connection, self._events)
            while message := queue.get(no_ack=True):
                event = message.delivery_info["routing_key"].rpartition(".")[2]
                self._told.append((event, json.loads(message.body)["task_id"]))
        return set(self._told)

    # Witnesses

    def finish(self, ids: Iterable[str], within_s: float = 60) -> None:
        """Waits until the worker has completed these tasks and brought them to PostgreSQL."""
        wanted = dict.fromkeys(ids, "completed")
        eventually(lambda: self.known(wanted) == wanted, within_s, every_s=0.1)
        eventually(lambda: {("completed", task_id) for task_id in wanted} <= self.told(), every_s=0.1)

    def agree(self, ids: Iterable[str]) -> None:
        """Journal, PostgreSQL and the doctor agree that these, and no others, are completed, and nothing waits."""
        wanted = dict.fromkeys(ids, "completed")
        eventually(lambda: self.unsynced() == 0)
        assert {task_id: row["state"] for task_id, row in self.rows().items()} == wanted
        assert self.known(wanted) == wanted
        connection = psycopg2.connect(self.database_url)
        try:
            report = doctor.examine([self._seen()], doctor.known_to(connection), {})
        finally:
            connection.close()
        assert report.findings == []

    def once(self, ids: Iterable[str]) -> None:
        """Each stage of these tasks was done, and done once."""
        effects = self.effects()
        assert {effects[stage, task_id] for task_id in ids for stage in STAGES} == {1}

    def leaves_behind(self) -> int:
        """Kills it. Returns how many messages it had not acknowledged, or not been given."""
        time.sleep(ACKNOWLEDGED_S)
        self.kill()
        eventually(lambda: self._depth()[1] == 0)
        return self.waiting()

    def clear(self) -> None:
        self.kill()
        print(f"--- {self.name} ---", *(line[:300] for line in self.log.splitlines()[-15:]), sep="\n")

    def _queue(self, connection: Connection, name: str) -> Queue:
        if name == self._events:
            return Queue(name, get_event_exchange(self.name, {}), "#", channel=connection.default_channel)
        return Queue(name, channel=connection.default_channel)

    def _seen(self) -> Path:
        """The journal's file, or a copy of it where the worker alone can see its file system."""
        if not self._under:
            return self.journal
        seen = self.folder / "seen.db"
        for suffix in ("-shm", "-wal", ""):
            Path(f"{seen}{suffix}").unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                if suffix != "-shm":
                    shutil.copy(f"{inside(self.pid, self.journal)}{suffix}", f"{seen}{suffix}")
        return seen


class Load:
    """Puts short tasks from a thread, `per_s` a second, as a service whose clients try again would.

    `accepted` are the tasks that RabbitMQ has confirmed.
    """

    def __init__(self, worker: LoadedWorker, per_s: float = 40) -> None:
        self.accepted: list[str] = []
        self.refused = 0
        self._worker = worker
        self._pause_s = 1 / per_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self._broken: BaseException | None = None

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(30)
        assert not self._thread.is_alive(), "a call to put a task has not come back"
        if self._broken is not None:
            raise self._broken

    def more(self, number: int, within_s: float = 60) -> list[str]:
        """The next `number` tasks that are accepted from now on, waited for."""
        before = len(self.accepted)
        eventually(lambda: self._broken or len(self.accepted) >= before + number, within_s)
        return self.accepted[before:]

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                task_id = str(uuid7())
                while not self._confirmed(task_id):  # to the end, so that no task is left in doubt
                    time.sleep(0.2)
                self.accepted.append(task_id)
                self._ending.wait(self._pause_s)
        except BaseException as error:
            self._broken = error

    def _confirmed(self, task_id: str) -> bool:
        try:
            self._worker.put("work", 0.02, task_id)
        except OUTAGE:
            self.refused += 1
            return False
        return True


def read(journal: Path) -> dict[str, dict[str, Any]]:
    """The tasks in a journal's file by their ids."""
    file = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        file.row_factory = sqlite3.Row
        return {row["task_id"]: dict(row) for row in file.execute("SELECT * FROM task")}
    finally:
        file.close()


def inside(pid: int, path: Path) -> Path:
    """`path` as the process `pid` sees it, in a file system of its own."""
    return Path(f"/proc/{pid}/root{path}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""A worker that is killed again and again, on the real RabbitMQ and PostgreSQL; and the long run of it:

    python -m tests.wal.crashes --moments 200 [--seed S] [--first I] [--json]

Starts its own RabbitMQ and PostgreSQL, kills a worker under load at so many random moments, and judges what is left.
The seed fixes each moment: how long the worker lives, how it ends, which tasks come. Exit code 1 when anything that
must not happen has.
"""

import argparse
import json
import os
import queue
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg2
from kombu import Connection, Queue
from nameko.events import get_event_exchange
from uuid6 import uuid7

from services.kernel import migrations
from tests.stack import ROOT, eventually, started
from tests.wal.crash_points import Death
from tests.wal.crash_verdict import Evidence, Note, Row, Told, Verdict, in_flight, judge
from wal import doctor
from wal.amqp import Topology
from wal.amqp.publisher import TaskPublisher
from wal.amqp.topology import DELAYS_S
from wal.records import Work

MIXTURE = ("plain", "staged", "flaky", "plain", "hopeless", "plain", "staged", "plain", "flaky", "plain")


class Nursery:
    """The process that forks the workers: see `tests.wal.crash_worker`. One of its workers lives at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.wal.crash_worker"],
            cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._said: queue.SimpleQueue[list[str]] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.hear("ready", 30)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._said.put(line.split())

    def bear(self, **life: Any) -> int:
        """The process id of a new worker."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(life) + "\n")
        self._process.stdin.flush()
        return self.hear("born", 10)

    def hear(self, word: str, within_s: float) -> int:
        """The number that comes with `word`, once it is said; raises `queue.Empty` when it is not."""
        deadline = time.monotonic() + within_s
        while True:
            said, *numbers = self._said.get(timeout=max(0.0, deadline - time.monotonic()))
            number = int(numbers[0]) if numbers else 0
            if said == "recovered":
                self.recovered = number
            if said == word:
                return number
            assert said != "died", f"instead of being {word} it has ended with {number}"

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class MortalWorker:
    """A worker with its queues and its journal, through all its lives."""

    def __init__(self, nursery: Nursery, settings: Mapping[str, str], folder: Path) -> None:
        self.name = f"mortal-{uuid7().hex[-8:]}"
        self.folder = folder
        self.journal = folder / f"{self.name}.db"
        self.accepted: dict[str, str] = {}
        self.number = 0
        self.kills = 0
        self.pid = 0
        self._nursery = nursery
        self._amqp_url = settings["ECO2_AMQP_URL"]
        self._database_url = settings["ECO2_DATABASE_URL"]
        self._alive = False
        self._trouble: list[str] = []
        (folder / "effects").mkdir()
        self._publisher = TaskPublisher(self._amqp_url, Topology({self.name: (self.name,)}))
        self._connection = Connection(self._amqp_url)
        self._channel: Any = self._connection.channel()
        self._events = Queue(f"test.{self.name}", get_event_exchange(self.name, {}), "#", channel=self._channel)
        self._events.declare()

    # In

    def put(self, kind: str, size: int = 0, task_id: str | None = None) -> str:
        """Publish a task. It is accepted once the broker has confirmed it."""
        task_id = task_id or str(uuid7())
        self._publisher.put(Work(task_id, f"{self.name}.{kind}", b"x" * size, "application/octet-stream"))
        self.accepted[task_id] = kind
        return task_id

    def put_mixture(self, count: int = 20, size: int = 0) -> None:
        for number in range(count):
            self.put(MIXTURE[number % len(MIXTURE)], size)

    # Its lives

    def live(self, death: Death | None = None, *sabotage: str) -> None:
        """Be started, to die as told. Does not wait until it consumes."""
        self.number += 1
        self._nursery.recovered = 0
        self.pid = self._nursery.bear(
            name=self.name, folder=str(self.folder), amqp_url=self._amqp_url, database_url=self._database_url,
            number=self.number, death=asdict(death) if death else None, sabotage=sabotage,
        )  # fmt: skip
        self._alive = True

    def die(self, death: Death, *sabotage: str) -> None:
        """Live until the point of `death` is reached."""
        self.live(death, *sabotage)
        self.dies(death)

    def dies(self, death: Death, within_s: float = 40) -> None:
        """Returns once it has died as it was told."""
        try:
            status = self.ended(within_s)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"{death} was not reached\n{self.log}") from None
        assert status == death.status, f"{death}: it ended with {status}\n{self.log}"
        self.kills += 1

    def kill(self) -> int:
        """SIGKILL. Returns how many tasks it had recovered at its start."""
        with suppress(ProcessLookupError):  # it was asked to end, and has
            os.kill(self.pid, signal.SIGKILL)
        status = self.ended(10)
        if status == -signal.SIGKILL:
            self.kills += 1
        elif status not in (0, -signal.SIGTERM):  # asked to end before it could listen, it dies: another crash
            self._trouble.append(f"life {self.number} ended with {status}")
        return self._nursery.recovered

    def terminate(self) -> None:
        """SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def consumes(self) -> None:
        """Returns once it does."""
        self._nursery.hear("started", 20)

    def ended(self, within_s: float) -> int:
        """The exit status, once it has ended."""
        status = self._nursery.hear("died", within_s)
        self._alive = False
        return status

    # What is there

    @property
    def log(self) -> str:
        log = self.folder / "log"
        return log.read_text()[-5000:] if log.exists() else ""

    def diary(self) -> list[Note]:
        file = self.folder / "diary"
        lines = file.read_text().splitlines() if file.exists() else []
        return [Note(float(at), int(life), *rest) for at, life, *rest in map(str.split, lines)]

    def backlog(self) -> int:
        """Messages that are ready, in its queue and the delay queues."""
        queues = ["", *(f".delay.{delay}s" for delay in DELAYS_S)]
        return sum(self._declared(f"tasks.{self.name}{queue}").message_count for queue in queues)

    def forgotten(self) -> None:
        """RabbitMQ loses the tasks of a worker that is dead."""
        eventually(lambda: self._declared(f"tasks.{self.name}").consumer_count == 0)
        Queue(f"tasks.{self.name}", channel=self._channel).purge()

    def finished(self) -> int:
        """Tasks that are completed or failed, in its journal."""
        return self._counted("state IN ('completed', 'failed')")[0]

    def _counted(self, *conditions: str) -> list[int]:
        """For each of the conditions, the rows of its journal. Reads only, so it is safe beside the worker."""
        columns = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in conditions)
        try:
            return list(self._read(f"SELECT {columns} FROM task")[0])  # noqa: S608
        except sqlite3.OperationalError:  # it has not made the file yet
            return [0] * len(conditions)

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True)) as journal:
            return journal.execute(statement).fetchall()

    def _declared(self, name: str) -> Any:
        return Queue(name, channel=self._channel).queue_declare(passive=True)

    def _taken(self, name: str) -> list[Any]:
        taken = []
        while message := Queue(name, channel=self._channel).get(no_ack=True):
            taken.append(message)
        return taken

    # The end

    def judged(self, within_s: float = 30) -> Verdict:
        """The verdict, once all is quiet; or when nothing has moved for `within_s` seconds."""
        if not self._quiet(within_s):
            self._trouble.append(f"not quiet: {self.unrest()}")
        self.kill()  # faster than to ask, and what it has not acknowledged comes back either way
        eventually(lambda: self._declared(f"tasks.{self.name}").consumer_count == 0)
        if self.backlog():
            self._trouble.append(f"{self.backlog()} messages left in the queues")
        return judge(self._evidence())

    def _quiet(self, within_s: float) -> bool:
        last, deadline = None, time.monotonic() + within_s
        while time.monotonic() < deadline:
            now = self.unrest()
            if not any(now.values()) and not self.backlog():
                time.sleep(0.05)  # the last acknowledgement is sent just after what the journal shows
                return True
            if now != last:
                last, deadline = now, time.monotonic() + within_s
            time.sleep(0.03)
        return False

    def unrest(self) -> dict[str, int]:
        """What its journal has not come to an end with."""
        pending, processing, finished, unsynced, untold = self._counted(
            "state = 'pending'",
            "state = 'processing'",
            "finished_at IS NOT NULL",
            "finished_at IS NOT NULL AND version > synced_version",
            "finished_at IS NOT NULL AND version > announced_version",
        )
        known = pending + processing + finished
        return {
            "not journalled": len(self.accepted) - known,
            "pending": pending,
            "processing": processing,
            "unsynced": unsynced,
            "untold": untold,
        }

    def _evidence(self) -> Evidence:
        columns = "task_id, state, attempt, version, result, error_class"
        rows = self._read(f"SELECT {columns}, crashes, finished_at FROM task")  # noqa: S608
        with closing(psycopg2.connect(self._database_url)) as database:
            report = doctor.examine([self.journal], doctor.known_to(database), {})
            with database.cursor() as cursor:
                cursor.execute(f"SELECT {columns} FROM tasks.task_results WHERE worker = %s", (self.name,))  # noqa: S608
                known = cursor.fetchall()
        events = [(message.delivery_info["routing_key"], message.payload) for message in self._taken(self._events.name)]
        return Evidence(
            accepted=self.accepted,
            journal={row[0]: Row(*row[1:4], json.loads(row[4] or "null"), row[5]) for row in rows},
            crashes={row[0]: row[6] for row in rows},
            finished_at={row[0]: row[7] for row in rows},
            postgresql={row[0]: Row(*row[1:]) for row in known},
            diary=self.diary(),
            effects={
                tuple(path.name.split(".")): path.read_text()
                for path in (self.folder / "effects").iterdir()
                if not path.name.startswith("draft-")
            },  # type: ignore[misc]
            told=[
                Told(data["task_id"], key.rpartition(".")[2], data["attempt"], data["result"], data.get("error_class"))
                for key, data in events
            ],
            buried=Counter(message.properties["message_id"] for message in self._taken(f"tasks.{self.name}.dead")),
            kills=self.kills,
            trouble=[*self._trouble, *(f"{one.verdict}: {one.what} {one.detail}" for one in report.findings)],
        )

    def clear(self) -> None:
        """End it and take down what it declared."""
        if self._alive:
            self.kill()
        for suffix in ("", ".dead", *(f".delay.{delay}s" for delay in DELAYS_S)):
            self._channel.queue_delete(f"tasks.{self.name}{suffix}")
        self._channel.queue_delete(self._events.name)
        self._channel.exchange_delete(f"{self.name}.events")
        self._connection.close()
        self._publisher.close()


# Random moments


@dataclass(frozen=True)
class Moment:
    """How one life goes: killed after so many seconds; asked to end before that, or not."""

    after_s: float
    asked_after_s: float | None = None

    @classmethod
    def drawn(cls, seed: int, number: int) -> "Moment":
        """The moment `number` of `seed`: one in three falls into the start, one in ten into an orderly end."""
        draw = random.Random(f"{seed}:{number}")
        chance = draw.random()
        if chance < 0.1:
            asked = draw.uniform(0.3, 0.8)
            return cls(asked + draw.choice((0.1, 2.5)) * draw.random(), asked)  # an end takes about two seconds
        return cls(draw.uniform(0.0, 0.4) if chance < 0.43 else draw.uniform(0.4, 1.5))


class Load(threading.Thread):
    """Puts tasks all the time, unless so many wait already that the worker would never come to an end of them."""

    def __init__(self, worker: MortalWorker, seed: int, *, per_s: float = 80, most: int = 150) -> None:
        super().__init__(daemon=True)
        self._worker = worker
        self._draw = random.Random(f"{seed}:load")
        self._per_s = per_s
        self._most = most
        self._stopped = threading.Event()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            while not self._stopped.wait(self._draw.expovariate(self._per_s)):
                if len(self._worker.accepted) - self._worker.finished() < self._most:
                    self._worker.put(self._draw.choice(MIXTURE), self._draw.choice((0, 0, 0, 60_000)))
        except Exception as error:
            self.error = error

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        if self.error is not None:
            raise self.error


def crash(worker: MortalWorker, seed: int, moments: range, say: Callable[[str], None]) -> Verdict:
    """Kill `worker` at the `moments` of `seed` under load, and judge it."""
    load = Load(worker, seed)
    load.start()
    try:
        for number in moments:
            say(f"{number:4}  {_one_life(worker, Moment.drawn(seed, number))}")
    finally:
        load.stop()
    worker.live()
    return worker.judged(within_s=30)


def _one_life(worker: MortalWorker, moment: Moment) -> str:
    worker.live()
    began = time.monotonic()
    if moment.asked_after_s is not None:
        time.sleep(moment.asked_after_s)
        worker.terminate()
    time.sleep(max(0.0, began + moment.after_s - time.monotonic()))
    recovered = worker.kill()
    running = in_flight(worker.diary(), worker.number)
    end = "killed" if moment.asked_after_s is None else "asked to end, killed"
    known = f"recovered {recovered:3}, running {running:2}, accepted {len(worker.accepted):6}"
    return f"{end} after {moment.after_s:5.2f} s: {known}"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="crashes", description=__doc__)
    parser.add_argument("--moments", type=int, default=200, help="how often the worker is killed")
    parser.add_argument("--first", type=int, default=0, help="the number of the first moment, to go on from there")
    parser.add_argument("--seed", type=int, default=None, help="of an earlier run, to have its moments again")
    parser.add_argument("--json", action="store_true", help="the verdict as JSON; the progress goes to stderr")
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    say = lambda line: print(line, file=sys.stderr if options.json else sys.stdout, flush=True)  # noqa: E731

    say(f"seed {seed}")
    with started("--no-services") as parts, tempfile.TemporaryDirectory(prefix="eco2-crashes-") as folder:
        for step in migrations.up(parts.settings["ECO2_DATABASE_URL"]):
            say(step)
        nursery = Nursery()
        worker = MortalWorker(nursery, parts.settings, Path(folder))
        try:
            verdict = crash(worker, seed, range(options.first, options.first + options.moments), say)
        finally:
            worker.clear()
            nursery.close()
    print(json.dumps({"seed": seed, **asdict(verdict)}, indent=2) if options.json else f"\n{verdict}\nseed {seed}")
    return 0 if verdict.good else 1


if __name__ == "__main__":
    sys.exit(main())

"""The worker of the crash tests, and the nursery that starts it: ``python -m tests.wal.crash_worker``.

Importing takes a second, so it is done once: each line of JSON on the input, a `Life`, is then lived by a forked
process. That is an ordinary worker with sockets, threads and a journal of its own; only its imports are inherited.

The output tells ``born PID``, ``recovered COUNT``, ``started`` and, once it is dead, ``died STATUS``.
"""

import services.kernel.green  # noqa: F401, I001  (first, see there)

import json
import logging
import os
import random
import signal
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import eventlet
import eventlet.hubs
from eventlet import patcher
from nameko.containers import ServiceContainer

from provisioning.local.launch import die_with_parent
from tests.wal.crash_points import Death, arm
from tests.wal.crash_sabotage import SABOTAGES
from wal import PermanentError, TransientError, WALManager
from wal.amqp import TaskSettings, Topology, task

MAX_WORKERS = 10
LONGEST_EFFECT_S = 0.05
MAX_ATTEMPTS = 6  # more than a task can be killed times, so that a transient error is never the last


@dataclass
class Life:
    """What one process is told: whose worker it is, the number of its life, how to die, which faults to have."""

    name: str
    folder: str
    amqp_url: str
    database_url: str
    number: int
    death: dict[str, Any] | None = None
    sabotage: list[str] = field(default_factory=list)


class Diary:
    """What the worker did, a line each in a file that outlives it: time, life, word, task, stage."""

    def __init__(self, path: Path, life: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._life = life

    def note(self, word: str, task_id: str, stage: str = "-") -> None:
        os.write(self._file, f"{time.time():.6f} {self._life} {word} {task_id} {stage}\n".encode())


def worker(life: Life, diary: Diary, death: Death) -> type:
    """The service class."""
    effects = Path(life.folder, "effects")

    def effect(task_id: str, stage: str) -> str:
        """Something done to the world outside, keyed by the task as a conditional put is: the first one stays.

        Returns what is there, which differs for each that was tried.
        """
        diary.note("effect", task_id, stage)
        eventlet.sleep(random.uniform(0.0, LONGEST_EFFECT_S))
        draft = effects / f"draft-{uuid.uuid4().hex}"
        draft.write_text(draft.name)
        death.at("in_effect")
        try:
            os.link(draft, effects / f"{task_id}.{stage}")
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return (effects / f"{task_id}.{stage}").read_text()

    def stage(running: Any, name: str) -> str:
        kept: str = running.stage(name, lambda: effect(running.task_id, name))
        diary.note("kept", running.task_id, name)
        return kept

    @contextmanager
    def noted(running: Any) -> Any:
        diary.note("began", running.task_id)
        try:
            yield
        except TransientError:
            diary.note("raised", running.task_id)
            raise

    class Mortal:
        name = life.name

        @task(f"{life.name}.plain")
        def plain(self, task: Any) -> Any:
            with noted(task):
                return [stage(task, "only")]

        @task(f"{life.name}.staged")
        def staged(self, task: Any) -> Any:
            with noted(task):
                return [stage(task, "one"), stage(task, "two"), stage(task, "three")]

        @task(f"{life.name}.flaky")
        def flaky(self, task: Any) -> Any:
            with noted(task):
                first = stage(task, "first")
                if task.attempt < 2:
                    raise TransientError("not yet")
                return [first, stage(task, "second")]

        @task(f"{life.name}.hopeless")
        def hopeless(self, task: Any) -> Any:
            with noted(task):
                raise PermanentError("그림이 아닙니다")

        @task(f"{life.name}.slow")
        def slow(self, task: Any) -> Any:
            with noted(task):
                eventlet.sleep(0.3)
                return [stage(task, "only")]

    return Mortal


def live(life: Life) -> None:
    """Be the worker, until it is killed or asked to end."""
    die_with_parent(signal.SIGKILL, os.getppid())
    eventlet.hubs.use_hub("epolls")  # the inherited one has its descriptors in common with its parent's
    log = os.open(f"{life.folder}/log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.WARNING, format=f"life {life.number}: %(levelname)s %(name)s %(message)s")
    logging.getLogger("nameko.containers").setLevel(logging.CRITICAL)  # it tells each failed task, which many are
    diary = Diary(Path(life.folder, "diary"), life.number)
    for name in life.sabotage:
        SABOTAGES[name]()
    _witness(diary)
    death = Death(**life.death) if life.death else Death("none")
    if life.death:
        arm(death, Path(life.folder, f"{life.name}.db"))
    settings = TaskSettings(
        Topology({life.name: (life.name,)}), Path(life.folder), life.database_url, sync_interval_s=0.1,
        max_attempts=MAX_ATTEMPTS, retry_base_s=0.1, retry_max_s=0.1,
    )  # fmt: skip
    container = ServiceContainer(
        worker(life, diary, death), {"AMQP_URI": life.amqp_url, "WAL": settings, "max_workers": MAX_WORKERS}
    )
    asked = eventlet.event.Event()
    signal.signal(signal.SIGTERM, lambda *_: eventlet.spawn_n(lambda: asked.ready() or asked.send("stop")))
    container.start()
    tell("started")
    eventlet.spawn(container.wait).link(lambda _: asked.ready() or asked.send("died"))
    if asked.wait() == "died":
        os._exit(1)
    container.stop()
    os._exit(0)


def _witness(diary: Diary) -> None:
    """Note what the journal has promised: from here on a task has ended, and that many were recovered."""

    def ending(name: str) -> None:
        end = getattr(WALManager, name)

        def ended(self: WALManager, task_id: str, *arguments: Any) -> Any:
            answer = end(self, task_id, *arguments)
            diary.note("ended", task_id)
            return answer

        setattr(WALManager, name, ended)

    for name in ("log_task_complete", "log_task_failure"):
        ending(name)
    recover = WALManager.recover_pending_tasks

    def recover_pending_tasks(self: WALManager) -> list[str]:
        found = recover(self)
        tell("recovered", len(found))
        return found

    WALManager.recover_pending_tasks = recover_pending_tasks  # type: ignore[method-assign]


def tell(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def main() -> None:
    die_with_parent(signal.SIGKILL, os.getppid())
    original = patcher.original("os")
    tell("ready")
    for line in sys.stdin:
        pid = original.fork()
        if pid == 0:
            try:
                live(Life(**json.loads(line)))
            except BaseException:
                logging.exception("could not live")
            finally:
                os._exit(1)
        tell("born", pid)
        _, status = original.waitpid(pid, 0)
        tell("died", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()

"""The named points at which a worker of the crash tests dies. The product knows nothing of them.

A point is put around one of the product's functions, or noticed in what SQLite or psycopg2 is told to do.
"""

import functools
import os
import resource
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eventlet import patcher

AROUND = {
    "WALManager.begin": ("before_insert", "after_insert"),
    "WALManager.checkpoint": ("after_effect", "after_stage"),
    "WALManager.log_task_complete": ("before_complete", "after_complete"),
    "WALManager.log_task_failure": ("before_failure", "after_failure"),
    "WALManager.log_task_retry": ("before_retry", "after_retry"),
    "WALManager.mark_announced": ("before_marked_as_told", "after_marked_as_told"),
    "WALManager.recover_pending_tasks": ("before_recovery", "after_recovery"),
    "WALManager.works": ("before_taking_up", "after_taking_up"),
    "WALManager.mark_synced": ("after_sync", "after_marked_as_synced"),
    "WALManager.close": ("before_close", "after_close"),
    "Syncer.sync": ("before_sync", "after_batch"),
    "TaskPublisher.delay": ("before_delay", "after_delay"),
    "TaskPublisher.bury": ("before_burial", "after_burial"),
    "TaskPublisher.announce": ("before_telling", "after_telling"),
    "QueueConsumer.ack_message": ("before_ack", "after_ack"),
    "GreenRuntime.wake": ("after_commit", "after_waking"),
}
"""A public function of the product: the points before and after it."""

WITHIN = (
    "in_effect",  # half of an effect is done
    "in_group",  # a group commit has begun to write
    "in_commit",  # all statements of a group have run, COMMIT has not
    "in_recovery",  # the same, of the transaction that recovers
    "at_checkpoint",  # SQLite is told to checkpoint; `after_s` lets it get on with it
    "in_checkpoint",  # the database file has grown by `COPIED_BYTES`, the log is still there
    "in_sync",  # PostgreSQL has the rows of a batch, but no COMMIT
)

POINTS = frozenset(WITHIN).union(*AROUND.values())

COPIED_BYTES = 1_000_000


@dataclass
class Death:
    """When a worker dies: at which call of which point.

    `held_s` is how long the thread that comes to the point stands still before; whoever was told too early goes on
    meanwhile. `after_s` is how long after the point everything goes on.
    """

    point: str
    call: int = 1
    held_s: float = 0.0
    after_s: float = 0.0
    seen: int = 0

    @property
    def status(self) -> int:
        """How the process ends, as `subprocess` has it."""
        return -signal.SIGXFSZ if self.point == "in_checkpoint" else -signal.SIGKILL

    def at(self, point: str) -> None:
        """Called when a point is reached."""
        if point != self.point:
            return
        self.seen += 1
        if self.seen != self.call:
            return
        if self.after_s:
            patcher.original("threading").Thread(target=self._strike, args=[self.after_s], daemon=True).start()
        else:
            self._strike(self.held_s)

    def _strike(self, pause_s: float) -> None:
        patcher.original("time").sleep(pause_s)
        os.kill(os.getpid(), signal.SIGKILL)


def arm(death: Death, journal: Path) -> None:
    """Put `death` into the product, in this process. To be called before the worker is made."""
    if death.point not in POINTS:
        raise LookupError(f"there is no point {death.point}")
    for function, (before, after) in AROUND.items():
        if death.point in (before, after):
            _surround(*_find(function), functools.partial(death.at, before), functools.partial(death.at, after))
    if death.point in ("in_group", "in_commit", "in_recovery", "at_checkpoint", "in_checkpoint"):
        _watch_sqlite(death, journal)
    if death.point == "in_sync":
        _watch_postgresql(death)


def _find(function: str) -> tuple[type, str]:
    from wal import WALManager
    from wal.amqp.entrypoint import TaskConsumer
    from wal.amqp.publisher import TaskPublisher
    from wal.green import GreenRuntime
    from wal.sync import Syncer

    owner, _, name = function.partition(".")
    owners = {kind.__name__: kind for kind in (WALManager, TaskPublisher, GreenRuntime, Syncer)}
    owners["QueueConsumer"] = type(TaskConsumer.queue_consumer)
    return owners[owner], name


def _surround(owner: type, name: str, before: Callable[[], None], after: Callable[[], None]) -> None:
    real = getattr(owner, name)

    @functools.wraps(real)
    def surrounded(*arguments: Any, **options: Any) -> Any:
        before()
        result = real(*arguments, **options)
        after()
        return result

    setattr(owner, name, surrounded)


def _watch_sqlite(death: Death, journal: Path) -> None:
    """SQLite tells each statement just before it runs it, in the thread that runs it, however it came there."""
    from wal import WALManager

    recovering = []
    _surround(WALManager, "recover_pending_tasks", lambda: recovering.append(1), recovering.clear)
    if death.point == "in_checkpoint":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)

    def watched(connection: sqlite3.Connection) -> sqlite3.Connection:
        begun_at = 0

        def seen(statement: str) -> None:
            nonlocal begun_at
            written = connection.total_changes - begun_at
            _limit_files_to(resource.RLIM_INFINITY)
            if statement.startswith("BEGIN"):
                begun_at = connection.total_changes
            elif "wal_checkpoint" in statement:
                if death.point == "in_checkpoint":
                    _limit_files_to(journal.stat().st_size + COPIED_BYTES)
                death.at("at_checkpoint")
            elif statement != "COMMIT":
                if written >= 2:
                    death.at("in_group")
            elif recovering:
                death.at("in_recovery")
            elif written >= 3:
                death.at("in_commit")

        connection.set_trace_callback(seen)
        return connection

    connect = sqlite3.connect
    sqlite3.connect = lambda *arguments, **options: watched(connect(*arguments, **options))  # type: ignore


def _limit_files_to(size: int) -> None:
    """Have the kernel end this process at the write that brings a file beyond `size` bytes.

    That is a death at an exact place within SQLite's own code, where nothing of ours runs.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size if hard == resource.RLIM_INFINITY else min(size, hard), hard))


def _watch_postgresql(death: Death) -> None:
    import psycopg2
    import psycopg2.extensions

    class Cursor(psycopg2.extensions.cursor):
        def execute(self, statement: Any, *values: Any) -> None:
            super().execute(statement, *values)
            self.connection.has_rows = "INSERT" in statement

    class Watched(psycopg2.extensions.connection):
        has_rows = False

        def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
            if kind is None and self.has_rows:  # not where it only asks whether PostgreSQL is there
                death.at("in_sync")
            super().__exit__(kind, error, traceback)

    psycopg2.connect = functools.partial(psycopg2.connect, connection_factory=Watched, cursor_factory=Cursor)

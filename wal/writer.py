"""The one thread that writes the journal file: it takes what waits, commits it at once, wakes the callers.

Concurrent callers share one fsync (group commit). Nobody else holds a connection that writes or
checkpoints, which also keeps clear of SQLite's WAL-reset bug (3.7.0 to 3.51.2).
"""

import os
import queue
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from wal.errors import JournalClosed, JournalError, JournalUnavailable
from wal.metrics import BATCH, COMMIT
from wal.runtime import Runtime

T = TypeVar("T")
Step = Callable[[sqlite3.Connection], T]
"""Reads and writes within the shared transaction. May run twice, so it must depend on the file alone."""

WAL_LIMIT_BYTES = 4 * 1024 * 1024
IDLE_S = 1.0
BUSY_MS = 5000


class _Call:
    """A step, the caller's place to wait, and what came of it."""

    __slots__ = ("commit", "error", "result", "step", "waiter")

    def __init__(self, step: Step[Any], waiter: Any) -> None:
        self.step = step
        self.waiter = waiter
        self.result: Any = None
        self.error: BaseException | None = None
        self.commit: tuple[int, float] | None = None
        """Size and seconds of the group commit, told to one caller of each group."""


class Writer:
    """Runs steps in group commits. `run` returns when the step's transaction is on the disk."""

    def __init__(self, path: Path, runtime: Runtime, *, queue_limit: int = 10_000, batch_limit: int = 512) -> None:
        self.path = path
        self._wal_path = Path(f"{path}-wal")
        self._runtime = runtime
        self._calls = runtime.queue()
        self._room = runtime.semaphore(queue_limit)
        self._gate = runtime.semaphore(1)  # no call may slip in behind the one that closes
        self._batch_limit = batch_limit
        self._closed = False
        self.trouble: str | None = None
        """Why the last commit failed; None once a write succeeds."""
        connection = self._open()  # here, so that a file that cannot be opened is an error and no dead thread
        runtime.start_thread(lambda: self._loop(connection), f"journal-{path.name}")

    def run(self, step: Step[T]) -> T:
        """Run `step`, wait until it is durable, and return what it returned.

        Waits while `queue_limit` steps are waiting already. Raises what the step raised, `JournalClosed`, or
        `JournalUnavailable` when the disk refused (then nothing of the step was kept).
        """
        self._room.acquire()
        try:
            call = _Call(step, self._runtime.waiter())
            with self._gate:
                if self._closed:
                    raise JournalClosed(f"{self.path} is closed")
                self._calls.put(call)
            call.waiter.wait()
        finally:
            self._room.release()
        if call.commit is not None:  # counted here: the metrics' locks may be green, the writer's thread is not
            BATCH.observe(call.commit[0])
            COMMIT.observe(call.commit[1])
        if call.error is not None:
            raise call.error
        result: T = call.result
        return result

    def post(self, step: Step[Any]) -> None:
        """Run `step` with the next group, without waiting for it. Only for what may be lost: its error is too."""
        with self._gate:
            if not self._closed:
                self._calls.put(_Call(step, None))

    def close(self) -> None:
        """Commit what waits, checkpoint, close the file. Later calls are refused."""
        done = _Call(lambda _: None, self._runtime.waiter())
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._calls.put(None)
            self._calls.put(done)
        done.waiter.wait()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=0", "temp_store=MEMORY"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    # From here on: the writer thread.

    def _loop(self, connection: sqlite3.Connection) -> None:
        while True:
            batch, last = self._take(connection)
            if batch:
                self._commit(connection, batch)
                self._runtime.wake([call.waiter for call in batch if call.waiter is not None])
            if last:
                break
        self._checkpoint(connection, above=0)
        try:
            connection.close()
        except sqlite3.Error as error:
            self.trouble = str(error)
        self._runtime.wake([self._calls.get().waiter])

    def _take(self, connection: sqlite3.Connection) -> tuple[list[_Call], bool]:
        try:
            first = self._calls.get(timeout=IDLE_S)
        except queue.Empty:
            self._checkpoint(connection, above=0)
            return [], False
        batch: list[_Call] = []
        while first is not None:
            batch.append(first)
            if len(batch) >= self._batch_limit:
                return batch, False
            try:
                first = self._calls.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True

    def _commit(self, connection: sqlite3.Connection, batch: list[_Call]) -> None:
        started = time.perf_counter()
        try:
            self._transaction(connection, batch)
        except Exception:
            # One step broke half-way or the disk refused: nothing was kept. Alone, each gets its own verdict.
            for call in batch:
                call.result, call.error = None, None
                try:
                    self._transaction(connection, [call])
                except Exception as error:
                    call.error = self._verdict(error)
        batch[0].commit = (len(batch), time.perf_counter() - started)
        self._checkpoint(connection, above=WAL_LIMIT_BYTES)

    def _transaction(self, connection: sqlite3.Connection, batch: list[_Call]) -> None:
        changes = connection.total_changes
        connection.execute("BEGIN IMMEDIATE")
        try:
            for call in batch:
                try:
                    call.result = call.step(connection)
                except JournalError as refused:  # raised before the step wrote anything
                    call.error = refused
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if connection.total_changes != changes:  # a full disk can still be read
            self.trouble = None

    def _verdict(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.IntegrityError | sqlite3.ProgrammingError
        ):
            self.trouble = f"{type(error).__name__}: {error}"
            return JournalUnavailable(f"{self.path}: {error}")
        return error

    def _checkpoint(self, connection: sqlite3.Connection, above: int) -> None:
        try:
            if os.stat(self._wal_path).st_size > above:
                # Another process that reads holds the checkpoint back: not worth a wait, a later one gets through.
                connection.execute("PRAGMA busy_timeout=0")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except FileNotFoundError:
            return
        except sqlite3.Error as error:
            self.trouble = f"checkpoint: {error}"
        connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")

"""The one thread that writes the journal file: it takes what waits, commits it at once, wakes the callers.

Concurrent callers share one fsync (group commit). Nobody else holds a connection that writes or
checkpoints, which also keeps clear of SQLite's WAL-reset bug (3.7.0 to 3.51.2).
"""

import queue
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from wal.errors import JournalBroken, JournalClosed, JournalError, JournalUnavailable
from wal.file import is_broken, size
from wal.metrics import BATCH, COMMIT
from wal.runtime import Runtime

T = TypeVar("T")
Step = Callable[[sqlite3.Connection], T]
"""Reads and writes within the shared transaction. May run twice, so it must depend on the file alone."""
Batch = Callable[[sqlite3.Connection, list[Any]], list[Any]]
"""Like `Step`, for all that want the same at the same time: their values in, for each its result or `JournalError`."""

FULL_PAUSE_S = 0.002
WAL_LIMIT_BYTES = 16 * 1024 * 1024
WAL_LIMIT_CALLS = 4000
IDLE_S = 0.5  # less than the interval of the sync, so that there are such moments
QUIET_S = 5.0
SPARE_PAGES = 250  # kept for the next rows
PAGES_AT_ONCE = 1000
BUSY_MS = 5000
STATEMENTS = 200  # kept compiled: each of the hot ones in nine sizes


class _Call:
    """What a caller wants, the place where it waits, and what came of it."""

    __slots__ = ("batch", "commit", "error", "result", "value", "waiter")

    def __init__(self, batch: Batch, value: Any, waiter: Any) -> None:
        self.batch = batch
        self.value = value
        self.waiter = waiter
        self.result: Any = None
        self.error: BaseException | None = None
        self.commit: tuple[int, float] | None = None
        """Size and seconds of the group commit, told to one caller of each group."""


def one_by_one(connection: sqlite3.Connection, steps: list[Step[Any]]) -> list[Any]:
    """The batch of steps that have nothing in common."""
    results: list[Any] = []
    for step in steps:
        try:
            results.append(step(connection))
        except JournalError as refused:  # raised before the step wrote anything
            results.append(refused)
    return results


class Writer:
    """Runs what its callers want in group commits; they go on when it is on the disk."""

    def __init__(self, path: Path, runtime: Runtime, *, queue_limit: int = 10_000, batch_limit: int = 512) -> None:
        self.path = path
        self._wal_path = Path(f"{path}-wal")
        self._runtime = runtime
        self._calls = runtime.queue()
        self._queue_limit = queue_limit
        self._gate = runtime.lock()  # no call may slip in behind the one that closes
        self._batch_limit = batch_limit
        self._closed = False
        self._since_checkpoint = 0
        self._refusal: str | None = None
        self._refused_at = 0.0
        self._well = True
        self._cramped = False  # refused, and no checkpoint since
        connection = self._open()  # here, so that a file that cannot be opened is an error and no dead thread
        runtime.start_thread(lambda: self._loop(connection), f"journal-{path.name}")

    @property
    def trouble(self) -> str | None:
        """Why the disk refused; None once a write has succeeded after that, and none was refused for `QUIET_S`.

        On a full disk small writes succeed between large ones that do not.
        """
        if self._refusal is not None and self._well and time.monotonic() - self._refused_at > QUIET_S:
            self._refusal = None
        return self._refusal

    def _refused(self, why: str) -> None:
        self._refusal, self._refused_at, self._well, self._cramped = why, time.monotonic(), False, True

    def run(self, step: Step[T]) -> T:
        """Run `step`, wait until it is durable, and return what it returned. Raises what the step raised, and as
        `apply` does.
        """
        result: T = self.apply(one_by_one, step)
        return result

    def apply(self, batch: Batch, value: Any) -> Any:
        """Give `value` to `batch`, together with those of other callers; wait until it is durable; return its result.

        Waits while `queue_limit` calls are waiting already. Raises the `JournalError` that is its result,
        `JournalClosed`, or `JournalUnavailable` when the disk refused (then nothing of it was kept).
        """
        return self._answer(self._asked(batch, value))

    def ask(self, batch: Batch, value: Any) -> Callable[[], Any]:
        """As `apply`, but what is returned does the waiting, and is to be called once."""
        return partial(self._answer, self._asked(batch, value))

    def _asked(self, batch: Batch, value: Any) -> _Call:
        call = _Call(batch, value, self._runtime.waiter())
        while not self._put(call):
            self._runtime.sleep(FULL_PAUSE_S)
        return call

    def _answer(self, call: _Call) -> Any:
        call.waiter.wait()
        if call.commit is not None:  # counted here: the metrics' locks may be green, the writer's thread is not
            BATCH.observe(call.commit[0])
            COMMIT.observe(call.commit[1])
        if call.error is not None:
            raise call.error
        return call.result

    def post(self, batch: Batch, value: Any) -> None:
        """As `apply`, without waiting. Only for what may be lost: its error is too."""
        with self._gate:
            if not self._closed:
                self._calls.put(_Call(batch, value, None))

    def _put(self, call: _Call) -> bool:
        with self._gate:
            if self._closed:
                raise JournalClosed(f"{self.path} is closed")
            if self._calls.qsize() >= self._queue_limit:
                return False
            self._calls.put(call)
            return True

    def close(self) -> None:
        """Commit what waits, checkpoint, close the file. Later calls are refused."""
        done = _Call(one_by_one, None, self._runtime.waiter())
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._calls.put(None)
            self._calls.put(done)
        done.waiter.wait()

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
        )
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
        self._checkpoint(connection, "TRUNCATE")
        try:
            connection.close()
        except sqlite3.Error as error:
            self._refused(str(error))
        self._runtime.wake([self._calls.get().waiter])

    def _take(self, connection: sqlite3.Connection) -> tuple[list[_Call], bool]:
        try:
            first = self._calls.get(timeout=IDLE_S)
        except queue.Empty:
            self._checkpoint(connection, "TRUNCATE")
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
        if self._cramped:
            # First, or the -wal takes the room that somebody made, and leaves none for the checkpoint that shortens it.
            self._checkpoint(connection, "TRUNCATE")
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
        self._since_checkpoint += len(batch)
        if size(self._wal_path) > WAL_LIMIT_BYTES:
            self._checkpoint(connection, "TRUNCATE")
        elif self._since_checkpoint > WAL_LIMIT_CALLS:
            self._checkpoint(connection, "RESTART")  # to write over a file is cheaper than to let it grow

    def _transaction(self, connection: sqlite3.Connection, batch: list[_Call]) -> None:
        changes = connection.total_changes
        connection.execute("BEGIN IMMEDIATE")
        try:
            for kind, calls in _alike(batch).items():
                for call, result in zip(calls, kind(connection, [call.value for call in calls]), strict=True):
                    if isinstance(result, JournalError):
                        call.error = result
                    else:
                        call.result = result
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if connection.total_changes != changes:  # a full disk can still be read
            self._well = True

    def _verdict(self, error: Exception) -> Exception:
        if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.IntegrityError | sqlite3.ProgrammingError
        ):
            self._refused(f"{type(error).__name__}: {error}")
            if is_broken(error):
                return JournalBroken(f"{self.path}: {error}")
            return JournalUnavailable(f"{self.path}: {error}")
        return error

    def _checkpoint(self, connection: sqlite3.Connection, mode: str) -> None:
        self._since_checkpoint = 0
        try:
            if not self._cramped:
                self._give_back(connection)  # which needs room in the -wal
            if size(self._wal_path):
                self._write_back(connection, mode)
            self._cramped = False
        except sqlite3.Error as error:
            self._refused(f"checkpoint: {error}")

    def _give_back(self, connection: sqlite3.Connection) -> None:
        """Shorten the file by pages that hold nothing, a bounded number of them."""
        free = connection.execute("PRAGMA freelist_count").fetchone()[0] - SPARE_PAGES
        if free > 0:
            connection.executescript(f"PRAGMA incremental_vacuum({min(free, PAGES_AT_ONCE)})")

    def _write_back(self, connection: sqlite3.Connection, mode: str) -> None:
        # Another process that reads holds the checkpoint back: not worth a wait, a later one gets through.
        connection.execute("PRAGMA busy_timeout=0")
        try:
            connection.execute(f"PRAGMA wal_checkpoint({mode})")
        finally:
            connection.execute(f"PRAGMA busy_timeout={BUSY_MS}")


def _alike(batch: list[_Call]) -> dict[Batch, list[_Call]]:
    """The calls by what they want. The order of concurrent calls means nothing."""
    groups: dict[Batch, list[_Call]] = {}
    for call in batch:
        groups.setdefault(call.batch, []).append(call)
    return groups

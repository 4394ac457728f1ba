"""What a task's method is given: its input, its stages, its progress."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import eventlet
from eventlet import hubs
from kombu.exceptions import OperationalError

from wal.amqp.insist import insist
from wal.amqp.timing import waited
from wal.errors import Cancelled, JournalUnavailable, TaskTimeout
from wal.journal import WALManager
from wal.records import Json, TaskRecord, Work

log = logging.getLogger(__name__)


class Announcer(Protocol):
    """Sends an event about a task."""

    def __call__(self, work: Work, event: str, data: Json) -> None: ...


class RunningTask:
    """A task while it runs. `attempt` is 1 at the first try."""

    def __init__(self, work: Work, journal: WALManager, announce: Announcer, *, sent_at: float | None = None) -> None:
        self._work = work
        self._sent_at = sent_at
        self._began = 0.0
        self._journal = journal
        self._announce = announce
        self._finished: dict[str, Json] | None = None  # read when the first stage asks
        self._greenlet: Any = None
        self.attempt = 0
        self.outcome: TaskRecord | None = None
        self.refusal: JournalUnavailable | None = None

    @property
    def task_id(self) -> str:
        return self._work.task_id

    @property
    def task_type(self) -> str:
        return self._work.task_type

    @property
    def body(self) -> bytes:
        """The payload as it came."""
        return self._work.payload

    @property
    def payload(self) -> Json:
        """The payload of a task that was put as JSON."""
        return json.loads(self._work.payload)

    @property
    def headers(self) -> dict[str, Json]:
        return self._work.headers

    @property
    def content_type(self) -> str:
        return self._work.content_type

    def begin(self) -> bool:
        """Journal that it runs. False if it has ended before (its `outcome`), or the disk refuses (`refusal`)."""
        work = self._work
        try:
            begun = self._journal.begin(
                work.task_id, work.task_type, work.payload, content_type=work.content_type, headers=work.headers
            )
        except JournalUnavailable as refusal:
            self.refusal = refusal
            return False
        if isinstance(begun, TaskRecord):
            self.outcome = begun
            return False
        self.attempt = begun
        self._began = time.monotonic()
        if begun == 1 and self._sent_at is not None:
            waited(work.task_type, self._sent_at)
        return True

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self._began

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Here the task may be interrupted, and after `seconds` it is. Raises `Cancelled` or `TaskTimeout`."""
        self._greenlet = eventlet.getcurrent()
        try:
            with eventlet.Timeout(seconds, TaskTimeout(f"ran longer than {seconds:g} s")):
                yield
        except eventlet.Timeout as expired:  # one of the method's own, which is no Exception
            raise TaskTimeout(str(expired)) from expired
        finally:
            self._greenlet = None

    @property
    def interruptible(self) -> bool:
        """Whether its method runs: it has begun, and has not returned yet."""
        return self._greenlet is not None

    def cancel(self) -> bool:
        """Interrupt the method where it waits next. False when it does not run."""
        if self.interruptible:
            hubs.get_hub().schedule_call_global(0, self._interrupt)
        return self.interruptible

    def _interrupt(self) -> None:
        if self._greenlet is not None:  # it may have ended meanwhile
            self._greenlet.throw(Cancelled("cancelled by an operator"))

    def stage(self, name: str, work: Callable[[], Json]) -> Json:
        """The result of `work`, kept durably; an attempt after this one reads it back instead of working again."""
        if self._finished is None:
            self._finished = self._journal.checkpoints(self.task_id)
        if name not in self._finished:
            result = work()
            insist(lambda: self._journal.checkpoint(self.task_id, name, result))
            self._finished[name] = result
        return self._finished[name]

    def progress(self, stage: str, **more: Any) -> None:
        """Tell who listens what is done. Advisory: a broker that is away costs the news, not the task."""
        data = {"task_id": self.task_id, "stage": stage, **more}
        try:
            self._announce(self._work, f"{self.task_type}.progress", data)
        except (OperationalError, OSError) as error:
            log.warning("progress of %s was not heard: %s", self.task_id, error)

"""What a task's method is given: its input, its stages, its progress."""

import json
import logging
from collections.abc import Callable
from typing import Any, Protocol

from kombu.exceptions import OperationalError

from wal.amqp.insist import insist
from wal.journal import WALManager
from wal.records import Json, Work

log = logging.getLogger(__name__)


class Announcer(Protocol):
    """Sends an event about a task."""

    def __call__(self, work: Work, event: str, data: Json) -> None: ...


class RunningTask:
    """A task while it runs. `attempt` is 1 at the first try."""

    def __init__(self, work: Work, journal: WALManager, announce: Announcer) -> None:
        self._work = work
        self._journal = journal
        self._announce = announce
        self._finished: dict[str, Json] | None = None  # read when the first stage asks
        self.attempt = 0

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

    def begin(self) -> None:
        """Journal that it runs."""
        self.attempt = insist(lambda: self._journal.log_task_processing(self.task_id))

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

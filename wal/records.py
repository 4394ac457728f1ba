"""What the journal hands out: plain values, detached from the file."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from wal.states import State

Json = Any
"""What `json.dumps` takes."""


def utc(seconds: float) -> datetime:
    """A moment in UTC from seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """A task as the journal knows it. `version` grows by one with each change of state."""

    task_id: str
    task_type: str
    state: State
    attempt: int
    crashes: int
    version: int
    worker: str
    result: Json
    error_class: str | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    announced_version: int
    synced_version: int
    sync_error: str | None

    @property
    def announced(self) -> bool:
        """Whether the present outcome was told to who waits for it."""
        return self.announced_version >= self.version


@dataclass(frozen=True, slots=True)
class Work:
    """What is needed to run a task: its payload as it came, and how often it was tried."""

    task_id: str
    task_type: str
    payload: bytes
    content_type: str
    headers: dict[str, Json] = field(default_factory=dict)
    attempt: int = 0
    crashes: int = 0


class Unsynced(NamedTuple):
    """A finished task on its way to PostgreSQL; `row` is its record as a JSON object."""

    task_id: str
    version: int
    finished_at: float
    row: str

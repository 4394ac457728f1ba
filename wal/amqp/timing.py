"""How long tasks wait for their start, and how long they run."""

import math
import time
from functools import cache
from typing import Any, Literal, get_args

from wal.metrics import QUEUED, TASK
from wal.records import Json

SENT = "x-eco2-sent-ms"
"""The header that says when a message was sent, in milliseconds since 1970; no part of the task. Of events, for those
who hear them, too.
"""

Outcome = Literal["completed", "failed", "retried"]


def expect(task_type: str) -> None:
    """The worker runs tasks of this type: each outcome is told from 0, or Prometheus would not see the first."""
    for outcome in get_args(Outcome):
        _task(task_type, outcome)


def stamped(headers: dict[str, Json]) -> dict[str, Json]:
    """The headers of a message that is sent now."""
    return {**headers, SENT: round(time.time() * 1000)}


def sent_at(headers: dict[str, Any]) -> float | None:
    """When the message of a task was sent, in seconds since 1970; None where it does not say, as of a later attempt."""
    at = headers.get(SENT)
    return at / 1000 if isinstance(at, int | float) and math.isfinite(at) else None


def waited(task_type: str, since: float) -> None:
    """A task begins that was put at `since`. Clocks of machines differ: it never waited less than no time."""
    _queued(task_type).observe(max(0.0, time.time() - since))


def ran(task_type: str, outcome: Outcome, seconds: float) -> None:
    """An attempt has ended, and the journal has it."""
    _task(task_type, outcome).observe(seconds)


@cache
def _queued(task_type: str) -> Any:
    return QUEUED.labels(task_type)  # to look it up costs more than to count


@cache
def _task(task_type: str, outcome: Outcome) -> Any:
    return TASK.labels(task_type, outcome)

"""Where a run stands: a fold over its journal, with nothing of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from provisioning.run.records import Kind, Planned, Record, StepKey


class Status(StrEnum):
    BEGUN = "begun"
    ACTING = "acting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATUS = {
    Kind.STEP_BEGUN: Status.BEGUN,
    Kind.STEP_ACTING: Status.ACTING,
    Kind.STEP_DONE: Status.DONE,
    Kind.STEP_FAILED: Status.FAILED,
    Kind.STEP_CANCELLED: Status.CANCELLED,
}


@dataclass(frozen=True)
class StepState:
    """The last that is known of a step. ``acted_at`` is the record since which it may have changed the world."""

    status: Status
    inputs: str | None = None
    attempt: int = 0
    planned: tuple[Planned, ...] = ()
    code: str | None = None
    done_at: int | None = None
    acted_at: int | None = None


@dataclass(frozen=True)
class State:
    """``exit_code`` is None while the run has not ended: it runs, or it was killed."""

    steps: dict[StepKey, StepState] = field(default_factory=dict)
    command: str | None = None
    selection: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None

    def is_done(self, step: StepKey, inputs: str, earlier: Iterable[StepKey]) -> bool:
        """Whether a resumed run may leave this step out: it was done with the same inputs, and no step before it in
        the list has acted on the same node (or on the cluster) since then."""
        known = self.steps.get(step)
        if known is None or known.status is not Status.DONE or known.inputs != inputs or known.done_at is None:
            return False
        since = known.done_at
        return not any(
            before.acted_at is not None and before.acted_at > since
            for before in (self.steps.get(key) for key in earlier)
            if before is not None
        )


def fold(records: Iterable[Record]) -> State:
    """The state after these records."""
    state = State()
    for record in records:
        state = after(state, record)
    return state


def after(state: State, record: Record) -> State:
    """The state after one more record. The steps are one dict that grows: keep no older state."""
    if record.kind in (Kind.RUN_BEGUN, Kind.RUN_RESUMED):
        return replace(state, command=record.command, selection=record.selection or state.selection, exit_code=None)
    if record.kind is Kind.RUN_ENDED:
        return replace(state, exit_code=record.exit_code)
    status = _STATUS.get(record.kind)
    if status is None or record.step is None:
        return state
    known = state.steps.get(record.step, StepState(status))
    known = replace(known, status=status)
    if status is Status.BEGUN:
        known = replace(known, inputs=record.inputs, attempt=record.attempt or 0, planned=(), code=None, done_at=None)
    elif status is Status.ACTING:
        known = replace(known, planned=record.planned or (), acted_at=record.seq)
    elif status is Status.DONE:
        known = replace(known, done_at=record.seq)
    elif status is Status.FAILED:
        known = replace(known, code=record.code)
    state.steps[record.step] = known
    return state

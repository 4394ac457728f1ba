"""The records of a run: one for each transition, written to the journal and shown to the people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from provisioning.run.phase import Action
from provisioning.run.redaction import Redactor

LONGEST_MESSAGE = 2000

# None stands for the cluster as a whole.
StepKey = tuple[str, str | None]


class Kind(StrEnum):
    """What has happened. A step goes begun -> acting -> done, and may end before: done without acting (nothing was
    missing), failed (tried again when ``retry_in_s`` is given), cancelled (at a safe point)."""

    RUN_BEGUN = "run_begun"
    RUN_RESUMED = "run_resumed"
    RUN_ENDED = "run_ended"
    PHASE_BEGUN = "phase_begun"
    PHASE_DONE = "phase_done"
    PHASE_FAILED = "phase_failed"
    STEP_BEGUN = "step_begun"
    STEP_ACTING = "step_acting"
    STEP_DONE = "step_done"
    STEP_FAILED = "step_failed"
    STEP_CANCELLED = "step_cancelled"
    STEP_SKIPPED = "step_skipped"


class Planned(BaseModel):
    """An action as the journal, the plan and the events name it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    destructive: bool = False
    once: bool = False


class Record(BaseModel):
    """One line of the journal. ``at`` is UTC; ``took_s`` are seconds of a clock that does not jump."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: int = Field(ge=1)
    at: datetime
    run: str
    kind: Kind
    phase: str | None = None
    node: str | None = None
    title: str | None = None
    attempt: int | None = Field(default=None, ge=1)
    inputs: str | None = None
    planned: tuple[Planned, ...] | None = None
    took_s: float | None = None
    code: str | None = None
    message: str | None = None
    cause: str | None = None
    remedy: str | None = None
    output: tuple[str, ...] | None = None
    retry_in_s: float | None = None
    exit_code: int | None = None
    command: str | None = None
    selection: dict[str, Any] | None = None

    @property
    def step(self) -> StepKey | None:
        return None if self.phase is None else (self.phase, self.node)

    def as_dict(self) -> dict[str, Any]:
        """A JSON value; what is not known is left out."""
        return self.model_dump(mode="json", exclude_none=True)


# The engine's own words, made before any secret is known: hiding a part of them would only make the journal unreadable.
_STRUCTURE = frozenset({"at", "run", "kind", "phase", "node", "inputs", "code"})
_SHORTENED = ("message", "cause", "remedy")


def without_secrets(record: Record, redactor: Redactor) -> Record:
    """The record as it may be written and shown; what is long is cut only afterwards, so that no half of a secret
    is left."""
    whole = record.as_dict()
    for key in whole.keys() - _STRUCTURE:
        whole[key] = redactor.clean(whole[key])
    for key in whole.keys() & set(_SHORTENED):
        whole[key] = _shortened(whole[key])
    return Record.model_validate(whole)


def planned(actions: Sequence[Action]) -> tuple[Planned, ...]:
    return tuple(
        Planned(id=action.id, title=action.title, destructive=action.destructive, once=action.guard is not None)
        for action in actions
    )


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 2] + " …"

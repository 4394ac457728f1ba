"""What a phase is: facts, the plan that follows from them, and the act. The same list makes the plan and the run."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from provisioning.run.errors import ErrorClass, NotYet, OnceUnsure, PhasesError, one_meaning_each
from provisioning.run.retry import Retry
from provisioning.run.step import Step

FactsT = TypeVar("FactsT")
ActionT = TypeVar("ActionT", bound="Action")


class Guard(Enum):
    """What the facts say of an action that may happen once in a cluster's life."""

    CLEAR = "it has not happened"
    HAPPENED = "it has happened"
    UNSURE = "it began, and whether it ended is not known"


@dataclass(frozen=True, kw_only=True)
class Action:
    """One line of the plan, and what `Phase.act` performs. Subclass it to carry what the act needs (a script).

    ``id`` is stable and unique within the step; ``guard`` is given for what must not be repeated (``kubeadm init``):
    it is performed only while the facts say `Guard.CLEAR`.
    """

    id: str
    title: str
    destructive: bool = False
    guard: Guard | None = None


class Phase(ABC, Generic[FactsT, ActionT]):
    """One phase. ``nodes`` is None for what happens once for the whole cluster, else the nodes it concerns.

    `facts` and `plan` change nothing. `act` may be cut off anywhere and is then planned anew from new facts, so a plan
    holds only what the facts show to be missing. All three may run for several nodes at once, in different threads.
    """

    name: str
    title: str
    timeout_s: float = 600.0
    # How many nodes at once; the run has a bound of its own, the smaller one counts.
    parallel: int = 32
    # For what goes through the nodes one after the other: when one has failed, no other is begun.
    halt_on_failure: bool = False
    # Reads the facts again after the act: done is what the machine says, not what the act says.
    verify: bool = True
    retry: Retry = Retry()
    errors: Sequence[ErrorClass] = ()

    def __init__(self, nodes: Sequence[str] | None = None) -> None:
        self.nodes: tuple[str, ...] | None = None if nodes is None else tuple(nodes)

    def inputs(self, node: str | None) -> Any:
        """What this step is made from, as a JSON value without secrets. While it is the same, a finished step of a
        resumed run is not repeated: whatever should make it run again (the machine's id, a version) belongs in it.
        Raises `errors.NotYet` where it follows from what an earlier phase makes."""
        return None

    @abstractmethod
    def facts(self, step: Step) -> FactsT:
        """What is so now. Raises `errors.NotYet` where an earlier phase has to act before it can be known."""

    @abstractmethod
    def plan(self, facts: FactsT) -> Sequence[ActionT]:
        """What is missing, in the order in which it is performed; empty when all is as it should be."""

    @abstractmethod
    def act(self, step: Step, actions: Sequence[ActionT]) -> None:
        """Performs these actions and no others. Long ones call `Step.safe_point` where they may stop."""


AnyPhase = Phase[Any, Any]


def to_do(phase: Phase[FactsT, ActionT], step: Step) -> list[ActionT]:
    """Reads the facts and says what has to be done: the one way to a plan, shown or performed.

    Raises `OnceUnsure` where the facts do not say whether an action may be repeated.
    """
    actions = list(phase.plan(phase.facts(step)))
    ids = [action.id for action in actions]
    if len(set(ids)) != len(ids):
        raise PhasesError(f"{phase.name} plans two actions of one id: {', '.join(sorted(ids))}")
    for action in actions:
        if action.guard is Guard.UNSURE:
            raise OnceUnsure(f"{action.title}: {Guard.UNSURE.value}")
    return [action for action in actions if action.guard is not Guard.HAPPENED]


def digest(phase: AnyPhase, node: str | None) -> str:
    """SHA-256 of the step's inputs; of None while they are not known."""
    try:
        inputs = phase.inputs(node)
    except NotYet:
        inputs = None
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def checked(phases: Sequence[AnyPhase]) -> tuple[AnyPhase, ...]:
    """The same phases. Raises `PhasesError` where names repeat, bounds are no bounds or a code has two meanings."""
    names = [phase.name for phase in phases]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise PhasesError(f"two phases are called {', '.join(sorted(repeated))}")
    for phase in phases:
        if phase.parallel < 1 or phase.timeout_s <= 0:
            raise PhasesError(f"{phase.name}: parallel and timeout_s have to be more than 0")
        if phase.nodes is not None and len(set(phase.nodes)) != len(phase.nodes):
            raise PhasesError(f"{phase.name} names a node twice")
    one_meaning_each(error for phase in phases for error in phase.errors)
    return tuple(phases)

"""The plan: what a run would do now, read from the same phases, with nothing acted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from provisioning.run.errors import Cancelled, NotYet
from provisioning.run.exit_codes import ExitCode
from provisioning.run.phase import Action, AnyPhase, digest, to_do
from provisioning.run.records import Kind, Planned, StepKey, planned
from provisioning.run.selection import Chosen
from provisioning.run.state import State
from provisioning.run.step import Step
from provisioning.run.steps import Ending, Settings, StepRun, watch


class Prospect(StrEnum):
    """What a step would do. UNKNOWN: an earlier phase has to act first. DONE: finished before, in the resumed run."""

    CHANGES = "changes"
    UNCHANGED = "unchanged"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DONE = "done"


@dataclass(frozen=True)
class StepPlan:
    """One step's part of the plan."""

    phase: str
    title: str
    node: str | None
    prospect: Prospect
    actions: tuple[Planned, ...] = ()
    reason: str | None = None
    failure: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        whole: dict[str, Any] = {"phase": self.phase, "title": self.title, "node": self.node, "state": self.prospect}
        whole["actions"] = [action.model_dump() for action in self.actions]
        return whole | {name: value for name, value in (("reason", self.reason), ("failure", self.failure)) if value}


@dataclass(frozen=True)
class Plan:
    """All steps, in the order in which a run takes them."""

    steps: tuple[StepPlan, ...]

    @property
    def actions(self) -> list[tuple[StepKey, Planned]]:
        return [((step.phase, step.node), action) for step in self.steps for action in step.actions]

    @property
    def destructive(self) -> list[tuple[StepKey, Planned]]:
        return [(step, action) for step, action in self.actions if action.destructive]

    @property
    def exit_code(self) -> ExitCode:
        """0: nothing to do; 2: something; the class of the first failure where facts could not be read."""
        for step in self.steps:
            if step.failure is not None:
                return ExitCode(step.failure["exit_code"])
        idle = all(step.prospect in (Prospect.UNCHANGED, Prospect.DONE) for step in self.steps)
        return ExitCode.DONE if idle else ExitCode.PLAN_HAS_CHANGES

    def as_dict(self) -> dict[str, Any]:
        return {
            "changes": len(self.actions),
            "destructive": len(self.destructive),
            "unknown_steps": sum(step.prospect is Prospect.UNKNOWN for step in self.steps),
            "failed_steps": sum(step.prospect is Prospect.FAILED for step in self.steps),
            "steps": [step.as_dict() for step in self.steps],
        }


def earlier(phases: Sequence[AnyPhase], step: StepKey) -> list[StepKey]:
    """The steps before this one that touch what it touches: the same node, or the cluster as a whole."""
    keys: list[StepKey] = []
    for phase in phases:
        if phase.name == step[0]:
            break
        keys += [
            (phase.name, node)
            for node in (phase.nodes if phase.nodes is not None else (None,))
            if node is None or step[1] is None or node == step[1]
        ]
    return keys


def make_plan(phases: Sequence[AnyPhase], chosen: Sequence[Chosen], settings: Settings, state: State) -> Plan:
    """Reads all facts and plans. Failures do not end it: the plan names every step that cannot be planned.

    Raises `Cancelled` when the run was asked to stop.
    """
    steps: list[StepPlan] = []
    for each in chosen:
        planners = [_Planner(each.phase, node, settings) for node in each.nodes]
        open_ = [
            planner
            for planner in planners
            if not state.is_done(planner.key, digest(each.phase, planner.key[1]), earlier(phases, planner.key))
        ]
        endings = watch([planner.run for planner in open_], each.phase.parallel, settings)
        ended = {planner.key: ending for planner, ending in zip(open_, endings, strict=True)}
        if settings.stop.asked:
            raise Cancelled
        steps += [planner.result(ended.get(planner.key)) for planner in planners]
    return Plan(tuple(steps))


class _Planner:
    """Plans one step, with the attempts and bounds of a run, and keeps what comes of it."""

    def __init__(self, phase: AnyPhase, node: str | None, settings: Settings) -> None:
        self.key: StepKey = (phase.name, node)
        self.run = StepRun(phase, node, settings, work=self._work, tell=self._tell)
        self._settings = settings
        self._not_yet: str | None = None
        self._failure: dict[str, Any] | None = None

    def result(self, ending: Ending | None) -> StepPlan:
        clean = self._settings.redactor.clean
        found = [Planned.model_validate(clean(action.model_dump())) for action in planned(self.run.actions)]
        prospect = Prospect.UNCHANGED
        if ending is None:
            prospect = Prospect.DONE
        elif ending in (Ending.FAILED, Ending.NOT_BEGUN):
            prospect = Prospect.FAILED
        elif self._not_yet is not None:
            prospect = Prospect.UNKNOWN
        elif found:
            prospect = Prospect.CHANGES
        failure = clean(self._failure) if prospect is Prospect.FAILED else None
        if prospect is Prospect.FAILED and failure is None:
            failure = {"message": "was not looked at: another step did not come back", "exit_code": ExitCode.TIMEOUT}
        return StepPlan(
            *(self.key[0], self.run.phase.title, self.key[1]),
            prospect,
            actions=tuple(found),
            reason=clean(self._not_yet),
            failure=failure,
        )

    def _work(self, run: StepRun, step: Step) -> Sequence[Action]:
        try:
            return to_do(run.phase, step)
        except NotYet as error:
            self._not_yet = str(error)
            return ()

    def _tell(self, kind: Kind, **fields: Any) -> None:
        if kind is Kind.STEP_FAILED:
            names = ("code", "message", "cause", "remedy", "exit_code", "output")
            self._failure = {name: fields[name] for name in names}

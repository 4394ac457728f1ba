"""What is to be done about releases, as lines of a plan: from what Helm's records say and what should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.helm import Helm
from provisioning.kubernetes.states import State, Status
from provisioning.run import Action, Step


@dataclass(frozen=True)
class ReleaseFacts:
    """A release: as it should be, as it is, and the digest that it should have."""

    spec: ReleaseSpec
    state: State
    digest: str

    @property
    def is_so(self) -> bool:
        return self.state.status is Status.DEPLOYED and self.state.digest == self.digest


@dataclass(frozen=True, kw_only=True)
class EnsureRelease(Action):
    """Carries the release."""

    spec: ReleaseSpec


def release_facts(helm: Helm, step: Step, specs: Sequence[ReleaseSpec]) -> list[ReleaseFacts]:
    """Reads Helm's records; fetches charts that are not kept yet, and changes nothing else."""
    digests = helm.digests(step, specs)
    states = helm.states(step, specs)
    return [ReleaseFacts(spec, states[spec.name], digests[spec.name]) for spec in specs]


def release_actions(facts: Sequence[ReleaseFacts]) -> list[EnsureRelease]:
    """One line for each release that is not what it should be."""
    return [
        EnsureRelease(id=f"release:{each.spec.name}", title=_title(each), spec=each.spec)
        for each in facts
        if not each.is_so
    ]


def ensured(helm: Helm, step: Step, actions: Sequence[Action]) -> None:
    """Performs the lines of this plan that are about releases, some at once."""
    if specs := [action.spec for action in actions if isinstance(action, EnsureRelease)]:
        helm.ensure(step, *specs)


def _title(facts: ReleaseFacts) -> str:
    spec, state = facts.spec, facts.state
    what = f"{spec.name} in {spec.namespace}"
    if state.status is Status.MISSING:
        return f"install {what}: {spec.chart_text}"
    if state.status is Status.PENDING:
        return f"take back revision {state.revision} of {what}, which is {state.said}, and install {spec.chart_text}"
    if state.status is Status.FAILED:
        return f"upgrade {what}, whose revision {state.revision} is {state.said}, to {spec.chart_text}"
    if state.chart != spec.chart_text:
        return f"upgrade {what}: {state.chart} becomes {spec.chart_text}"
    return f"upgrade {what}: {spec.chart_text} with other values or templates than those that run"

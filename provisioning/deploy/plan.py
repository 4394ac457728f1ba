"""``./inv deploy.plan``: what a deploy would do, and how the objects would differ from those that run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.deploy.command import use
from provisioning.deploy.present import known, present
from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.charts import ReleaseSpec
from provisioning.kubernetes.differences import difference
from provisioning.kubernetes.errors import NotFound
from provisioning.kubernetes.release_plan import EnsureRelease
from provisioning.kubernetes.release_table import CHARTS
from provisioning.kubernetes.states import Status
from provisioning.operations.looking import look
from provisioning.operations.performing import told
from provisioning.phases.releases import Facts, Releases
from provisioning.run import Action, Cancelled, ExitCode, RunError, Screen, Step
from provisioning.run.report import count
from provisioning.site import Site

_WITHIN_S = 900.0


@dataclass(frozen=True)
class DeployPlan:
    """``diffs``: release -> a unified diff of its objects, where it would be installed or upgraded."""

    cluster: str
    facts: Facts
    actions: Sequence[Action]
    diffs: dict[str, str]

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.PLAN_HAS_CHANGES if self.actions else ExitCode.DONE

    def as_dict(self) -> dict[str, Any]:
        titles = {action.spec.name: action.title for action in self.actions if isinstance(action, EnsureRelease)}
        return {
            "cluster": self.cluster,
            "exit_code": int(self.exit_code),
            "changes": len(self.actions),
            "namespaces": list(self.facts.namespaces),
            "secrets": [
                {"namespace": each.namespace, "name": each.name, "origin": each.origin.value}
                for each in self.facts.secrets
            ],
            "releases": [
                {
                    "name": each.spec.name,
                    "namespace": each.spec.namespace,
                    "status": each.state.status.value,
                    "revision": each.state.revision,
                    "chart": each.state.chart,
                    "wanted": each.spec.chart_text,
                    "action": titles.get(each.spec.name),
                    "diff": self.diffs.get(each.spec.name, ""),
                }
                for each in self.facts.releases
            ],
        }

    def lines(self) -> Iterator[str]:
        for action in self.actions:
            yield f"+ {action.title}"
            if isinstance(action, EnsureRelease):
                diff = self.diffs[action.spec.name]
                yield from (f"    {line}" for line in diff.splitlines())
                if not diff:
                    yield "    (no object differs; hooks or the record do)"
        so = sum(each.is_so for each in self.facts.releases)
        if self.actions:
            yield f"Plan: {count(len(self.actions), 'change')}; {count(so, 'release')} as they should be."
        else:
            yield f"Nothing to do: all {count(so, 'release')} are as they should be."


def deploy_plan(
    site: Site,
    *,
    only: Sequence[str] = (),
    version: str | None = None,
    json: bool = False,
    charts: Path = CHARTS,
    screen: Screen | None = None,
) -> ExitCode:
    """0 when there is nothing to do, 2 when there is; changes nothing. No Secret's content is shown."""
    screen = screen or Screen()
    use(version)
    try:
        plan = _planned(site, only, charts)
    except RunError as error:
        return told(site, screen, error, json=json)
    except (Cancelled, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    if json:
        screen.json(site.redactor.clean(plan.as_dict()))
    else:
        screen.say(site.redactor.text(line) for line in plan.lines())
    return plan.exit_code


def _planned(site: Site, only: Sequence[str], charts: Path) -> DeployPlan:
    chosen = known(site.cluster, only)
    kubectl = Kubectl(site)
    present(site, kubectl)
    helm = Helm(site, kubectl)
    releases = Releases(site, kubectl, helm, charts, chosen)
    step = look(site, "deploy.plan", timeout_s=_WITHIN_S)
    facts = releases.facts(step)
    actions = releases.plan(facts)
    missing = {each.spec.name for each in facts.releases if each.state.status is Status.MISSING}
    diffs = {
        action.spec.name: _difference(helm, step, action.spec, new=action.spec.name in missing)
        for action in actions
        if isinstance(action, EnsureRelease)
    }
    return DeployPlan(site.cluster.name, facts, actions, diffs)


def _difference(helm: Helm, step: Step, spec: ReleaseSpec, *, new: bool) -> str:
    try:
        return helm.diff(step, spec)
    except NotFound:
        if not new:
            raise
        # Kinds that come with this release, or with one before it, the API server does not know yet.
        return difference([], helm.rendered(step, spec))

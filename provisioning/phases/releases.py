"""The phase ``releases``: the services, the workers, and what they need and what watches them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.charts import digest
from provisioning.kubernetes.errors import ChartMissing
from provisioning.kubernetes.release_plan import EnsureRelease, ReleaseFacts, release_actions, release_facts
from provisioning.kubernetes.release_table import CHARTS, flat, specs
from provisioning.kubernetes.secrets import (
    MODEL_KEY,
    REGISTRY_TOKEN,
    Needed,
    credentials,
    decoded,
    namespaces_needed,
    secrets_needed,
)
from provisioning.run import Action, NotYet, Phase, Step
from provisioning.run.redaction import SHORTEST_SECRET
from provisioning.site import Site


@dataclass(frozen=True)
class Facts:
    """Namespaces and Secrets that are missing (or, where the operator gives them, differ), and every release."""

    namespaces: tuple[str, ...]
    secrets: tuple[Needed, ...]
    releases: tuple[ReleaseFacts, ...]


@dataclass(frozen=True, kw_only=True)
class MakeSecret(Action):
    """Carries which; its content is made when it is written."""

    needed: Needed


class Releases(Phase[Facts, Action]):
    """Makes the Secrets once, then installs or upgrades our releases, one layer after the other."""

    name = "releases"
    title = "Services, workers, infrastructure, monitoring"
    timeout_s = 3600.0

    def __init__(self, site: Site, kubectl: Kubectl, helm: Helm, charts: Path = CHARTS) -> None:
        super().__init__()
        self._site = site
        self._charts = charts
        for name in (REGISTRY_TOKEN, MODEL_KEY):
            if len(given := os.environ.get(name, "").strip()) >= SHORTEST_SECRET:
                site.redactor.register(given)
        self._kubectl = kubectl
        self._helm = helm

    def inputs(self, node: str | None) -> Any:
        """Charts of ours change without a new version, so their content counts; the others' is fixed by theirs."""
        made_from: dict[str, Any] = {}
        try:
            wanted = flat(specs(self._site, self._charts))
        except (NotYet, ChartMissing):
            return None
        for spec in wanted:
            content = digest(spec.chart, spec.values) if isinstance(spec.chart, Path) else spec.values
            made_from[spec.name] = {"chart": spec.chart_text, "content": content}
        return made_from

    def facts(self, step: Step) -> Facts:
        wanted = flat(specs(self._site, self._charts))
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")
        there = {each["metadata"]["name"] for each in self._kubectl.get(step, "namespaces")["items"]}
        namespaces = tuple(name for name in namespaces_needed(self._site.cluster) if name not in there)
        secrets = tuple(each for each in secrets_needed(self._site.cluster) if not self._is_there(step, each))
        return Facts(namespaces, secrets, tuple(release_facts(self._helm, step, wanted)))

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions: list[Action] = [
            Action(id=f"namespace:{name}", title=f"make the namespace {name}") for name in facts.namespaces
        ]
        for needed in facts.secrets:
            origin = "from your environment" if needed.from_environment else "with random passwords"
            title = f"make the Secret {needed.name} in {needed.namespace}, {origin}"
            actions.append(MakeSecret(id=f"secret:{needed.id}", title=title, needed=needed))
        return [*actions, *release_actions(facts.releases)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        for action in actions:
            kind, _, name = action.id.partition(":")
            if kind == "namespace":
                self._kubectl.create(step, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for action in actions:
            if isinstance(action, MakeSecret):
                self._make(step, action.needed)
        planned = {action.spec.name for action in actions if isinstance(action, EnsureRelease)}
        for layer in specs(self._site, self._charts):
            step.safe_point()
            self._helm.ensure(step, *(spec for spec in layer if spec.name in planned))

    def _is_there(self, step: Step, needed: Needed) -> bool:
        if not needed.from_environment:
            return self._kubectl.exists(step, "secret", needed.name, namespace=needed.namespace)
        return self._content(step, needed.namespace, needed.name) == needed.content({})

    def _make(self, step: Step, needed: Needed) -> None:
        if needed.from_environment:
            self._kubectl.apply(step, [needed.manifest({})], force=True)
        else:
            self._kubectl.create(step, needed.manifest(self._passwords(step)))

    def _passwords(self, step: Step) -> dict[str, dict[str, str]]:
        """Release -> the credentials that stand in the cluster; each is hidden from every log from here on."""
        found = {}
        for name, release in self._site.cluster.releases.items():
            if (secret := credentials(name)) and (content := self._content(step, release.namespace, secret)):
                found[name] = content
        return found

    def _content(self, step: Step, namespace: str, name: str) -> dict[str, str] | None:
        if not self._kubectl.exists(step, "secret", name, namespace=namespace):
            return None
        content = decoded(self._kubectl.get(step, "secret", name, namespace=namespace))
        for value in content.values():
            if len(value.strip()) >= SHORTEST_SECRET:
                self._site.redactor.register(value)
        return content

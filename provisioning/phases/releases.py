"""The phase ``releases``: the services, the workers, and what they need and what watches them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioning.kubernetes import Helm, Kubectl
from provisioning.kubernetes.charts import digest
from provisioning.kubernetes.errors import ChartMissing, NotFound
from provisioning.kubernetes.own_releases import app_namespaces, own_namespaces
from provisioning.kubernetes.release_plan import EnsureRelease, ReleaseFacts, release_actions, release_facts
from provisioning.kubernetes.release_table import CHARTS, flat, layers, missing_charts, specs
from provisioning.kubernetes.secrets import (
    MODEL_KEY,
    MODEL_SECRET,
    REGISTRY_TOKEN,
    REVISION,
    Given,
    Needed,
    Origin,
    Passwords,
    credentials,
    decoded,
    releases_with_credentials,
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
        cluster = self._site.cluster
        if missing := missing_charts(cluster, self._charts):
            raise ChartMissing(", ".join(f"charts/{name}" for name in missing))
        if not self._site.kubeconfig.exists():
            raise NotYet("there is no kubeconfig yet: the cluster has not been made")
        there = {each["metadata"]["name"] for each in self._kubectl.get(step, "namespaces")["items"]}
        namespaces = tuple(name for name in own_namespaces(cluster) if name not in there)
        passwords = self._passwords(step)
        unmade = tuple(
            replace(each, revision=secrets.token_hex(4))
            for each in secrets_needed(cluster)
            if not self._is_there(step, each, passwords)
        )
        revisions = self._revisions(step) | {each.id: each.revision for each in unmade}
        wanted = flat(specs(self._site, self._charts, replace(self._given(step), revisions=revisions)))
        return Facts(namespaces, unmade, tuple(release_facts(self._helm, step, wanted)))

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions: list[Action] = [
            Action(id=f"namespace:{name}", title=f"make the namespace {name}") for name in facts.namespaces
        ]
        for needed in facts.secrets:
            title = f"make the Secret {needed.name} in {needed.namespace}, {needed.origin}"
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
        planned = {action.spec.name: action.spec for action in actions if isinstance(action, EnsureRelease)}
        for layer in layers(self._site.cluster):
            step.safe_point()
            if now := [planned[name] for name in layer if name in planned]:
                self._helm.ensure(step, *now)

    def _given(self, step: Step) -> Given:
        """What the operator gives now, or has given before: a run without the variables takes nothing away."""
        now, namespaces = Given.by_environment(), app_namespaces(self._site.cluster)
        pull_secret = self._site.cluster.registry.pull_secret

        def before(name: str) -> bool:
            return any(self._kubectl.exists(step, "secret", name, namespace=where) for where in namespaces)

        return Given(now.models or before(MODEL_SECRET), now.registry or before(pull_secret))

    def _revisions(self, step: Step) -> dict[str, str]:
        """Of the Secrets that stand where services and workers are; their contents are not asked for."""
        each = f'{{.metadata.namespace}}/{{.metadata.name}}={{.metadata.annotations.{REVISION}}}{{"\\n"}}'
        shown = f"jsonpath={{range .items[*]}}{each}{{end}}"
        found: dict[str, str] = {}
        for namespace in app_namespaces(self._site.cluster):
            said = self._kubectl.repeated(step, "get", "secrets", "--namespace", namespace, "--output", shown)
            found |= {name: revision for name, _, revision in (line.partition("=") for line in said.splitlines())}
        return found

    def _is_there(self, step: Step, needed: Needed, passwords: Passwords) -> bool:
        if needed.origin is Origin.RANDOM:
            return self._kubectl.exists(step, "secret", needed.name, namespace=needed.namespace)
        if needed.origin is Origin.PARTS and len(passwords) < len(releases_with_credentials(self._site.cluster)):
            return False
        return self._content(step, needed.namespace, needed.name) == needed.content(passwords)

    def _make(self, step: Step, needed: Needed) -> None:
        if needed.origin is Origin.RANDOM:
            self._kubectl.create(step, needed.manifest({}))
        else:
            self._kubectl.apply(step, [needed.manifest(self._passwords(step))], force=True)

    def _passwords(self, step: Step) -> dict[str, dict[str, str]]:
        """Release -> the credentials that stand in the cluster; each is hidden from every log from here on."""
        found = {}
        for name in releases_with_credentials(self._site.cluster):
            namespace = self._site.cluster.releases[name].namespace
            if content := self._content(step, namespace, credentials(name)):
                found[name] = content
        return found

    def _content(self, step: Step, namespace: str, name: str) -> dict[str, str] | None:
        try:
            content = decoded(self._kubectl.get(step, "secret", name, namespace=namespace))
        except NotFound:
            return None
        for value in content.values():
            if len(value.strip()) >= SHORTEST_SECRET:
                self._site.redactor.register(value)
        return content

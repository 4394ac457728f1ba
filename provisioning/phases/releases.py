"""The phase ``releases``: the services, the workers, and what they need and what watches them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioning.kubernetes import Helm, Kubectl, ReleaseSpec
from provisioning.kubernetes.charts import digest
from provisioning.kubernetes.errors import ChartMissing, NotFound
from provisioning.kubernetes.own_releases import app_namespaces, own_namespaces
from provisioning.kubernetes.release_plan import EnsureRelease, ReleaseFacts, release_actions, release_facts
from provisioning.kubernetes.release_table import CHARTS, flat, layers, missing_charts, namespace_of, specs
from provisioning.kubernetes.rollout import Ensured, Outcome
from provisioning.kubernetes.rotation import ROTATED, annotations_of, starting_anew
from provisioning.kubernetes.secrets import (
    HIDDEN_VARIABLES,
    MODEL_SECRET,
    REVISION,
    Given,
    Needed,
    Origin,
    Passwords,
    credentials,
    decoded,
    receivers_kept,
    releases_with_credentials,
    secrets_needed,
)
from provisioning.kubernetes.states import image_tag_of
from provisioning.monitoring.receivers import ReceiversRefused
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

    def __init__(
        self, site: Site, kubectl: Kubectl, helm: Helm, charts: Path = CHARTS, only: Collection[str] = ()
    ) -> None:
        """``only``: these releases, and the Secrets that they need; empty: all."""
        super().__init__()
        self._site = site
        self._charts = charts
        self._only = frozenset(only)
        self._rotated: dict[str, str] = {}
        self._seen: tuple[ReleaseFacts, ...] = ()
        self._ensured: dict[str, Ensured] = {}
        for name in HIDDEN_VARIABLES:
            if len(given := os.environ.get(name, "").strip()) >= SHORTEST_SECRET:
                site.redactor.register(given)
        self._kubectl = kubectl
        self._helm = helm

    def inputs(self, node: str | None) -> Any:
        """Charts of ours change without a new version, so their content counts; the others' is fixed by theirs."""
        made_from: dict[str, Any] = {}
        try:
            wanted = self._chosen(flat(specs(self._site, self._charts)))
        except (ChartMissing, ReceiversRefused):
            # The facts say it.
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
        needed = self._needed()
        used = {each.namespace for each in needed} if self._only else set(own_namespaces(cluster))
        namespaces = tuple(name for name in own_namespaces(cluster) if name in used - there)
        passwords = self._passwords(step)
        unmade = tuple(
            replace(each, revision=secrets.token_hex(4)) for each in needed if not self._is_there(step, each, passwords)
        )
        revisions = self._revisions(step) | {each.id: each.revision for each in unmade}
        wanted = self._chosen(flat(specs(self._site, self._charts, replace(self._given(step), revisions=revisions))))
        wanted = [
            starting_anew(spec, self._rotated[spec.name]) if spec.name in self._rotated else spec for spec in wanted
        ]
        self._seen = tuple(release_facts(self._helm, step, wanted))
        return Facts(namespaces, unmade, self._seen)

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
                self._helm.ensure(step, *now, tell=self._tell)

    def results(self) -> list[Ensured]:
        """What has become of each release, in the order of the layers; none before the facts were read."""
        return [self._ensured.get(each.spec.name) or _left_alone(each) for each in self._seen]

    def _tell(self, ensured: Ensured) -> None:
        before = self._ensured.get(ensured.name)
        # A second attempt finds as it should be what the first one has made.
        if before is None or ensured.outcome is not Outcome.UNCHANGED:
            self._ensured[ensured.name] = ensured if before is None else replace(ensured, before=before.before)

    def _chosen(self, wanted: Sequence[ReleaseSpec]) -> list[ReleaseSpec]:
        return [spec for spec in wanted if not self._only or spec.name in self._only]

    def _needed(self) -> list[Needed]:
        """The Secrets of the namespaces of what was chosen, and those from which these are made."""
        needed = secrets_needed(self._site.cluster)
        if not self._only:
            return needed
        chosen = {namespace_of(self._site.cluster, name) for name in self._only}
        from_parts = any(each.origin is Origin.PARTS and each.namespace in chosen for each in needed)
        return [each for each in needed if each.namespace in chosen or (from_parts and each.origin is Origin.RANDOM)]

    def _given(self, step: Step) -> Given:
        """What the operator gives now, or has given before: a run without the variables takes nothing away."""
        now, namespaces = Given.by_environment(), app_namespaces(self._site.cluster)
        pull_secret = self._site.cluster.registry.pull_secret

        def before(name: str) -> bool:
            return any(self._kubectl.exists(step, "secret", name, namespace=where) for where in namespaces)

        for secret in now.receivers.secrets:
            if len(secret.strip()) >= SHORTEST_SECRET:
                self._site.redactor.register(secret)
        return Given(
            now.models or before(MODEL_SECRET),
            now.registry or before(pull_secret),
            receivers=now.receivers
            or receivers_kept(self._site.cluster, lambda where, name: self._content(step, where, name)),
        )

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
            read = {credentials(release) for release in passwords}
            return needed.name in read or self._kubectl.exists(step, "secret", needed.name, namespace=needed.namespace)
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
            secret = self._secret(step, self._site.cluster.releases[name].namespace, credentials(name))
            if secret is None:
                continue
            found[name] = decoded(secret)
            if rotated := annotations_of(secret).get(ROTATED):
                self._rotated[name] = rotated
        return found

    def _content(self, step: Step, namespace: str, name: str) -> dict[str, str] | None:
        secret = self._secret(step, namespace, name)
        return None if secret is None else decoded(secret)

    def _secret(self, step: Step, namespace: str, name: str) -> dict[str, Any] | None:
        """As the API server has it; what is in it is hidden from every log from here on."""
        try:
            secret = self._kubectl.get(step, "secret", name, namespace=namespace)
        except NotFound:
            return None
        for value in decoded(secret).values():
            if len(value.strip()) >= SHORTEST_SECRET:
                self._site.redactor.register(value)
        return secret


def _left_alone(facts: ReleaseFacts) -> Ensured:
    """A release that needed nothing, or that was not come to."""
    spec, state = facts.spec, facts.state
    outcome = Outcome.UNCHANGED if facts.is_so else Outcome.NOT_BEGUN
    chart = state.chart or spec.chart_text
    return Ensured(
        *(spec.name, spec.namespace, outcome, state.revision, state.revision, chart),
        image_tag_of(spec.values) if facts.is_so else None,
        0.0,
    )

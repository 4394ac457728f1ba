"""What must hold before a cluster goes to a version; all that does not is told at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from provisioning.cluster import Cluster, Version, matrix
from provisioning.cluster.versions import mismatches, upgrade_problems
from provisioning.kubernetes import Kubectl
from provisioning.operations import answers
from provisioning.operations.api import api_version
from provisioning.operations.disruption import never_allowing
from provisioning.operations.errors import UpgradeBlocked
from provisioning.operations.nodes import NodeState, node_states
from provisioning.operations.scripts import upgrade as scripts
from provisioning.run import Action, NotYet, Phase, Step
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

# etcd 3.6 takes a member over only from here on: https://etcd.io/blog/2025/upgrade_from_3.5_to_3.6_issue/
ETCD_BEFORE_3_6 = Version(3, 5, 20)
# (component, flag) -> the first minor that does not start with it any more.
# https://github.com/kubernetes/kubernetes/blob/master/CHANGELOG/CHANGELOG-1.33.md and CHANGELOG-1.35.md
REMOVED_FLAGS = {
    ("kube-apiserver", "cloud-provider"): "1.33",
    ("kube-apiserver", "cloud-config"): "1.33",
    ("kubelet", "pod-infra-container-image"): "1.35",
}
# kubeadm's name for a component in its own record -> the component's.
_SECTIONS = {
    "apiServer": "kube-apiserver",
    "controllerManager": "kube-controller-manager",
    "scheduler": "kube-scheduler",
}


@dataclass(frozen=True)
class Findings:
    """Everything that the checks look at."""

    api: Version
    etcd: Version
    nodes: Mapping[str, NodeState]
    flags: Mapping[str, frozenset[str]]
    budgets: Sequence[dict[str, Any]]


def problems(cluster: Cluster, to: Version, found: Findings) -> Iterator[str]:
    """Why the cluster may not go to this version now; nothing when it may."""
    yield from mismatches(to)
    kubelets = {name: state.version for name, state in found.nodes.items()}
    yield from upgrade_problems(found.api, kubelets, to)
    if matrix().minors[to.line].etcd.line == "3.6" and found.etcd < ETCD_BEFORE_3_6:
        yield f"etcd is {found.etcd}; {ETCD_BEFORE_3_6} has to run before {to} brings etcd 3.6"
    for node in cluster.nodes:
        if node.name not in found.nodes:
            yield f"{node.name} is not in the cluster (./inv rebuild --only join)"
    for name, state in sorted(found.nodes.items()):
        if not state.ready:
            yield f"{name} is not Ready"
    yield from removed(to, found.flags)
    yield from never_allowing(found.budgets)


def removed(to: Version, flags: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """Flags in use that this version does not know any more."""
    for (component, flag), minor in REMOVED_FLAGS.items():
        if flag in flags.get(component, ()) and _number(to.line) >= _number(minor):
            yield f"{component} is given --{flag}, which Kubernetes {minor} has removed"


def flags_of(found: Facts) -> dict[str, frozenset[str]]:
    """Component -> its flags, from the answer of `scripts.versions`."""
    return {key.removeprefix("flag."): frozenset(found.all(key)) for key in found.values if key.startswith("flag.")}


class UpgradeChecks(Phase[Findings, Action]):
    """Changes nothing; fails with everything that stands in the way."""

    title = "Checks"
    timeout_s = 120.0

    def __init__(self, site: Site, hosts: Hosts, kubectl: Kubectl, to: Version, name: str = "checks") -> None:
        super().__init__()
        self.name = name
        self.title = f"Checks before Kubernetes {to}"
        self._site = site
        self._hosts = hosts
        self._kubectl = kubectl
        self._to = to

    def inputs(self, node: str | None) -> Any:
        return {"to": str(self._to)}

    def facts(self, step: Step) -> Findings:
        node = self._site.control_plane
        said = Facts.read(node, self._hosts.run(step, node, scripts.versions(control_plane=True), timeout_s=60))
        api = api_version(self._kubectl, step)
        if self._to.minor - api.minor > 1:
            raise NotYet(f"known once Kubernetes {self._to.major}.{self._to.minor - 1} runs")
        found = Findings(
            api=api,
            etcd=answers.version(said, "etcd"),
            nodes=node_states(self._kubectl, step),
            flags=_merged(flags_of(said), self._configured(step)),
            budgets=self._kubectl.items(step, "poddisruptionbudgets", all_namespaces=True),
        )
        if wrong := list(problems(self._site.cluster, self._to, found)):
            raise UpgradeBlocked("; ".join(wrong))
        return found

    def plan(self, facts: Findings) -> Sequence[Action]:
        return ()

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        raise AssertionError("checks have nothing to do")

    def _configured(self, step: Step) -> dict[str, frozenset[str]]:
        """The flags of kubeadm's ConfigMap, from which the next manifests are made."""
        held = self._kubectl.get(step, "configmap", "kubeadm-config", namespace="kube-system")
        read = yaml.safe_load(held["data"]["ClusterConfiguration"]) or {}
        return {
            component: frozenset(each["name"] for each in (read.get(section) or {}).get("extraArgs") or ())
            for section, component in _SECTIONS.items()
        }


def _merged(*all_flags: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    names = {name for flags in all_flags for name in flags}
    return {name: frozenset().union(*(flags.get(name, frozenset()) for flags in all_flags)) for name in names}


def _number(line: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", line)]

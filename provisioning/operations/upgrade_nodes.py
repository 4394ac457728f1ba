"""Upgrading machines: the control planes first, then every other node, one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from provisioning.cluster import Version
from provisioning.kubernetes import Kubectl
from provisioning.operations import answers
from provisioning.operations.api import wait_for_api
from provisioning.operations.errors import UpgradeBlocked
from provisioning.operations.nodes import NodeState, cordon, drain, node_states, uncordon, wait_for_node
from provisioning.operations.scripts import upgrade as scripts
from provisioning.operations.upgrade_checks import flags_of, removed
from provisioning.run import Action, Phase, RunError, Step
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts

# Why a node is cordoned, as its annotation says.
UPGRADE = "upgrade"
STATIC_PODS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# What a node may take to be Ready again, and the API server to answer again.
READY_S = 300.0


@dataclass(frozen=True)
class NodeFacts:
    """``control_plane`` are the versions of its static pods, none on another node.

    ``applied``: whether the cluster's own record and its kube-proxy are at the version; None where another node's
    upgrade sees to that.
    """

    node: NodeState
    control_plane: Mapping[str, Version]
    applied: bool | None = None


class _Machines(Phase[NodeFacts, Action]):
    """What upgrading a control plane and upgrading another node have in common."""

    parallel = 1
    halt_on_failure = True

    def __init__(
        self, site: Site, hosts: Hosts, kubectl: Kubectl, to: Version, nodes: Sequence[str], *, drain_s: float
    ) -> None:
        super().__init__(nodes)
        self.site = site
        self.hosts = hosts
        self.kubectl = kubectl
        self.to = to
        self._drain_s = drain_s

    def inputs(self, node: str | None) -> Any:
        machine = self.site.machines()[node] if node else None
        return {"to": str(self.to), "instance": machine.instance_id if machine else None}

    def state_of(self, step: Step, node: str) -> NodeState:
        """The node as the API shows it. Raises `UpgradeBlocked` for one that has left the cluster."""
        try:
            return node_states(self.kubectl, step)[node]
        except KeyError:
            raise UpgradeBlocked(f"{node} is not in the cluster (./inv rebuild --only join)") from None

    def kubelet_actions(self, node: NodeState) -> list[Action]:
        """What the node itself needs."""
        actions = []
        if node.version < self.to:
            title = f"empty it (within {self._drain_s:.0f} s), kubelet {node.version} -> {self.to}, restart the kubelet"
            actions.append(Action(id="kubelet", title=title, destructive=True))
        if node.version < self.to and node.schedulable:
            actions.append(Action(id="uncordon", title="let pods onto it again"))
        elif node.cordoned_by is not None:
            actions.append(Action(id="uncordon", title="let pods onto it again, which we have kept off"))
        return actions

    def upgrade_kubelet(self, step: Step, node: str, script: str) -> None:
        """Empties the node and runs the script on it. What cannot be emptied is given back as it was."""
        cordon(self.kubectl, step, self.state_of(step, node), UPGRADE)
        try:
            drain(self.kubectl, step, node, timeout_s=self._drain_s)
        except RunError:
            uncordon(self.kubectl, step, node)
            raise
        step.safe_point()
        self.hosts.run(step, node, script)

    def give_back(self, step: Step, ids: set[str]) -> None:
        """Waits until the node is Ready in its new version, and lets pods onto it if it was us who kept them off."""
        assert step.node is not None
        if ids & {"kubelet", "uncordon"}:
            wait_for_node(self.kubectl, step, step.node, self.to, timeout_s=READY_S)
            uncordon(self.kubectl, step, step.node)


class UpgradeControlPlane(_Machines):
    """etcd, the API server, the controllers, then the kubelet: kubeadm's ``upgrade apply`` on the first control plane,
    its ``upgrade node`` on the others."""

    timeout_s = 2400.0

    def __init__(
        self,
        site: Site,
        hosts: Hosts,
        kubectl: Kubectl,
        to: Version,
        *,
        name: str = "control-plane",
        drain_s: float = 300.0,
    ) -> None:
        nodes = [node.name for node in site.cluster.of_role("control-plane")]
        super().__init__(site, hosts, kubectl, to, nodes, drain_s=drain_s)
        self.name = name
        self.title = f"Control plane to Kubernetes {to}"

    def facts(self, step: Step) -> NodeFacts:
        assert step.node is not None
        said = Facts.read(step.node, self.hosts.run(step, step.node, scripts.versions(control_plane=True)))
        running = {name: answers.version(said, name) for name in STATIC_PODS}
        applied = self._applied(step) if step.node == self.site.control_plane else None
        return NodeFacts(self.state_of(step, step.node), running, applied)

    def plan(self, facts: NodeFacts) -> Sequence[Action]:
        actions = []
        now = min(facts.control_plane[name] for name in STATIC_PODS)
        if now < self.to or facts.applied is False:
            away = "; the API is away for about a minute" if len(self.nodes or ()) == 1 else ""
            title = f"kubeadm upgrade: control plane {now} -> {self.to}{away}. It cannot be taken back"
            actions.append(Action(id="control-plane", title=title, destructive=True))
        return [*actions, *self.kubelet_actions(facts.node)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        ids = {action.id for action in actions}
        first = step.node == self.site.control_plane
        if "control-plane" in ids:
            self.hosts.run(step, step.node, scripts.upgrade_control_plane(self.to, first=first))
            wait_for_api(self.kubectl, step, version=self.to if first else None, timeout_s=READY_S)
        if "kubelet" in ids:
            self.upgrade_kubelet(step, step.node, scripts.upgrade_kubelet(self.to))
        self.give_back(step, ids)

    def _applied(self, step: Step) -> bool:
        """Whether kubeadm came to its end: it writes its record and the addons after the static pods."""
        held = self.kubectl.get(step, "configmap", "kubeadm-config", namespace="kube-system")
        recorded = yaml.safe_load(held["data"]["ClusterConfiguration"])["kubernetesVersion"]
        proxies = self.kubectl.items(step, "daemonsets", namespace="kube-system")
        images = [
            container["image"]
            for proxy in proxies
            if proxy["metadata"]["name"] == "kube-proxy"
            for container in proxy["spec"]["template"]["spec"]["containers"]
        ]
        tags = [recorded, *(image.rpartition(":")[2] for image in images)]
        return all(Version.parse(tag) >= self.to for tag in tags)


class UpgradeNodes(_Machines):
    """Every node that is no control plane, one after the other; a failure leaves the rest as they are."""

    timeout_s = 1800.0

    def __init__(
        self,
        site: Site,
        hosts: Hosts,
        kubectl: Kubectl,
        to: Version,
        *,
        name: str = "nodes",
        drain_s: float = 600.0,
    ) -> None:
        nodes = [node.name for node in site.cluster.nodes if node.role != "control-plane"]
        super().__init__(site, hosts, kubectl, to, nodes, drain_s=drain_s)
        self.name = name
        self.title = f"Node by node to Kubernetes {to}"

    def facts(self, step: Step) -> NodeFacts:
        assert step.node is not None
        said = Facts.read(step.node, self.hosts.run(step, step.node, scripts.versions(control_plane=False)))
        if gone := list(removed(self.to, flags_of(said))):
            raise UpgradeBlocked(f"{step.node}: {'; '.join(gone)}")
        return NodeFacts(self.state_of(step, step.node), {})

    def plan(self, facts: NodeFacts) -> Sequence[Action]:
        return self.kubelet_actions(facts.node)

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        ids = {action.id for action in actions}
        if "kubelet" in ids:
            script = scripts.upgrade_node(self.to) + scripts.upgrade_kubelet(self.to)
            self.upgrade_kubelet(step, step.node, script)
        self.give_back(step, ids)

"""``node.reset``: a node out of the cluster, and Kubernetes off the node; it stays a prepared machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.kubernetes import Kubectl
from provisioning.operations import answers
from provisioning.operations.errors import EtcdDown
from provisioning.operations.looking import look
from provisioning.operations.node_drain import TakeOut, refuse_only_control_plane
from provisioning.operations.scripts import etcd as etcd_scripts
from provisioning.operations.scripts import reset as scripts
from provisioning.run import Action, AnyPhase, Phase, Step
from provisioning.scripts import kubeadm
from provisioning.scripts.facts import Facts
from provisioning.site import Site
from provisioning.ssh import Hosts


@dataclass(frozen=True)
class Remains:
    """What of a cluster is still on the node."""

    things: tuple[str, ...]


class ResetNode(Phase[Remains, Action]):
    """kubeadm's reset and what it leaves behind. Of a control plane among several, etcd's membership too."""

    name = "reset"
    timeout_s = 600.0

    def __init__(self, site: Site, hosts: Hosts, node: str) -> None:
        super().__init__([node])
        self.title = f"Kubernetes off {node}"
        self._site = site
        self._hosts = hosts

    def inputs(self, node: str | None) -> Any:
        return {"instance": self._site.machines()[node].instance_id if node else None}

    def facts(self, step: Step) -> Remains:
        assert step.node is not None
        said = self._hosts.run(step, step.node, scripts.remains(), timeout_s=60)
        return Remains(tuple(filter(None, said.splitlines())))

    def plan(self, facts: Remains) -> Sequence[Action]:
        if not facts.things:
            return ()
        title = f"kubeadm reset, and remove CNI's files, rules and kubeconfigs (there are: {', '.join(facts.things)})"
        return [Action(id="reset", title=title, destructive=True)]

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        assert step.node is not None
        self._hosts.run(step, step.node, scripts.reset())
        forget_member(self._site, self._hosts, step, step.node)


def forget_member(site: Site, hosts: Hosts, step: Step, node: str) -> None:
    """Takes a control plane that is gone out of etcd's cluster, where others are left to ask. Raises `EtcdDown`."""
    others = [each.name for each in site.cluster.of_role("control-plane") if each.name != node]
    if site.cluster.node(node).role != "control-plane" or not others:
        return
    said = answers.document(hosts.run(step, others[0], etcd_scripts.forget_member(node), timeout_s=60), others[0])
    if not said.get("running"):
        raise EtcdDown(f"etcd does not run on {others[0]}: {node} is still a member")


def unfinished(site: Site, hosts: Hosts, node: str) -> bool:
    """Whether this is a control plane whose cluster was never made to the end: nothing can be lost with it.

    One that has an administrator, manifests and data holds a cluster, even if its API does not answer.
    """
    if site.cluster.node(node).role != "control-plane":
        return False
    step = look(site, "reset", node, timeout_s=60)
    facts = Facts.read(node, hosts.run(step, node, kubeadm.control_plane_facts()))
    return not all(facts.yes(trace) for trace in ("admin_conf", "manifests", "etcd_member"))


def reset_phases(
    site: Site, hosts: Hosts, kubectl: Kubectl, node: str, *, lose_cluster: bool, drain_s: float
) -> list[AnyPhase]:
    """The phases of ``node.reset``. Raises `OnlyControlPlane` unless the cluster may be lost."""
    if not lose_cluster:
        refuse_only_control_plane(site, node)
    take_out = TakeOut(site, kubectl, node, why="reset", drain_s=drain_s, without_api=lose_cluster)
    return [take_out, ResetNode(site, hosts, node)]

"""The phase ``network``: pods reach each other. Calico, and nothing else beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provisioning.kubernetes.components import CALICO, CALICO_NAMESPACE
from provisioning.kubernetes.reasons import is_ready, reason
from provisioning.kubernetes.release_plan import ReleaseFacts, ensured, release_actions
from provisioning.phases.component import ComponentPhase
from provisioning.run import Action, ExitCode, RunError, Step

_LOOK_S = 1.0
# DaemonSets of networks that people use with kubeadm; Calico's own is one only outside its operator's namespace.
_NETWORKS = frozenset(
    {"calico-node", "canal", "cilium", "kube-flannel", "kube-flannel-ds", "weave-net", "aws-node", "kube-router"}
    | {"antrea-agent", "kindnet"}
)


class ForeignNetwork(RunError):
    """Another network, or a Calico that somebody else installed, is in the cluster already."""

    code = "E-CNI-OWNER"
    exit_code = ExitCode.KUBERNETES
    cause = "A manifest was applied by hand, or another tool installs a network too; two owners undo each other."
    remedy = "Delete the DaemonSet that the message names and what came with it, then ./inv rebuild --resume"


class NetworkNotReady(RunError):
    """Calico is installed, and on some nodes its pod is not ready."""

    code = "E-NETWORK"
    exit_code = ExitCode.KUBERNETES
    transient = True
    cause = "Its image is still being pulled, or the nodes cannot reach each other (UDP 4789, TCP 5473)."
    remedy = "Look at what the message says of each pod, then go on with --resume."


@dataclass(frozen=True)
class Facts:
    """Calico's release; node -> what keeps its calico-node from being ready."""

    release: ReleaseFacts
    waiting: dict[str, str]


class Network(ComponentPhase[Facts, Action]):
    """Installs Calico and waits until every node that has registered has it."""

    name = "network"
    title = "Network of the pods"
    release = CALICO
    timeout_s = 900.0

    def facts(self, step: Step) -> Facts:
        self._only_ours(step)
        waiting = self._waiting(step)
        return Facts(self.release_facts(step), waiting)

    def plan(self, facts: Facts) -> Sequence[Action]:
        actions: list[Action] = list(release_actions([facts.release]))
        if facts.waiting:
            actions.append(Action(id="ready", title=f"wait for calico-node on {', '.join(facts.waiting)}"))
        return actions

    def act(self, step: Step, actions: Sequence[Action]) -> None:
        ensured(self._helm, step, actions)
        said: dict[str, str] = {}
        while waiting := self._waiting(step):
            if waiting != said:
                step.say("\n".join(f"{node}: {why}" for node, why in waiting.items()))
                said = waiting
            if step.remaining_s <= 2 * _LOOK_S:
                raise NetworkNotReady("\n".join(f"{node}: {why}" for node, why in waiting.items()))
            step.wait(_LOOK_S)

    def _waiting(self, step: Step) -> dict[str, str]:
        nodes = [node["metadata"]["name"] for node in self._kubectl.get(step, "nodes")["items"]]
        pods = self._kubectl.items(step, "pods", namespace=CALICO_NAMESPACE, selector="k8s-app=calico-node")
        running = {pod["spec"].get("nodeName"): pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}
        return {
            node: reason(running[node]) if node in running else "has no calico-node yet"
            for node in nodes
            if node not in running or not is_ready(running[node])
        }

    def _only_ours(self, step: Step) -> None:
        foreign = [
            f"{each['metadata']['namespace']}/{each['metadata']['name']}"
            for each in self._kubectl.get(step, "daemonsets", all_namespaces=True)["items"]
            if each["metadata"]["name"] in _NETWORKS and each["metadata"]["namespace"] != CALICO_NAMESPACE
        ]
        if foreign:
            raise ForeignNetwork(f"DaemonSet {', '.join(sorted(foreign))}")

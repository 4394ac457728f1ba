"""Nodes as the API shows them, and taking one out of service so that it is remembered who did."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Version
from provisioning.kubernetes import Kubectl
from provisioning.operations.disruption import blocking, on_node
from provisioning.operations.errors import DrainBlocked, NodeNotReady
from provisioning.run import RunError, Step

Object = dict[str, Any]

# On a node that we have cordoned: why. A node that somebody else has cordoned stays so when we are done.
CORDONED = "eco2/cordoned-by"
_LOOK_S = 2.0


@dataclass(frozen=True)
class NodeState:
    """What the API says of a node. ``version`` is its kubelet's."""

    name: str
    version: Version
    ready: bool
    schedulable: bool
    cordoned_by: str | None
    provider_id: str
    created: str
    labels: dict[str, str]
    taints: tuple[tuple[str, str, str], ...]

    @classmethod
    def of(cls, node: Object) -> NodeState:
        metadata, spec, status = node["metadata"], node.get("spec", {}), node.get("status", {})
        conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
        return cls(
            name=metadata["name"],
            version=Version.parse(status["nodeInfo"]["kubeletVersion"]),
            ready=conditions.get("Ready") == "True",
            schedulable=not spec.get("unschedulable"),
            cordoned_by=metadata.get("annotations", {}).get(CORDONED),
            provider_id=spec.get("providerID", ""),
            created=metadata.get("creationTimestamp", ""),
            labels=metadata.get("labels", {}),
            taints=tuple((each["key"], each.get("value", ""), each["effect"]) for each in spec.get("taints", [])),
        )


def node_states(kubectl: Kubectl, step: Step) -> dict[str, NodeState]:
    """Every node of the API, by name."""
    return {state.name: state for state in map(NodeState.of, kubectl.items(step, "nodes"))}


def cordon(kubectl: Kubectl, step: Step, node: NodeState, why: str) -> None:
    """Lets no new pod onto the node, and writes down that it was us; one request, so neither is without the other."""
    if node.schedulable:
        _patch(kubectl, step, node.name, why, unschedulable=True)


def uncordon(kubectl: Kubectl, step: Step, node: str) -> None:
    """Lets pods onto a node that we have cordoned. One that somebody else has cordoned is left as it is."""
    state = node_states(kubectl, step)[node]
    if state.cordoned_by is not None:
        _patch(kubectl, step, node, None, unschedulable=None)


def drain(kubectl: Kubectl, step: Step, node: str, *, timeout_s: float, force: bool = False) -> None:
    """Evicts the node's pods, with respect for every PodDisruptionBudget, and waits until they have ended.

    Pods without a controller would be lost: only with ``force``. Raises `DrainBlocked`, which names what is left.
    """
    bound_s = max(1.0, min(timeout_s, step.remaining_s - 5))
    words = ["drain", node, "--ignore-daemonsets", "--delete-emptydir-data", f"--timeout={bound_s:.0f}s"]
    try:
        kubectl.run(step, *words, *(["--force"] if force else []), timeout_s=bound_s + 5)
    except RunError as error:
        pods = on_node(kubectl.items(step, "pods", all_namespaces=True), node)
        if not pods:
            raise
        budgets = kubectl.items(step, "poddisruptionbudgets", all_namespaces=True)
        left = "; ".join(blocking(pod, budgets) for pod in pods)
        raise DrainBlocked(f"{node} is not empty after {bound_s:.0f} s: {left}") from error


def wait_for_node(kubectl: Kubectl, step: Step, node: str, version: Version | None, *, timeout_s: float) -> None:
    """Waits until the node is Ready, with this kubelet. Raises `NodeNotReady`."""
    waited_s = 0.0
    said = "it is not there"
    while waited_s < timeout_s:
        state = node_states(kubectl, step).get(node)
        if state is not None:
            if state.ready and (version is None or state.version == version):
                return
            said = f"kubelet {state.version}, {'Ready' if state.ready else 'not Ready'}"
        step.wait(_LOOK_S)
        waited_s += _LOOK_S
    raise NodeNotReady(f"{node} after {timeout_s:.0f} s: {said}")


def delete_node(kubectl: Kubectl, step: Step, node: str) -> None:
    """Takes the Node out of the API; one that is not there is out."""
    kubectl.run(step, "delete", "node", node, "--ignore-not-found", "--timeout=60s", timeout_s=65)


def _patch(kubectl: Kubectl, step: Step, node: str, why: str | None, *, unschedulable: bool | None) -> None:
    change = {"metadata": {"annotations": {CORDONED: why}}, "spec": {"unschedulable": unschedulable}}
    kubectl.repeated(step, "patch", "node", node, "--type=merge", "--patch", json.dumps(change))

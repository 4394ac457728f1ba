"""Whether a pod may run on a node: labels, affinity, taints, room. Shared by the scheduler and the DaemonSets."""

from __future__ import annotations

from typing import Any

from tests.doubles.kubernetes.pods import Amounts, is_finished, requests
from tests.doubles.kubernetes.quantities import quantity
from tests.doubles.kubernetes.selectors import expression_matches, selector_matches
from tests.doubles.kubernetes.store import Object

_BLOCKING = ("NoSchedule", "NoExecute")


def tolerates(tolerations: list[Object], taint: Object) -> bool:
    for each in tolerations:
        if each.get("effect") not in (None, "", taint["effect"]):
            continue
        if each.get("key") not in (None, "", taint["key"]):
            continue
        if each.get("operator", "Equal") == "Exists" or each.get("value", "") == taint.get("value", ""):
            return True
    return False


def untolerated(pod_spec: Object, node: Object, *, effects: tuple[str, ...] = _BLOCKING) -> Object | None:
    """The first taint that keeps the pod away."""
    tolerations = pod_spec.get("tolerations") or []
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in effects and not tolerates(tolerations, taint):
            found: Object = taint
            return found
    return None


def chooses(pod_spec: Object, node: Object) -> bool:
    """Whether its nodeSelector and its required node affinity name this node."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (pod_spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required is None or any(_term_matches(term, node, labels) for term in required["nodeSelectorTerms"])


def preferred(pod_spec: Object, node: Object) -> int:
    """How much its preferred node affinity likes this node."""
    labels = node["metadata"].get("labels") or {}
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(int(term["weight"]) for term in terms if _term_matches(term["preference"], node, labels))


def _term_matches(term: Object, node: Object, labels: Object) -> bool:
    fields = {"metadata.name": node["metadata"]["name"]}
    expressions, matched = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not matched:
        return False
    return all(expression_matches(each, labels) for each in expressions) and all(
        expression_matches(each, fields) for each in matched
    )


def lacking(pod: Object, node: Object, there: list[Object]) -> str | None:
    """What the node has too little of for this pod next to those that are there; None: it fits."""
    allocatable = node["status"].get("allocatable") or {}
    if len(there) + 1 > int(allocatable.get("pods", 110)):
        return "Too many pods"
    wanted = requests(pod)
    taken = _sum([requests(each) for each in there])
    for name in ("cpu", "memory"):
        if wanted[name] and taken[name] + wanted[name] > quantity(allocatable.get(name, "0")):
            return f"Insufficient {name}"
    ports = _host_ports(pod)
    if ports and any(ports & _host_ports(each) for each in there):
        return "node(s) didn't have free ports for the requested pod ports"
    return None


def _sum(amounts: list[Amounts]) -> Amounts:
    return {name: sum((each[name] for each in amounts), quantity(0)) for name in ("cpu", "memory")}


def _host_ports(pod: Object) -> set[tuple[int, str]]:
    spec = pod["spec"]
    found: set[tuple[int, str]] = set()
    for container in spec["containers"]:
        for port in container.get("ports") or ():
            number = port.get("hostPort") or (port["containerPort"] if spec.get("hostNetwork") else None)
            if number:
                found.add((number, port.get("protocol", "TCP")))
    return found


def repelled(pod: Object, node: Object, placed: dict[str, list[Object]], nodes: dict[str, Object]) -> bool:
    """Whether its required pod anti-affinity keeps it away from what runs in the node's part of the topology."""
    affinity = (pod["spec"].get("affinity") or {}).get("podAntiAffinity") or {}
    for term in affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or ():
        key = term["topologyKey"]
        here = (node["metadata"].get("labels") or {}).get(key)
        spaces = term.get("namespaces") or [pod["metadata"]["namespace"]]
        for name, pods in placed.items():
            if (nodes[name]["metadata"].get("labels") or {}).get(key) != here:
                continue
            for other in pods:
                labels = other["metadata"].get("labels") or {}
                if other["metadata"]["namespace"] in spaces and selector_matches(term.get("labelSelector"), labels):
                    return True
    return False


def placements(nodes: list[Object], pods: list[Object]) -> dict[str, list[Object]]:
    """Node -> the pods that take room there."""
    placed: dict[str, list[Object]] = {node["metadata"]["name"]: [] for node in nodes}
    for pod in pods:
        where: Any = pod["spec"].get("nodeName")
        if where in placed and not is_finished(pod):
            placed[where].append(pod)
    return placed

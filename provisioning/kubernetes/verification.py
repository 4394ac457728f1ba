"""Whether a cluster is what its file says: pure comparisons of what the API server returns with what should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.cluster import Cluster, Machine
from provisioning.cluster.registration import node_labels, role_label
from provisioning.cluster.totals import expected_nodes
from provisioning.kubernetes.components import CALICO_NAMESPACE
from provisioning.kubernetes.monitoring import workload
from provisioning.kubernetes.reasons import is_ready, not_ready

Object = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """``settles``: it may be over in a moment by itself; the others are not worth a wait."""

    text: str
    settles: bool = False


@dataclass(frozen=True)
class Seen:
    """What the API server returned."""

    nodes: Sequence[Object]
    workloads: Sequence[Object]
    pods: Sequence[Object]
    claims: Sequence[Object]
    events: Sequence[Object]


def problems(cluster: Cluster, machines: Mapping[str, Machine], seen: Seen) -> list[Problem]:
    """Everything that is not as it should be, nodes first."""
    return [
        *_nodes(cluster, machines, seen.nodes),
        *_roles(cluster, seen.nodes),
        *_workloads(cluster, seen.workloads),
        *(Problem(line, settles=True) for line in not_ready(_standing(seen.pods), seen.events)),
        *_claims(seen.claims),
    ]


def _nodes(cluster: Cluster, machines: Mapping[str, Machine], nodes: Sequence[Object]) -> Iterator[Problem]:
    found = {node["metadata"]["name"]: node for node in nodes}
    for name in found:
        if name not in machines:
            yield Problem(f"{name} is a node of the cluster and none of the cluster file")
    for node in cluster.nodes:
        if node.name not in found:
            yield Problem(f"{node.name} has not joined")
            continue
        it = found[node.name]
        if not is_ready(it):
            yield Problem(f"{node.name} is not Ready: {_why(it)}", settles=True)
        if it["spec"].get("providerID") != machines[node.name].provider_id:
            has = it["spec"].get("providerID") or "none"
            yield Problem(f"{node.name} has the providerID {has}, its machine {machines[node.name].provider_id}")
        labels = it["metadata"].get("labels", {})
        for key, value in node_labels(cluster)[node.name].items():
            if labels.get(key) != value:
                yield Problem(f"{node.name} has the label {key}={labels.get(key, '(none)')}, the file says {value!r}")
        wanted = {str(taint) for taint in node.taints}
        has_taints = {_taint(taint) for taint in it["spec"].get("taints", [])}
        for taint in sorted(wanted - has_taints):
            yield Problem(f"{node.name} lacks the taint {taint}")
        for taint in sorted(has_taints - wanted):
            # Kubernetes' own come and go with the node's condition.
            yield Problem(f"{node.name} has the taint {taint}", settles=taint.startswith("node."))
        version = it["status"].get("nodeInfo", {}).get("kubeletVersion")
        if version != f"v{cluster.kubernetes.version}":
            yield Problem(f"{node.name} runs Kubernetes {version}, the file says v{cluster.kubernetes.version}")


def _roles(cluster: Cluster, nodes: Sequence[Object]) -> Iterator[Problem]:
    ready = Counter(
        role_label(node)
        for node in cluster.nodes
        for it in nodes
        if is_ready(it) and it["metadata"]["name"] == node.name and role_label(node) in it["metadata"].get("labels", {})
    )
    labels: dict[str, str] = {node.role: role_label(node) for node in cluster.nodes}
    for role, expected in expected_nodes(cluster).items():
        if ready[labels[role]] != expected:
            yield Problem(f"{ready[labels[role]]} of {expected} nodes of the role {role} are Ready", settles=True)


def _workloads(cluster: Cluster, workloads: Sequence[Object]) -> Iterator[Problem]:
    """Every pod of the file, by the workload of its name; an operator may run more of them than the file reserves."""
    ready = {(each["metadata"]["namespace"], each["metadata"]["name"]): _ready(each) for each in workloads}
    for name, release in cluster.releases.items():
        for pod_name, pod in release.pods.items():
            expected = len(cluster.nodes) if pod.nodes is None else pod.replicas or 0
            behind = workload(name, pod_name)
            running = ready.get((release.namespace, behind), ready.get((CALICO_NAMESPACE, behind)))
            if running is None:
                # What the release's operator makes may come a moment after the release.
                made_later = behind != pod_name
                yield Problem(f"{name}: there is no workload {release.namespace}/{behind}", settles=made_later)
            elif running < expected:
                yield Problem(f"{name}: {running} of {expected} pods of {pod_name} are ready", settles=True)


def _claims(claims: Sequence[Object]) -> Iterator[Problem]:
    for claim in claims:
        phase = claim.get("status", {}).get("phase")
        if phase != "Bound":
            name = f"{claim['metadata']['namespace']}/{claim['metadata']['name']}"
            yield Problem(f"the volume claim {name} is {phase or 'without a state'}", settles=True)


def _standing(pods: Sequence[Object]) -> list[Object]:
    """Without those that are just being replaced, and those of a Job that another one of the same Job has made good."""
    done = {_owner(pod) for pod in pods if pod.get("status", {}).get("phase") == "Succeeded"}
    return [
        pod
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and not (pod.get("status", {}).get("phase") == "Failed" and _owner(pod) in done)
    ]


def _owner(pod: Object) -> str | None:
    owners = pod["metadata"].get("ownerReferences") or [{}]
    uid = owners[0].get("uid")
    return str(uid) if uid else None


def _ready(workload: Object) -> int:
    status = workload.get("status", {})
    return int(status.get("numberReady", status.get("readyReplicas", 0)) or 0)


def _why(node: Object) -> str:
    for condition in node.get("status", {}).get("conditions", []):
        if condition["type"] == "Ready":
            return str(condition.get("message") or condition.get("reason") or condition["status"])
    return "its kubelet has said nothing yet"


def _taint(taint: Mapping[str, str]) -> str:
    value = f"={taint['value']}" if taint.get("value") else ""
    return f"{taint['key']}{value}:{taint['effect']}"

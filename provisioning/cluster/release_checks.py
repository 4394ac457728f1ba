"""What the releases must be to the nodes: each pod has nodes that it may run on, and all of them together fit."""

from collections.abc import Iterator

from provisioning.cluster.capacity import allocatable, fit
from provisioning.cluster.draft import Draft
from provisioning.cluster.errors import Path, did_you_mean
from provisioning.cluster.model import Pod
from provisioning.cluster.quantities import memory_text


def pods_have_nodes(draft: Draft) -> Iterator[tuple[Path, str]]:
    if "nodes" not in draft.parts:
        return
    labels = {f"{key}={value}" for node in draft.nodes.values() for key, value in node.labels.items()}
    for path, pod in _pods(draft):
        if pod.nodes is not None and not any(node.matches(pod.nodes) for node in draft.nodes.values()):
            wanted = [f"{key}={value}" for key, value in pod.nodes.items()]
            near = did_you_mean(next((label for label in wanted if label not in labels), ""), labels)
            yield (*path, "nodes"), f"no node has the labels {', '.join(wanted)}{near}"


def replicas_are_said(draft: Draft) -> Iterator[tuple[Path, str]]:
    for path, pod in _pods(draft):
        if pod.nodes is None and pod.replicas is not None:
            yield (*path, "replicas"), "every node has one pod; leave the number out"
        elif pod.nodes is not None and pod.replicas is None:
            yield (*path, "replicas"), "is missing"


def limits_are_above_requests(draft: Draft) -> Iterator[tuple[Path, str]]:
    for path, pod in _pods(draft):
        if pod.limits and pod.limits.memory < pod.requests.memory:
            yield (*path, "limits", "memory"), f"{memory_text(pod.limits.memory)} is less than the request"
        if pod.limits and pod.limits.cpu is not None and pod.limits.cpu < pod.requests.cpu:
            yield (*path, "limits", "cpu"), f"{pod.limits.cpu}m is less than the request"


def limits_are_below_the_node(draft: Draft) -> Iterator[tuple[Path, str]]:
    """A limit that no node can give means that the kernel ends something else first."""
    kubernetes = draft.kubernetes
    if not kubernetes or "nodes" not in draft.parts:
        return
    for path, pod in _pods(draft):
        room = [allocatable(node, kubernetes).memory for node in draft.nodes.values() if node.matches(pod.nodes)]
        if pod.limits and room and pod.limits.memory > min(room):
            limit = memory_text(pod.limits.memory)
            yield (*path, "limits", "memory"), f"{limit} is more than its node has for pods, {memory_text(min(room))}"


def everything_fits(draft: Draft) -> Iterator[tuple[Path, str]]:
    if not draft.kubernetes or "nodes" not in draft.parts:
        return
    for shortage in fit(draft.nodes.values(), draft.kubernetes, draft.releases).shortages:
        if shortage.release is None:
            yield ("nodes",), shortage.message
        elif not shortage.homeless:
            yield ("releases", shortage.release, "pods", shortage.pod, "requests"), shortage.message


def _pods(draft: Draft) -> Iterator[tuple[Path, Pod]]:
    for name, release in draft.releases.items():
        for pod_name, pod in release.pods.items():
            yield ("releases", name, "pods", pod_name), pod


RELEASE_CHECKS = (
    pods_have_nodes,
    replicas_are_said,
    limits_are_above_requests,
    limits_are_below_the_node,
    everything_fits,
)

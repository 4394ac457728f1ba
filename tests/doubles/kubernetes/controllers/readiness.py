"""What some workloads need before they are ready, beyond being started."""

from __future__ import annotations

from tests.doubles.kubernetes.controllers.signing import SERVED
from tests.doubles.kubernetes.pods import is_going, is_ready
from tests.doubles.kubernetes.store import Object
from tests.doubles.kubernetes.world import World


def lacks(world: World, pod: Object) -> str | None:
    """What the pod still waits for; None when its readiness probe succeeds."""
    labels = pod["metadata"].get("labels") or {}
    if labels.get("k8s-app") == "calico-node" and not _typha_runs(world, pod["metadata"]["namespace"]):
        return "Readiness probe failed: calico/node is not ready: felix is not ready: no connection to typha"
    if any("metrics-server" in container["image"] for container in pod["spec"]["containers"]):
        return _unscraped(world, pod)
    return None


def _typha_runs(world: World, namespace: str) -> bool:
    if world.store.get("deployments.apps", namespace, "calico-typha") is None:
        return True
    return any(
        is_ready(pod) and not is_going(pod)
        for pod in world.store.list("pods", namespace)
        if (pod["metadata"].get("labels") or {}).get("k8s-app") == "calico-typha"
    )


def _unscraped(world: World, pod: Object) -> str | None:
    """metrics-server is ready once it has read a kubelet, whose certificate it verifies unless told not to."""
    arguments = [each for container in pod["spec"]["containers"] for each in container.get("args") or ()]
    if "--kubelet-insecure-tls" in arguments:
        return None
    for node in world.store.list("nodes"):
        if is_ready(node) and (node["metadata"].get("annotations") or {}).get(SERVED):
            return None
    return "Readiness probe failed: HTTP probe failed with statuscode: 500"

"""What Helm is told of each release: where its pods run, how many, and with which requests, limits and volumes."""

from typing import Any

from provisioning.cluster.model import Cluster, Pod
from provisioning.cluster.quantities import cpu_text, memory_text
from provisioning.cluster.syntax import Taint

Values = dict[str, Any]


def placement(cluster: Cluster, release: str) -> dict[str, Values]:
    """Pod -> ``nodeSelector``, ``tolerations``, ``resources``, and where they apply ``replicas`` and ``storage``.

    The keys are those that Helm charts commonly use. Raises KeyError for a release that is not in the file.
    """
    return {name: _values(cluster, pod) for name, pod in cluster.releases[release].pods.items()}


def tolerations(cluster: Cluster, pod: Pod) -> list[dict[str, str]]:
    """Every taint of the nodes that the pod selects; a pod for every node tolerates all, future ones too."""
    if pod.nodes is None:
        return [{"operator": "Exists"}]
    taints: dict[Taint, None] = {}
    for node in cluster.nodes:
        if node.matches(pod.nodes):
            taints.update(dict.fromkeys(node.taints))
    return [taint.toleration() for taint in sorted(taints)]


def expected_pods(cluster: Cluster) -> dict[str, int]:
    """``namespace/pod`` -> how many there are when everything runs."""
    return {
        f"{release.namespace}/{name}": len(cluster.nodes) if pod.nodes is None else pod.replicas or 0
        for release in cluster.releases.values()
        for name, pod in release.pods.items()
    }


def namespaces(cluster: Cluster) -> list[str]:
    """Of all releases, each once, in the order of the file: those that need the registry's secret."""
    return list(dict.fromkeys(release.namespace for release in cluster.releases.values()))


def _values(cluster: Cluster, pod: Pod) -> Values:
    values: Values = {
        "nodeSelector": dict(pod.nodes) if pod.nodes is not None else {},
        "tolerations": tolerations(cluster, pod),
        "resources": _resources(pod),
    }
    if pod.replicas is not None:
        values["replicas"] = pod.replicas
    if pod.volume_gib is not None:
        values["storage"] = f"{pod.volume_gib}Gi"
    return values


def _resources(pod: Pod) -> Values:
    resources: Values = {"requests": {"cpu": cpu_text(pod.requests.cpu), "memory": memory_text(pod.requests.memory)}}
    if pod.limits:
        limits = {"memory": memory_text(pod.limits.memory)}
        if pod.limits.cpu is not None:
            limits["cpu"] = cpu_text(pod.limits.cpu)
        resources["limits"] = limits
    return resources

"""Which of the cluster file's releases are services and which are workers: by the role of their nodes."""

from __future__ import annotations

from provisioning.cluster import Cluster
from provisioning.cluster.model import Role
from provisioning.kubernetes.components import COMPONENTS
from provisioning.kubernetes.monitoring import MONITORING

POSTGRESQL = "postgresql"
RABBITMQ = "rabbitmq"
REDIS = "redis"


def api_releases(cluster: Cluster) -> list[str]:
    """One for each domain; its name is the domain's."""
    return _of_role(cluster, "api")


def worker_releases(cluster: Cluster) -> list[str]:
    return _of_role(cluster, "worker")


def app_namespaces(cluster: Cluster) -> list[str]:
    """Where services and workers are, each once."""
    names = [*api_releases(cluster), *worker_releases(cluster)]
    return list(dict.fromkeys(cluster.releases[name].namespace for name in names))


def own_namespaces(cluster: Cluster) -> list[str]:
    """Where Secrets of ours are: of all releases that are no components, and of the monitoring, each once."""
    others = [name for name in COMPONENTS if name != MONITORING]
    return list(dict.fromkeys(each.namespace for name, each in cluster.releases.items() if name not in others))


def service_host(cluster: Cluster, release: str) -> str:
    """The name under which pods find the release's Service."""
    return f"{release}.{cluster.releases[release].namespace}.svc.cluster.local"


def _of_role(cluster: Cluster, role: Role) -> list[str]:
    """The releases whose pods choose nodes of this role and of no other."""
    found = []
    for name, release in cluster.releases.items():
        chosen = [pod.nodes for pod in release.pods.values() if pod.nodes is not None]
        roles = {node.role for node in cluster.nodes for labels in chosen if node.matches(labels)}
        if name not in COMPONENTS and roles == {role}:
            found.append(name)
    return found

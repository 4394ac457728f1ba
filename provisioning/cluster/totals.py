"""The cluster in numbers, each counted from its nodes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from provisioning.cluster.model import ROLES, Cluster, Node


@dataclass(frozen=True)
class Totals:
    nodes: int
    vcpu: int
    memory_gib: float
    disk_gb: int

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


def totals(nodes: Iterable[Node]) -> Totals:
    counted = list(nodes)
    return Totals(
        nodes=len(counted),
        vcpu=sum(node.machine.vcpu for node in counted),
        memory_gib=sum(node.machine.memory_gib for node in counted),
        disk_gb=sum(node.disk_gb for node in counted),
    )


def expected_nodes(cluster: Cluster) -> dict[str, int]:
    """Role -> how many nodes must be Ready; roles without a node are left out."""
    counted = Counter(node.role for node in cluster.nodes)
    return {role: counted[role] for role in ROLES if counted[role]}


def vcpu_by_quota(cluster: Cluster) -> dict[str, int]:
    """Quota code -> the on-demand vCPUs that the account must be permitted to run."""
    counted: Counter[str] = Counter()
    for node in cluster.nodes:
        counted[node.machine.quota] += node.machine.vcpu
    return dict(sorted(counted.items()))


def volumes_gib(cluster: Cluster) -> int:
    """All EBS volumes of pods, beside the nodes' own disks."""
    return sum(
        (pod.volume_gib or 0) * (pod.replicas or 0)
        for release in cluster.releases.values()
        for pod in release.pods.values()
    )

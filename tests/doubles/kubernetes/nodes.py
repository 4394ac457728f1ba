"""The nodes of a cluster file as their kubelets register, for tests that have no machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from provisioning.cluster import Cluster, Machine, Node
from provisioning.cluster.capacity import allocatable, capacity
from provisioning.cluster.model import CONTROL_PLANE
from provisioning.cluster.registration import registration_labels
from tests.doubles.hosts.cluster import Registration
from tests.doubles.kubernetes.server import KubernetesServer

UNINITIALISED = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}


def registration(cluster: Cluster, node: Node, machine: Machine) -> Registration:
    """What this node's kubelet says of itself, set up as kubeadm's files of this cluster set it up."""
    version = f"v{cluster.kubernetes.version}"
    room = capacity(node, cluster.kubernetes)
    return Registration(
        name=node.name,
        control_plane=node.role == CONTROL_PLANE,
        provider_id=machine.provider_id,
        labels=registration_labels(node),
        taints=[*(taint.as_dict() for taint in node.taints), UNINITIALISED],
        internal_ip=str(machine.private_ip),
        kubelet_version=version,
        container_runtime="containerd://2.2.6",
        os_image="Ubuntu 24.04.3 LTS",
        kernel="6.14.0-1018-aws",
        cpus=room.cpu // 1000,
        memory_bytes=room.memory,
        max_pods=cluster.kubernetes.max_pods,
        serving_csr=True,
        instance_type=node.type,
        zone=node.zone,
    )


def reserve(server: KubernetesServer, cluster: Cluster, machines: Mapping[str, Machine]) -> None:
    """Tells the server what its nodes keep from their pods, and the addresses that the cloud knows."""
    node = cluster.nodes[0]
    kept = capacity(node, cluster.kubernetes) - allocatable(node, cluster.kubernetes)
    server.settings.reserved_cpu_m, server.settings.reserved_memory = kept.cpu, kept.memory
    server.settings.public_ips = {
        name: str(machine.public_ip) for name, machine in machines.items() if machine.public_ip
    }


def join(
    server: KubernetesServer, cluster: Cluster, machines: Mapping[str, Machine], names: Iterable[str] | None = None
) -> None:
    """Registers these nodes of the cluster file (None: all)."""
    reserve(server, cluster, machines)
    for node in cluster.nodes:
        if names is None or node.name in set(names):
            server.register_node(registration(cluster, node, machines[node.name]))

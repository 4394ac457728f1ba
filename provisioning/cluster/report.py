"""The cluster for people (tables) and for programs (JSON)."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from provisioning.cluster.capacity import Load, fit
from provisioning.cluster.instances import quotas
from provisioning.cluster.model import CONTROL_PLANE, ROLES, Cluster
from provisioning.cluster.registration import labels_to_set, registration_labels
from provisioning.cluster.targets import expected_targets
from provisioning.cluster.totals import expected_nodes, totals, vcpu_by_quota, volumes_gib
from provisioning.cluster.versions import matrix


def as_dict(cluster: Cluster) -> dict[str, Any]:
    """The file's facts, and under ``derived`` what follows from them."""
    placed = fit(cluster.nodes, cluster.kubernetes, cluster.releases)
    minor = matrix().minors[cluster.kubernetes.version.line]
    return {
        **cluster.model_dump(mode="json", by_alias=True),
        "derived": {
            "totals": totals(cluster.nodes).as_dict(),
            "volumes_gib": volumes_gib(cluster),
            "expected_nodes": expected_nodes(cluster),
            "expected_targets": expected_targets(cluster),
            "vcpu_by_quota": vcpu_by_quota(cluster),
            "hosts": {which: cluster.domain.host(which) for which in cluster.domain.hosts.model_dump()},
            "image": cluster.registry.image,
            "versions": {
                "pause": minor.pause,
                "etcd": str(minor.etcd),
                "coredns": str(minor.coredns),
                "cloud_controller": str(minor.cloud_controller),
                **{
                    name: component.chart.version if component.chart else str(component.version)
                    for name, component in matrix().components.items()
                },
            },
            "nodes": {load.node.name: _load(load) for load in placed.loads},
        },
    }


def _load(load: Load) -> dict[str, Any]:
    return {
        "registration_labels": registration_labels(load.node),
        "labels_to_set": labels_to_set(load.node),
        "allocatable": {"cpu_m": load.allocatable.cpu, "memory_bytes": load.allocatable.memory},
        "requested": {"cpu_m": load.requested.cpu, "memory_bytes": load.requested.memory},
        "pods": dict(sorted(load.pods.items())),
    }


def node_table(cluster: Cluster) -> Table:
    """The machines by role and how full they are; 80 columns hold it."""
    title = f"{cluster.name} in {cluster.region}, Kubernetes {cluster.kubernetes.version}"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for heading in ("node", "type", "zone"):
        table.add_column(heading, no_wrap=True)
    for heading in ("vCPU", "GiB", "disk", "CPU", "memory"):
        table.add_column(heading, justify="right")
    loads = fit(cluster.nodes, cluster.kubernetes, cluster.releases).loads
    for role in ROLES:
        of_role = [load for load in loads if load.node.role == role]
        for load in of_role:
            node = load.node
            table.add_row(
                node.name,
                node.type,
                node.zone.removeprefix(cluster.region),
                str(node.machine.vcpu),
                f"{node.machine.memory_gib:g}",
                f"{node.disk_gb} GB",
                f"{load.requested.cpu * 100 // load.allocatable.cpu} %",
                f"{load.requested.memory * 100 // load.allocatable.memory} %",
                end_section=load is of_role[-1],
            )
    table.caption = "CPU and memory: what pods ask for, of what the node has for them"
    return table


def label_table(cluster: Cluster) -> Table:
    table = Table(title="Labels and taints", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("node", no_wrap=True)
    table.add_column("labels", overflow="fold")
    table.add_column("taints", overflow="fold")
    for node in cluster.nodes:
        labels = "\n".join(f"{key}={value}" for key, value in node.labels.items())
        table.add_row(node.name, labels, "\n".join(str(taint) for taint in node.taints))
    return table


def total_table(cluster: Cluster) -> Table:
    table = Table(title="Totals", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("role")
    for heading in ("nodes", "vCPU", "GiB", "disk GB"):
        table.add_column(heading, justify="right")
    rows = [(role, [node for node in cluster.nodes if node.role == role]) for role in ROLES]
    for role, nodes in [*((role, nodes) for role, nodes in rows if nodes), ("all", list(cluster.nodes))]:
        if role == "all":
            table.add_section()
        counted = totals(nodes)
        table.add_row(role, str(counted.nodes), str(counted.vcpu), f"{counted.memory_gib:g}", str(counted.disk_gb))
    return table


def remarks(cluster: Cluster) -> list[str]:
    """What an operator should know besides, a sentence each."""
    said = [f"Quota {code} ({quotas()[code]}): {vcpu} vCPU" for code, vcpu in vcpu_by_quota(cluster).items()]
    said.append(f"Volumes of pods: {volumes_gib(cluster)} GiB")
    if len(cluster.of_role(CONTROL_PLANE)) == 1:
        said.append("One control plane: while it is upgraded the API is away for about a minute; what runs goes on.")
    if cluster.domain.name is None:
        said.append("No domain: no DNS records and no certificates; the load balancer answers by its own name.")
    return said

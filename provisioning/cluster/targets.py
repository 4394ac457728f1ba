"""What Prometheus scrapes on the nodes themselves, and how many of each there must be."""

from collections.abc import Mapping
from typing import Any

from provisioning.cluster.kubeadm import ETCD_METRICS_PORT
from provisioning.cluster.machines import API_PORT, Machine
from provisioning.cluster.model import CONTROL_PLANE, Cluster, Node

_ON_EVERY_NODE = {"node-exporter": 9100, "kubelet": 10250}
_ON_CONTROL_PLANE = {
    "kube-apiserver": API_PORT,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
    "etcd": ETCD_METRICS_PORT,
}


def targets(cluster: Cluster, machines: Mapping[str, Machine]) -> dict[str, list[dict[str, Any]]]:
    """Job -> its targets with their labels, as a ``file_sd_configs`` file holds them.

    https://prometheus.io/docs/prometheus/latest/configuration/configuration/#file_sd_config
    """
    return {
        job: [
            {"targets": [f"{machines[node.name].private_ip}:{port}"], "labels": _labels(node)}
            for node in _nodes(cluster, job)
        ]
        for job, port in {**_ON_EVERY_NODE, **_ON_CONTROL_PLANE}.items()
    }


def expected_targets(cluster: Cluster) -> dict[str, int]:
    """Job -> how many targets must be up; fewer is an alert."""
    return {job: len(_nodes(cluster, job)) for job in (*_ON_EVERY_NODE, *_ON_CONTROL_PLANE)}


def _nodes(cluster: Cluster, job: str) -> tuple[Node, ...]:
    return cluster.nodes if job in _ON_EVERY_NODE else cluster.of_role(CONTROL_PLANE)


def _labels(node: Node) -> dict[str, str]:
    own = {key: value for key, value in node.labels.items() if key in ("workload", "domain")}
    return {"node": node.name, "role": node.role, "zone": node.zone, **own}

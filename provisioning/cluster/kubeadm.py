"""kubeadm's files (``kubeadm.k8s.io/v1beta4``) as texts: one that makes the cluster, one for each node that joins.

Pure functions: secrets come as arguments and stand in the text, so the file is for root's eyes alone.
https://kubernetes.io/docs/reference/config-api/kubeadm-config.v1beta4/
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from provisioning.cluster.machines import API_PORT, Machine, api_endpoint
from provisioning.cluster.model import CONTROL_PLANE, Cluster, Node, Reserved
from provisioning.cluster.quantities import cpu_text, memory_text
from provisioning.cluster.registration import registration_labels

TOKEN_TTL = "1h0m0s"  # noqa: S105 - how long, not what
# What the token of the init says of itself; one that a killed run left behind is found by it.
INIT_TOKEN = "eco2 init"  # noqa: S105 - its description
ETCD_METRICS_PORT = 2381
_API_VERSION = "kubeadm.k8s.io/v1beta4"
_CRI_SOCKET = "unix:///run/containerd/containerd.sock"
_TOKEN = re.compile(r"[a-z0-9]{6}\.[a-z0-9]{16}", re.ASCII)
_CA_HASH = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_CERTIFICATE_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)

Document = dict[str, Any]


def init_configuration(
    cluster: Cluster, node: str, machines: Mapping[str, Machine], token: str, certificate_key: str | None = None
) -> str:
    """For ``kubeadm init`` on the first control plane.

    `certificate_key` only where more control planes will join. Raises ValueError for a token or key of the wrong form
    (without repeating it) and for a node that is no control plane.
    """
    chosen = _control_plane(cluster, node)
    _check("token", _TOKEN, token)
    document: Document = {
        "apiVersion": _API_VERSION,
        "kind": "InitConfiguration",
        "bootstrapTokens": [{"token": token, "description": INIT_TOKEN, "ttl": TOKEN_TTL}],
        "localAPIEndpoint": _endpoint(machines[node]),
        "nodeRegistration": _registration(chosen, machines[node]),
    }
    if certificate_key is not None:
        _check("certificate key", _CERTIFICATE_KEY, certificate_key)
        document["certificateKey"] = certificate_key
    return _text(document, cluster_configuration(cluster, machines), kubelet_configuration(cluster))


def join_configuration(
    cluster: Cluster,
    node: str,
    machines: Mapping[str, Machine],
    token: str,
    ca_hash: str,
    certificate_key: str | None = None,
) -> str:
    """For ``kubeadm join`` on any other node.

    `ca_hash` (``sha256:`` and 64 hexadecimal digits) is the one of the cluster's CA: without it a node would believe
    whoever answers first. `certificate_key` is for a control plane, and only for one. Raises ValueError.
    """
    chosen = cluster.node(node)
    _check("token", _TOKEN, token)
    _check("CA hash", _CA_HASH, ca_hash)
    document: Document = {
        "apiVersion": _API_VERSION,
        "kind": "JoinConfiguration",
        "discovery": {
            "bootstrapToken": {"token": token, "apiServerEndpoint": api_endpoint(cluster), "caCertHashes": [ca_hash]}
        },
        "nodeRegistration": _registration(chosen, machines[node]),
    }
    if chosen.role == CONTROL_PLANE:
        _check("certificate key", _CERTIFICATE_KEY, certificate_key or "")
        document["controlPlane"] = {"localAPIEndpoint": _endpoint(machines[node]), "certificateKey": certificate_key}
    elif certificate_key is not None:
        raise ValueError(f"{node} is no control plane and gets no certificate key")
    return _text(document)


def cluster_configuration(cluster: Cluster, machines: Mapping[str, Machine]) -> Document:
    """What holds for the cluster. The API server gets no ``cloud-provider``: since 1.33 it does not start with one."""
    masters = [machines[node.name] for node in cluster.of_role(CONTROL_PLANE)]
    addresses = [str(address) for machine in masters for address in (machine.private_ip, machine.public_ip)]
    return {
        "apiVersion": _API_VERSION,
        "kind": "ClusterConfiguration",
        "clusterName": cluster.name,
        "kubernetesVersion": f"v{cluster.kubernetes.version}",
        "controlPlaneEndpoint": api_endpoint(cluster),
        "networking": {
            "podSubnet": str(cluster.network.pods),
            "serviceSubnet": str(cluster.network.services),
            "dnsDomain": "cluster.local",
        },
        "apiServer": {"certSANs": [api_endpoint(cluster).partition(":")[0], *dict.fromkeys(addresses)]},
        # Prometheus scrapes these from another node; their metrics ask for a token all the same.
        "controllerManager": {"extraArgs": _arguments({"bind-address": "0.0.0.0", "cloud-provider": "external"})},  # noqa: S104
        "scheduler": {"extraArgs": _arguments({"bind-address": "0.0.0.0"})},  # noqa: S104
        # Metrics only, without data; the security group keeps the port to the cluster.
        "etcd": {"local": {"extraArgs": _arguments({"listen-metrics-urls": f"http://0.0.0.0:{ETCD_METRICS_PORT}"})}},
    }


def kubelet_configuration(cluster: Cluster) -> Document:
    """What holds for every kubelet. https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/"""
    settings = cluster.kubernetes
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        # The kubelets' serving certificates come from the cluster's CA, so metrics-server can verify them.
        "serverTLSBootstrap": True,
        "maxPods": settings.max_pods,
        "systemReserved": _reserved(settings.system_reserved),
        "kubeReserved": _reserved(settings.kube_reserved),
        "evictionHard": {
            "memory.available": memory_text(settings.eviction.memory_available),
            "nodefs.available": settings.eviction.nodefs_available,
            "nodefs.inodesFree": settings.eviction.nodefs_inodes_free,
            "imagefs.available": settings.eviction.imagefs_available,
        },
        # A node that is switched off lets its pods end; the critical ones have the last part of the time.
        "shutdownGracePeriod": "60s",
        "shutdownGracePeriodCriticalPods": "20s",
    }


def _registration(node: Node, machine: Machine) -> Document:
    arguments = {
        "cloud-provider": "external",
        "node-ip": str(machine.private_ip),
        "node-labels": ",".join(f"{key}={value}" for key, value in registration_labels(node).items()),
        # Said at the first registration, so that no target group is left empty. The cloud controller then never looks
        # for an instance by the node's name, which is therefore free: getProviderID in
        # https://github.com/kubernetes/cloud-provider-aws/blob/master/pkg/providers/v1/instances_v2.go
        "provider-id": machine.provider_id,
    }
    return {
        "name": node.name,
        "criSocket": _CRI_SOCKET,
        "taints": [taint.as_dict() for taint in node.taints],
        "kubeletExtraArgs": _arguments({name: value for name, value in arguments.items() if value}),
    }


def _endpoint(machine: Machine) -> Document:
    return {"advertiseAddress": str(machine.private_ip), "bindPort": API_PORT}


def _reserved(part: Reserved) -> dict[str, str]:
    return {
        "cpu": cpu_text(part.cpu),
        "memory": memory_text(part.memory),
        "ephemeral-storage": memory_text(part.ephemeral_storage),
    }


def _arguments(named: Mapping[str, str]) -> list[dict[str, str]]:
    """v1beta4 wants a list, since a flag may be given twice."""
    return [{"name": name, "value": value} for name, value in named.items()]


def _control_plane(cluster: Cluster, name: str) -> Node:
    node = cluster.node(name)
    if node.role != CONTROL_PLANE:
        raise ValueError(f"{name} is no control plane")
    return node


def _check(what: str, form: re.Pattern[str], value: str) -> None:
    if not form.fullmatch(value):
        raise ValueError(f"the {what} has not the form {form.pattern}")


def _text(*documents: Document) -> str:
    return yaml.safe_dump_all(documents, sort_keys=False, width=1000)

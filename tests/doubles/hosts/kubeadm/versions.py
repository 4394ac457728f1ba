"""Which versions a host's tools have, and which images they ask for."""

from __future__ import annotations

from provisioning.cluster import Version, matrix
from tests.doubles.hosts.host import Host


def kubeadm_version(host: Host) -> str:
    """``v1.34.12``: of the package, since each call is a new process."""
    return "v" + host.packages.installed["kubeadm"].partition("-")[0]


def images(version: str) -> list[str]:
    """As ``kubeadm config images list --kubernetes-version`` prints them."""
    minor = matrix().minors[Version.parse(version).line]
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
    return [
        *(f"registry.k8s.io/{name}:{version}" for name in names),
        f"registry.k8s.io/coredns/coredns:v{minor.coredns}",
        f"registry.k8s.io/pause:{minor.pause}",
        f"registry.k8s.io/etcd:{minor.etcd}-0",
    ]


def pause(version: str) -> str:
    return f"registry.k8s.io/pause:{matrix().minors[Version.parse(version).line].pause}"

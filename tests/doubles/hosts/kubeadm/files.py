"""What kubeadm leaves on a machine: certificates, kubeconfigs, manifests, the kubelet's settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.doubles.hosts import kubelet, pki
from tests.doubles.hosts.host import Host

PKI = "/etc/kubernetes/pki"
# kubeconfig -> user and its groups; super-admin.conf is admin.conf without RBAC.
KUBECONFIGS = {
    "admin.conf": ("kubernetes-admin", ("kubeadm:cluster-admins",)),
    "super-admin.conf": ("kubernetes-super-admin", ("system:masters",)),
    "controller-manager.conf": ("system:kube-controller-manager", ()),
    "scheduler.conf": ("system:kube-scheduler", ()),
}
# certificate -> its CA's file, common name, groups, whether it is a server's
CLIENTS = {
    "apiserver-kubelet-client": ("ca", "kube-apiserver-kubelet-client", ("kubeadm:cluster-admins",), False),
    "front-proxy-client": ("front-proxy-ca", "front-proxy-client", (), False),
    "apiserver-etcd-client": ("etcd/ca", "kube-apiserver-etcd-client", (), False),
    "etcd/healthcheck-client": ("etcd/ca", "kube-etcd-healthcheck-client", (), False),
    "etcd/server": ("etcd/ca", "", (), True),
    "etcd/peer": ("etcd/ca", "", (), True),
}
AUTHORITIES = {"ca": "kubernetes", "front-proxy-ca": "front-proxy-ca", "etcd/ca": "etcd-ca"}


@dataclass(frozen=True)
class ControlPlane:
    """What certificates and kubeconfigs are made from."""

    cluster: str
    endpoint: str
    version: str
    sans: tuple[str, ...]


def save(host: Host, name: str, pair: pki.Pair) -> None:
    host.write(f"{PKI}/{name}.crt", pair.certificate)
    host.write(f"{PKI}/{name}.key", pair.key, 0o600)


def load(host: Host, name: str) -> pki.Pair:
    return pki.Pair(host.read(f"{PKI}/{name}.crt"), host.read(f"{PKI}/{name}.key"))


def authorities(host: Host) -> None:
    """Those that are not there yet."""
    for name, common_name in AUTHORITIES.items():
        if not host.exists(f"{PKI}/{name}.crt"):
            save(host, name, pki.authority(common_name))
    if not host.exists(f"{PKI}/sa.key"):
        private, public = pki.service_account()
        host.write(f"{PKI}/sa.key", private, 0o600)
        host.write(f"{PKI}/sa.pub", public)


def certificates(host: Host, plane: ControlPlane, *, days: int = 365) -> None:
    """All that the CAs sign for this control plane."""
    save(host, "apiserver", pki.issued(load(host, "ca"), "kube-apiserver", sans=plane.sans, server=True, days=days))
    for name, (ca, common_name, groups, server) in CLIENTS.items():
        sans = ("localhost", "127.0.0.1", host.name, str(host.machine.private_ip)) if server else ()
        save(
            host,
            name,
            pki.issued(load(host, ca), common_name or host.name, groups=groups, sans=sans, server=server, days=days),
        )


def kubeconfigs(host: Host, plane: ControlPlane, names: Sequence[str], *, days: int = 365) -> None:
    ca = load(host, "ca")
    for name in names:
        user, groups = KUBECONFIGS[name]
        text = pki.kubeconfig(
            plane.cluster,
            f"https://{plane.endpoint}",
            ca.certificate,
            user,
            pki.issued(ca, user, groups=groups, days=days),
        )
        host.write(f"/etc/kubernetes/{name}", text, 0o600)


def kubelet_files(host: Host, cluster: str, endpoint: str, ca: pki.Pair, joined: kubelet.Joined) -> None:
    """The kubelet's identity and settings."""
    client = pki.issued(ca, f"system:node:{joined.name}", groups=("system:nodes",))
    host.write("/var/lib/kubelet/pki/kubelet-client-current.pem", client.certificate + client.key, 0o600)
    text = pki.kubeconfig(cluster, f"https://{endpoint}", ca.certificate, "default-auth", client)
    host.write(kubelet.KUBECONFIG, text, 0o600)
    host.write(kubelet.CONFIG, yaml.safe_dump(dict(joined.settings)))
    arguments = {"container-runtime-endpoint": "unix:///run/containerd/containerd.sock", **joined.arguments}
    words = " ".join(f"--{name}={value}" for name, value in arguments.items())
    taints = ",".join(f"{taint['key']}={taint.get('value', '')}:{taint['effect']}" for taint in joined.taints)
    words += f" --register-with-taints={taints}" if taints else ""
    host.write("/var/lib/kubelet/kubeadm-flags.env", f'KUBELET_KUBEADM_ARGS="{words}"\n')


def manifests(host: Host, version: str, arguments: Mapping[str, Mapping[str, str]], etcd_image: str) -> None:
    """The static pods' manifests."""
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"):
        image = etcd_image if name == "etcd" else f"registry.k8s.io/{name}:{version}"
        words = [name, *(f"--{key}={value}" for key, value in arguments.get(name, {}).items())]
        pod: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": "kube-system",
                "labels": {"component": name, "tier": "control-plane"},
            },
            "spec": {
                "hostNetwork": True,
                "priorityClassName": "system-node-critical",
                "containers": [{"name": name, "image": image, "command": words}],
            },
        }
        if name == "etcd":
            pod["spec"]["volumes"] = [
                {"name": "etcd-data", "hostPath": {"path": kubelet.ETCD_DATA, "type": "DirectoryOrCreate"}}
            ]
        host.write(f"{kubelet.MANIFESTS}/{name}.yaml", yaml.safe_dump(pod, sort_keys=False), 0o600)
    if not host.exists(f"{kubelet.ETCD_DATA}/member"):
        host.write(f"{kubelet.ETCD_DATA}/member/snap/db", kubelet.DATABASE, 0o600)
    host.path(kubelet.ETCD_DATA).chmod(0o700)

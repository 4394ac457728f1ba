"""What packages do beside their files: units, default configurations, restarts."""

from __future__ import annotations

from tests.doubles.hosts.containerd import PACKAGED_CONFIG
from tests.doubles.hosts.host import Host


def configured(host: Host, name: str, before: str) -> None:
    """After unpacking; ``before`` is the version that was there, "" for none."""
    match name:
        case "containerd.io" | "containerd":
            if name == "containerd.io" and not host.exists("/etc/containerd/config.toml"):
                host.write("/etc/containerd/config.toml", PACKAGED_CONFIG)
            if before:
                if host.units.is_active("containerd"):
                    host.units.start("containerd")
            else:
                host.units.add("containerd", enabled=True, active=True)
        case "kubelet":
            host.write("/usr/lib/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet\n")
            host.units.add("kubelet", enabled=False, active=False)
            host.path("/etc/kubernetes/manifests").mkdir(parents=True, exist_ok=True)
        case "kubeadm":
            host.write("/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", "# as kubeadm's package has it\n")
        case "kubernetes-cni":
            host.write("/opt/cni/bin/loopback", "", 0o755)


def removed(host: Host, name: str) -> None:
    if name in ("containerd.io", "containerd"):
        host.units.drop("containerd")
    if name == "kubelet":
        host.units.drop("kubelet")

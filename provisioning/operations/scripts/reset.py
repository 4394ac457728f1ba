"""Takes Kubernetes off a node, so that it is as it was once it had been prepared."""

from __future__ import annotations

_FOLDERS = (
    "/etc/cni/net.d",
    "/var/lib/cni",
    "/var/lib/calico",
    "/var/run/calico",
    "/var/log/calico",
    "/etc/kubernetes/eco2-stopped",
    "/var/lib/eco2",
    "/root/.kube",
    "/home/*/.kube",
)
# Calico's interfaces, and those of kube-proxy in its other modes.
_LINKS = "cali[^:@]*|vxlan\\.calico|vxlan-v6\\.calico|tunl0|kube-ipvs0"


def remains() -> str:
    """One line for each thing of a cluster that is still on the node; nothing on a node that is only prepared."""
    return """\
for file in kubelet.conf admin.conf super-admin.conf; do
  if [ -e /etc/kubernetes/$file ]; then echo "/etc/kubernetes/$file"; fi
done
for folder in /etc/kubernetes/manifests /etc/kubernetes/pki /var/lib/etcd /etc/cni/net.d; do
  if [ -d "$folder" ] && [ -n "$(ls -A "$folder")" ]; then echo "$folder"; fi
done
if [ -e /var/lib/kubelet/config.yaml ]; then echo /var/lib/kubelet; fi
"""


def reset() -> str:
    """kubeadm's reset, then what it leaves: CNI's files and interfaces, rules of iptables and ipvs, kubeconfigs."""
    return f"""\
kubeadm reset --force --cri-socket unix:///run/containerd/containerd.sock >&2
rm -rf {" ".join(_FOLDERS)}
mkdir -p /etc/cni/net.d
for table in filter nat mangle raw; do
  iptables -t $table -F
  iptables -t $table -X
done
if command -v ipvsadm >/dev/null; then ipvsadm --clear; fi
for link in $(ip -o link show | sed -E -n 's/^[0-9]+: ({_LINKS})[:@].*/\\1/p'); do
  ip link delete "$link" || true
done
rm -rf /etc/kubernetes/manifests/* /var/lib/etcd
"""

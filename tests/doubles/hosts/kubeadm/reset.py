"""``kubeadm reset``: what it takes away, and what it leaves."""

from __future__ import annotations

from collections.abc import Sequence

from tests.doubles.hosts import kubelet
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import files

_LEFT = """
The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.
"""


def reset(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(
        words, ("-f/--force", "--cleanup-tmp-dir"), ("--cri-socket", "--v/-v", "--config", "--ignore-preflight-errors")
    )
    if not given.has("-f"):
        raise Violation("without -f kubeadm asks, and reads the answer from what is left of the script")
    joined = host.joined
    call.out("[preflight] Running pre-flight checks\n")
    host.world.strike(host, call, "reset")
    if "kubelet" in host.units:
        call.out("[reset] Stopping the kubelet service\n")
        host.units.stop("kubelet")
    was = [path for path in _paths(host) if host.exists(path)]
    if was or joined:
        call.changed("kubeadm reset")
    for path in was:
        host.remove(path)
    for folder in (kubelet.ETCD_DATA, "/var/lib/kubelet", kubelet.MANIFESTS, files.PKI):
        for entry in list(host.path(folder).iterdir()) if host.exists(folder) else []:
            host.remove(f"{folder}/{entry.name}")
    host.pods = {}
    host.joined = None
    if joined is not None and joined.control_plane and host.name == host.world.first_control_plane:
        host.world.kubernetes.unmade()
        host.world.inits = 0
        host.world.addons = False
        host.world.cluster_documents = {}
    call.out(f"[reset] Deleting contents of directories: [{kubelet.MANIFESTS} {files.PKI}]\n{_LEFT}")
    return 0


def _paths(host: Host) -> list[str]:
    names = [*files.KUBECONFIGS, "kubelet.conf", "bootstrap-kubelet.conf"]
    return [
        *(f"/etc/kubernetes/{name}" for name in names),
        f"{files.PKI}/ca.crt",
        f"{kubelet.ETCD_DATA}/member",
        kubelet.CONFIG,
    ]

"""What a machine must be before it becomes a node: numbered checks, all of which are made.

Numbers below 30 are the preflight's, which needs no machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from provisioning.cluster import Cluster, Node, Version
from provisioning.cluster.model import CONTROL_PLANE
from provisioning.cluster.versions import kubelet_problem
from provisioning.scripts.facts import Facts
from provisioning.scripts.packages import containerd_repository, kubernetes_repository, ubuntu

# Kubernetes' certificates and tokens are valid from the moment that the control plane's clock says.
LONGEST_SKEW_S = 5.0
# The kernel and the hypervisor keep a part of an instance's memory, the file system a part of the disk.
LEAST_SHARE = 0.9

# https://kubernetes.io/docs/reference/networking/ports-and-protocols/
_NODE_PORTS = (10250, 10256)
_CONTROL_PLANE_PORTS = (6443, 2379, 2380, 10257, 10259)


@dataclass(frozen=True)
class Reached:
    """A machine as it says that it is."""

    node: str
    cloud_init: str
    os: str
    architecture: str
    skew_s: float  # how far its clock is ahead of the operator's
    vcpu: int
    memory_mib: float
    disk_gib: float
    joined: bool
    listening: frozenset[int]
    reached: frozenset[str]
    kubelet: str  # "" where there is none

    @classmethod
    def read(cls, facts: Facts, now: float) -> Reached:
        """`now`: seconds since 1970 by the operator's clock when the facts came. Raises `FactsUnreadable`."""
        return cls(
            node=facts.node,
            cloud_init=facts.text("cloud_init"),
            os=f"{facts.text('os')} {facts.text('os_version')}",
            architecture=facts.text("architecture"),
            skew_s=facts.number("clock") - now,
            vcpu=int(facts.number("vcpu")),
            memory_mib=facts.number("memory_kib") / 1024,
            disk_gib=facts.number("disk_kib") / 1024**2,
            joined=facts.yes("joined"),
            listening=frozenset(int(port) for port in facts.all("listening") if port.isdigit()),
            reached=frozenset(facts.all("reached")),
            kubelet=facts.text("package.kubelet"),
        )


def repositories(cluster: Cluster) -> dict[str, str]:
    """Where packages and images come from: name -> an address that answers when it can be had."""
    docker, kubernetes = containerd_repository(), kubernetes_repository(cluster.kubernetes.version)
    return {
        "download.docker.com": f"{docker.url}/dists/{docker.suite.split()[0]}/Release",
        "pkgs.k8s.io": f"{kubernetes.url}Release",
        "registry.k8s.io": "https://registry.k8s.io/v2/",
    }


Check = Callable[[Cluster, Node, Reached], Iterator[str]]


def _operating_system(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    wanted = f"ubuntu {ubuntu()[0]}"
    if machine.os != wanted or machine.architecture != "x86_64":
        yield (
            f"it runs {machine.os} on {machine.architecture}, the packages are for {wanted} on x86_64: "
            "correct machine_image in cluster.yaml and replace the machine"
        )


def _clock(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    if abs(machine.skew_s) > LONGEST_SKEW_S:
        yield (
            f"its clock is {abs(machine.skew_s):.0f} s {'ahead of' if machine.skew_s > 0 else 'behind'} yours "
            f"({LONGEST_SKEW_S:.0f} s are permitted): put your own right, or there `systemctl restart chrony`"
        )


def _ports(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    wanted = {*_NODE_PORTS, *(_CONTROL_PLANE_PORTS if node.role == CONTROL_PLANE else ())}
    taken = sorted(wanted & machine.listening)
    if taken and not machine.joined:
        yield f"something listens on {', '.join(map(str, taken))}, which Kubernetes needs: end it (ss -ltnp names it)"


def _repositories(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    for name, url in repositories(cluster).items():
        if name not in machine.reached:
            yield f"it does not get {url}: look at its route to the Internet, and whether {name} answers"


def _size(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    sizes = (
        ("vCPU", machine.vcpu, node.machine.vcpu, 1.0),
        ("MiB of memory", machine.memory_mib, node.machine.memory_mib, LEAST_SHARE),
        ("GiB of disk", machine.disk_gib, node.disk_gb, LEAST_SHARE),
    )
    for what, has, wanted, share in sizes:
        if has < wanted * share:
            yield f"it has {has:.0f} {what} where {wanted} are due to its {node.type}: ./inv node.replace {node.name}"


def _kubelet(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    if machine.kubelet:
        problem = kubelet_problem(cluster.kubernetes.version, Version.parse(machine.kubelet.partition("-")[0]))
        if problem:
            yield f"{problem}: ./inv cluster.upgrade brings a cluster to another version"


def _cloud_init(cluster: Cluster, node: Node, machine: Reached) -> Iterator[str]:
    if machine.cloud_init not in ("done", "disabled"):
        yield (
            f"cloud-init ended with {machine.cloud_init or 'no answer'}: /var/log/cloud-init.log there says why; "
            f"then ./inv node.replace {node.name}"
        )


CHECKS: dict[int, Check] = {
    30: _operating_system,
    31: _clock,
    32: _ports,
    33: _repositories,
    34: _size,
    35: _kubelet,
    36: _cloud_init,
}


def unfit(cluster: Cluster, machine: Reached) -> list[str]:
    """What is wrong with the machine: a line for each finding, with the number of its check and what to do."""
    node = cluster.node(machine.node)
    return [
        f"{node.name}: [{number}] {finding}"
        for number, check in CHECKS.items()
        for finding in check(cluster, node, machine)
    ]

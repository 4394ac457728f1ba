"""What the nodes must be: to each other, to their zones, to kubeadm and to Kubernetes' rules for labels and taints."""

from collections.abc import Iterator

from provisioning.cluster.draft import Draft
from provisioning.cluster.errors import Path, did_you_mean
from provisioning.cluster.instances import regions, zones_offering
from provisioning.cluster.model import CONTROL_PLANE
from provisioning.cluster.registration import KUBERNETES_OWN, may_register
from provisioning.cluster.versions import mismatches

# https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/install-kubeadm/#before-you-begin
# Its preflight asks a control plane for 1700 MB: of AWS's sizes, 2 GiB.
KUBEADM_LEAST_VCPU = 2
KUBEADM_LEAST_MIB = 2048


def names_are_unique(draft: Draft) -> Iterator[tuple[Path, str]]:
    first: dict[str, int] = {}
    for index, node in draft.nodes.items():
        if node.name in first:
            yield ("nodes", index, "name"), f"{node.name} is the name of nodes[{first[node.name]}] already"
        first.setdefault(node.name, index)


def control_planes_are_odd(draft: Draft) -> Iterator[tuple[Path, str]]:
    """etcd survives the loss of less than half its members, so an even number is worse than one less."""
    if "nodes" not in draft.parts:
        return  # a node with a mistake elsewhere may be the one that is missing here
    masters = sum(node.role == CONTROL_PLANE for node in draft.nodes.values())
    if masters == 0:
        yield ("nodes",), f"no node has the role {CONTROL_PLANE}"
    elif masters % 2 == 0:
        yield (
            ("nodes",),
            f"{masters} nodes have the role {CONTROL_PLANE}: etcd wants an odd number, such as {masters - 1}",
        )


def zones_are_there(draft: Draft) -> Iterator[tuple[Path, str]]:
    if draft.zones is None:
        return
    for index, node in draft.nodes.items():
        if node.zone not in draft.zones:
            yield (
                ("nodes", index, "zone"),
                f"{node.zone!r} is not among the zones{did_you_mean(node.zone, draft.zones)}",
            )


def types_are_offered(draft: Draft) -> Iterator[tuple[Path, str]]:
    if draft.region not in regions():
        return
    for index, node in draft.nodes.items():
        offering = zones_offering(node.type, draft.region)
        if node.zone in regions()[draft.region] and node.zone not in offering:
            yield (
                ("nodes", index, "zone"),
                f"AWS offers no {node.type} in {node.zone}; it does in {', '.join(offering)}",
            )


def machines_are_large_enough(draft: Draft) -> Iterator[tuple[Path, str]]:
    for index, node in draft.nodes.items():
        if node.role == CONTROL_PLANE and (
            node.machine.vcpu < KUBEADM_LEAST_VCPU or node.machine.memory_mib < KUBEADM_LEAST_MIB
        ):
            yield ("nodes", index, "type"), f"{node.type} is too small for kubeadm's control plane: 2 vCPU and 2 GiB"


def labels_are_ours(draft: Draft) -> Iterator[tuple[Path, str]]:
    for index, node in draft.nodes.items():
        for key in node.labels:
            path: Path = ("nodes", index, "labels", key)
            if key in KUBERNETES_OWN:
                yield path, f"{key} is set by Kubernetes itself"
            elif key.startswith("node-role.kubernetes.io/"):
                yield path, "the role's label follows from the role"
            elif not may_register(key) and not key.startswith("node-restriction.kubernetes.io/"):
                yield path, f"{key} is of Kubernetes' own name space; use a prefix of your own, or none"


def taints_are_unique(draft: Draft) -> Iterator[tuple[Path, str]]:
    for index, node in draft.nodes.items():
        seen = set()
        for place, taint in enumerate(node.taints):
            if (taint.key, taint.effect) in seen:
                yield ("nodes", index, "taints", place), f"{taint.key} with {taint.effect} is given twice"
            seen.add((taint.key, taint.effect))


def versions_go_together(draft: Draft) -> Iterator[tuple[Path, str]]:
    if draft.kubernetes:
        for wrong in mismatches(draft.kubernetes.version):
            yield ("kubernetes", "version"), wrong


NODE_CHECKS = (
    names_are_unique,
    control_planes_are_odd,
    zones_are_there,
    types_are_offered,
    machines_are_large_enough,
    labels_are_ours,
    taints_are_unique,
    versions_go_together,
)

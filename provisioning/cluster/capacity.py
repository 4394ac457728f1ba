"""How much room each node has for pods, and whether everything that is to run finds room."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from provisioning.cluster.model import CONTROL_PLANE, Kubernetes, Node, Pod, Release
from provisioning.cluster.quantities import MIB, Resources

# Of an instance's memory the kernel and the hypervisor keep a part that the kubelet never sees. Karpenter reckons
# with this share: https://karpenter.sh/docs/reference/settings/ (VM_MEMORY_OVERHEAD_PERCENT)
UNSEEN_MEMORY = 0.075

# What kubeadm starts by itself, with the requests of its manifests:
# https://github.com/kubernetes/kubernetes/tree/master/cmd/kubeadm/app/phases
_ON_CONTROL_PLANE = {
    "kube-apiserver": Resources(250, 0, 1),
    "kube-controller-manager": Resources(200, 0, 1),
    "kube-scheduler": Resources(100, 0, 1),
    "etcd": Resources(100, 100 * MIB, 1),
}
_ON_EVERY_NODE = {"kube-proxy": Resources(0, 0, 1)}
_COREDNS = Resources(100, 70 * MIB, 1)
_COREDNS_REPLICAS = 2
_COREDNS_TOLERATES = "node-role.kubernetes.io/control-plane"


@dataclass
class Load:
    """A node, what it can give to pods, and what runs on it."""

    node: Node
    allocatable: Resources
    pods: dict[str, int] = field(default_factory=dict)
    requested: Resources = field(default_factory=Resources)

    @property
    def free(self) -> Resources:
        return self.allocatable - self.requested

    def put(self, name: str, wanted: Resources) -> None:
        self.pods[name] = self.pods.get(name, 0) + 1
        self.requested += wanted


@dataclass(frozen=True)
class Shortage:
    """A pod of a release (None: of Kubernetes itself) that finds no room; homeless: there is no node for it at all."""

    release: str | None
    pod: str
    message: str
    homeless: bool = False


@dataclass(frozen=True)
class Fit:
    loads: tuple[Load, ...]
    shortages: tuple[Shortage, ...]


def capacity(node: Node, kubernetes: Kubernetes) -> Resources:
    """What the kubelet sees of the machine."""
    memory = int(node.machine.memory_mib * MIB * (1 - UNSEEN_MEMORY))
    return Resources(node.machine.vcpu * 1000, memory, kubernetes.max_pods)


def allocatable(node: Node, kubernetes: Kubernetes) -> Resources:
    """What is left for pods: the capacity less what is reserved and the threshold of eviction.

    https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/#node-allocatable
    """
    kept = [kubernetes.system_reserved, kubernetes.kube_reserved]
    reserved = Resources.total([Resources(part.cpu, part.memory) for part in kept])
    return capacity(node, kubernetes) - reserved - Resources(memory=kubernetes.eviction.memory_available)


def fit(nodes: Iterable[Node], kubernetes: Kubernetes, releases: Mapping[str, Release]) -> Fit:
    """Places every pod by its requests, as the scheduler might: the choosiest and largest first, spread over its nodes.

    What fits here fits in the cluster; the scheduler may still place it otherwise.
    """
    loads = [Load(node, allocatable(node, kubernetes)) for node in nodes]
    shortages: list[Shortage] = []
    for load in loads:
        own = _ON_CONTROL_PLANE if load.node.role == CONTROL_PLANE else {}
        for name, wanted in {**own, **_ON_EVERY_NODE}.items():
            shortages += _place(None, name, wanted, [load])

    everywhere: list[tuple[str, str, Pod]] = []
    chosen: list[tuple[str, str, Pod]] = []
    for release_name, release in releases.items():
        for pod_name, pod in release.pods.items():
            (everywhere if pod.nodes is None else chosen).append((release_name, pod_name, pod))
    for release_name, pod_name, pod in everywhere:
        for load in loads:
            shortages += _place(release_name, pod_name, pod.requests.one_pod, [load])

    def choosiest_first(item: tuple[str, str, Pod]) -> tuple[int, int, int, str]:
        pod = item[2]
        candidates = sum(load.node.matches(pod.nodes) for load in loads)
        return candidates, -pod.requests.memory, -pod.requests.cpu, item[1]

    for release_name, pod_name, pod in sorted(chosen, key=choosiest_first):
        candidates = [load for load in loads if load.node.matches(pod.nodes)]
        for _ in range(pod.replicas or 0):
            shortages += _place(release_name, pod_name, pod.requests.one_pod, candidates)
    for _ in range(_COREDNS_REPLICAS):
        shortages += _place(None, "coredns", _COREDNS, [load for load in loads if _takes_coredns(load.node)])
    return Fit(tuple(loads), tuple(dict.fromkeys(shortages)))


def _takes_coredns(node: Node) -> bool:
    return all(taint.key == _COREDNS_TOLERATES or taint.effect == "PreferNoSchedule" for taint in node.taints)


def _place(release: str | None, pod: str, wanted: Resources, candidates: list[Load]) -> list[Shortage]:
    fitting = [load for load in candidates if load.free.holds(wanted)]
    if fitting:
        emptiest = min(fitting, key=lambda load: (load.pods.get(pod, 0), -load.free.memory, -load.free.cpu))
        emptiest.put(pod, wanted)
        return []
    if not candidates:
        return [Shortage(release, pod, f"no node may run {pod}", homeless=True)]
    best = max(candidates, key=lambda load: (load.free.memory, load.free.cpu))
    place = (
        best.node.name if len(candidates) == 1 else f"the emptiest of its {len(candidates)} nodes, {best.node.name},"
    )
    limit = "" if best.free.pods >= 1 else f" and no place for one more than {best.allocatable.pods} pods"
    return [Shortage(release, pod, f"{pod} wants {wanted}; {place} has {best.free} left of {best.allocatable}{limit}")]

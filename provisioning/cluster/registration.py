"""What a node says about itself when it joins, and what must be said for it afterwards.

A kubelet may not give itself every label: the admission plugin NodeRestriction keeps Kubernetes' own name spaces for
administrators. https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction
"""

from provisioning.cluster.model import CONTROL_PLANE, Cluster, Node
from provisioning.cluster.syntax import Taint

# Set by the kubelet and the cloud controller manager.
KUBERNETES_OWN = (
    "kubernetes.io/hostname",
    "kubernetes.io/os",
    "kubernetes.io/arch",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)
_SPACES = ("kubernetes.io", "k8s.io")
_FREE_SPACES = ("kubelet.kubernetes.io", "node.kubernetes.io")


def may_register(key: str) -> bool:
    """Whether a kubelet may set this label on its own node."""
    prefix = key.rpartition("/")[0]
    if any(prefix == space or prefix.endswith(f".{space}") for space in _FREE_SPACES):
        return True
    return not any(prefix == space or prefix.endswith(f".{space}") for space in _SPACES)


def role_label(node: Node) -> str:
    """The label that ``kubectl get nodes`` shows as the role; its value is empty."""
    return f"node-role.kubernetes.io/{node.role}"


def registration_labels(node: Node) -> dict[str, str]:
    """What the kubelet says of itself at its first registration, so that nothing lands on the node before."""
    return {key: value for key, value in sorted(node.labels.items()) if may_register(key)}


def labels_to_set(node: Node) -> dict[str, str]:
    """What an administrator sets once the node has joined. A control plane's role label is kubeadm's."""
    kept = {key: value for key, value in sorted(node.labels.items()) if not may_register(key)}
    return kept if node.role == CONTROL_PLANE else {**kept, role_label(node): ""}


def node_labels(cluster: Cluster) -> dict[str, dict[str, str]]:
    """Every node's labels as they must stand in the end, those that Kubernetes sets itself apart."""
    return {node.name: {**node.labels, role_label(node): ""} for node in cluster.nodes}


def node_taints(cluster: Cluster) -> dict[str, tuple[Taint, ...]]:
    return {node.name: node.taints for node in cluster.nodes}

"""What the machines' double tells the Kubernetes side, and asks of it: one small Protocol with two implementations.

`MemoryCluster` (memory.py) is enough for tests of the machines alone; the fake API server in tests/doubles/kubernetes
implements the same Protocol for tests with the real kubectl and helm. All methods are called from threads of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Made:
    """The control plane that ``kubeadm init`` has brought up. Keys and certificates are PEM."""

    name: str
    version: str  # v1.34.12
    endpoint: str  # controlPlaneEndpoint: k8s-api.eco2.internal:6443
    address: str  # where the API server has to listen: the control plane's public address in this world
    port: int
    ca_certificate: str
    ca_key: str
    server_certificate: str  # with kubeadm's SANs and `address`
    server_key: str
    pod_cidr: str
    service_cidr: str
    service_account_public_key: str = ""


@dataclass(frozen=True)
class Registration:
    """What a kubelet says of itself when it first registers its node."""

    name: str
    control_plane: bool
    provider_id: str  # "" when the kubelet was given none
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]  # {"key":, "value":, "effect":}, those of cloud-provider=external included
    internal_ip: str
    kubelet_version: str  # v1.34.12
    container_runtime: str  # containerd://2.2.6
    os_image: str
    kernel: str
    cpus: int
    memory_bytes: int
    max_pods: int
    serving_csr: bool  # serverTLSBootstrap: a CSR kubernetes.io/kubelet-serving is asked for
    instance_type: str = ""
    zone: str = ""


@dataclass(frozen=True)
class BootstrapToken:
    """A Secret ``bootstrap-token-<id>`` of type bootstrap.kubernetes.io/token in kube-system."""

    id: str
    secret: str = field(repr=False)
    expires: datetime | None = None  # aware, UTC; None: never
    description: str = ""
    usages: tuple[str, ...] = ("authentication", "signing")
    groups: tuple[str, ...] = ("system:bootstrappers:kubeadm:default-node-token",)

    @property
    def token(self) -> str:
        return f"{self.id}.{self.secret}"


class Cluster(Protocol):
    """The Kubernetes side of a world of machines."""

    def made(self, made: Made) -> None:
        """The first control plane runs: from now on the API answers on ``made.address:made.port``."""

    def addons_applied(self) -> None:
        """kubeadm has applied CoreDNS and kube-proxy: its last act, which an init that is cut off never comes to."""

    def unmade(self) -> None:
        """The only control plane was reset: the API and all that was in it are gone."""

    def set_api(self, *, up: bool) -> None:
        """The API server's process runs, or not (reboot, kubelet or containerd stopped, the manifest removed)."""

    def api_answers(self) -> bool:
        """Whether it was made and is up."""

    def upgraded(self, version: str) -> None:
        """``kubeadm upgrade apply`` has changed the control plane to this version."""

    def register_node(self, node: Registration) -> None:
        """The kubelet runs for the first time since its machine joined. An existing Node of the name is kept: its
        labels get these values, its providerID stays (a kubelet cannot change it), its taints stay."""

    def node_ready(self, name: str) -> bool | None:
        """Whether the Node is Ready; None when there is no such Node."""

    def set_kubelet(self, name: str, *, runs: bool, version: str) -> None:
        """The kubelet has started (with this version) or stopped; a stopped one's node becomes NotReady."""

    def tokens(self) -> list[BootstrapToken]:
        """All bootstrap tokens, expired ones that no controller has cleaned away included."""

    def add_token(self, token: BootstrapToken) -> None:
        """Raises KeyError when a token with the same id exists."""

    def remove_token(self, token_id: str) -> None:
        """Raises KeyError when there is none."""

    def snapshot(self) -> bytes:
        """All of etcd, as ``etcdctl snapshot save`` writes it."""

    def restore(self, snapshot: bytes) -> None:
        """etcd begins again from such a snapshot. Raises ValueError for other bytes."""

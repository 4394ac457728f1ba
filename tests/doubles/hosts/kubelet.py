"""The kubelet: when it can start, how it registers its node, and which static pods it runs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from provisioning.cluster import Version
from tests.doubles.hosts import image
from tests.doubles.hosts.cluster import Registration
from tests.doubles.hosts.host import StaticPod
from tests.doubles.hosts.units import STARTS, STOPS

if TYPE_CHECKING:
    from tests.doubles.hosts.host import Host

CONFIG = "/var/lib/kubelet/config.yaml"
KUBECONFIG = "/etc/kubernetes/kubelet.conf"
MANIFESTS = "/etc/kubernetes/manifests"
ETCD_DATA = "/var/lib/etcd"
UNINITIALIZED = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}


@dataclass
class Joined:
    """A machine's part in a cluster, as kubeadm has set it up."""

    name: str
    control_plane: bool
    ca: str  # PEM
    arguments: Mapping[str, str]  # of the kubelet
    taints: Sequence[Mapping[str, str]]
    settings: Mapping[str, Any]  # its KubeletConfiguration
    registered: bool = False


def start(host: Host) -> str:
    """Returns why it ends at once, as it does without a configuration; systemd then starts it again and again."""
    if not host.exists(KUBECONFIG) or host.joined is None:
        return f"unable to load bootstrap kubeconfig: stat {KUBECONFIG}: no such file or directory"
    if not host.exists(CONFIG):
        return f"failed to load kubelet config file, path: {CONFIG}, error: no such file or directory"
    if host.kernel.swap and host.joined.settings.get("failSwapOn", True):
        return "running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"
    if host.runtime is None or not host.runtime.cri:
        return "failed to run Kubelet: validate service connection: validate CRI v1 runtime API: connection refused"
    host.kubelet_version = _installed(host)
    plane = host.world.cluster_documents.get("ClusterConfiguration", {}).get("kubernetesVersion")
    if plane and newer(host.kubelet_version, plane):
        host.world.records.violated(
            host.name, "kubelet", f"{host.kubelet_version} is newer than the API server's {plane}"
        )
    register(host)
    host.world.kubernetes.set_kubelet(host.joined.name, runs=True, version=host.kubelet_version)
    return ""


def stop(host: Host) -> None:
    if host.joined is not None:
        host.world.kubernetes.set_kubelet(host.joined.name, runs=False, version=host.kubelet_version)


def register(host: Host) -> None:
    """Tells the API server of the node, once: what is wrong in the first registration stays wrong."""
    joined = host.joined
    kubernetes = host.world.kubernetes
    if joined is None or host.runtime is None or not kubernetes.api_answers():
        return
    if joined.registered and kubernetes.node_ready(joined.name) is not None:
        return
    arguments = joined.arguments
    external = arguments.get("cloud-provider") == "external"
    if external and "provider-id" not in arguments:
        host.world.records.violated(host.name, "kubelet", "registers without a provider-id")
    settings = joined.settings
    kubernetes.register_node(
        Registration(
            name=joined.name,
            control_plane=joined.control_plane,
            provider_id=arguments.get("provider-id", ""),
            labels={
                **_labels(arguments),
                "kubernetes.io/hostname": joined.name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
            },
            taints=[*joined.taints, *([UNINITIALIZED] if external else [])],
            internal_ip=arguments.get("node-ip", str(host.machine.private_ip)),
            kubelet_version=host.kubelet_version or _installed(host),
            container_runtime=f"containerd://{host.runtime.version}",
            os_image="Ubuntu 24.04.3 LTS",
            kernel=image.KERNEL,
            cpus=host.identity.vcpus,
            memory_bytes=host.identity.memory_bytes,
            max_pods=int(settings.get("maxPods", 110)),
            serving_csr=bool(settings.get("serverTLSBootstrap")),
            instance_type=host.node.type,
            zone=host.node.zone,
        )
    )  # fmt: skip
    joined.registered = True


def static_pods(host: Host) -> dict[str, StaticPod]:
    """The static pods that run now: those of the manifests, while kubelet and containerd are there to follow."""
    if host.on and host.units.is_active("kubelet") and host.units.is_active("containerd"):
        folder = host.path(MANIFESTS)
        names = {file.stem for file in folder.glob("*.yaml")} if folder.is_dir() else set()
        if "etcd" in host.pods and "etcd" not in names:
            _etcd_ends(host)
        if "etcd" in names and "etcd" not in host.pods:
            _etcd_starts(host)
        host.pods = {name: host.pods.get(name) or StaticPod(0, time.time()) for name in sorted(names)}
    return host.pods


def container_ended(host: Host, pod: str) -> None:
    """The kubelet, when there is one, starts another in its place."""
    ended = host.pods.pop(pod)
    settle(host)
    if pod in host.pods:
        host.pods[pod] = StaticPod(ended.attempt + 1, time.time())
    settle(host)


def settle(host: Host) -> None:
    """Brings the API server up or down with the static pods of this control plane."""
    if host.joined is None or not host.joined.control_plane or host.world.first_control_plane != host.name:
        return
    pods = static_pods(host) if host.on else {}
    up = {"etcd", "kube-apiserver"} <= set(pods)
    if up != host.world.kubernetes.api_answers():
        host.world.kubernetes.set_api(up=up)


def _etcd_starts(host: Host) -> None:
    database = host.path(f"{ETCD_DATA}/member/snap/db")
    if not database.is_file():
        if host.joined is not None and host.joined.registered:
            host.world.records.violated(host.name, "etcd", "starts with nothing where it had a cluster's data")
        return
    data = database.read_bytes().removeprefix(DATABASE)
    if data:
        host.world.kubernetes.restore(data)
        database.write_bytes(DATABASE)


def _etcd_ends(host: Host) -> None:
    """What it knew is in its directory, which somebody may put another in the place of."""
    database = host.path(f"{ETCD_DATA}/member/snap/db")
    if database.is_file():
        database.write_bytes(DATABASE + host.world.kubernetes.snapshot())


# The beginning of etcd's file. Nothing follows while what the Kubernetes side knows is what etcd knows.
DATABASE = b"etcd's database in the double of the hosts\n"


def _installed(host: Host) -> str:
    return "v" + host.packages.installed["kubelet"].partition("-")[0]


def newer(left: str, right: str) -> bool:
    """Whether the version ``left`` (v1.34.5) is newer than ``right``."""
    return Version.parse(left) > Version.parse(right)


def _labels(arguments: Mapping[str, str]) -> dict[str, str]:
    pairs = [pair for pair in arguments.get("node-labels", "").split(",") if pair]
    return dict(pair.partition("=")[::2] for pair in pairs)


STARTS["kubelet.service"] = start
STOPS["kubelet.service"] = stop

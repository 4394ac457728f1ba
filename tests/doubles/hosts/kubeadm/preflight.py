"""The checks that kubeadm makes before init and join; all failures at once, in kubeadm's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from provisioning.cluster import Version
from tests.doubles.hosts import kubelet
from tests.doubles.hosts.calls import Call, Exit
from tests.doubles.hosts.commands.network import listening
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm.versions import kubeadm_version, pause

_MANIFESTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd")


def failed(errors: Sequence[str]) -> Exit:
    listed = "".join(f"\t[ERROR {error}\n" for error in errors)
    return Exit(
        1,
        "error: error execution phase preflight: [preflight] Some fatal errors "
        f"occurred:\n{listed}[preflight] If you know what you are doing, "
        "you can make a check non-fatal with `--ignore-preflight-errors=...`\nTo see the stack trace "
        "of this error execute with --v=5 or higher",
    )


def before_init(host: Host, call: Call, version: str, ignored: Sequence[str] = ()) -> None:
    """Raises `Exit` with every failure."""
    errors = [*_node(host, version), *_control_plane(host)]
    if not host.is_empty(kubelet.ETCD_DATA):
        errors.append("DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty")
    _decide(host, call, errors, ignored, version)


def before_join(host: Host, call: Call, version: str, *, control_plane: bool) -> None:
    errors = list(_node(host, version))
    if control_plane:
        errors += _control_plane(host)
    else:
        if not host.is_empty(kubelet.MANIFESTS):
            errors.append("DirAvailable--etc-kubernetes-manifests]: /etc/kubernetes/manifests is not empty")
        if host.exists("/etc/kubernetes/pki/ca.crt"):
            errors.append("FileAvailable--etc-kubernetes-pki-ca.crt]: /etc/kubernetes/pki/ca.crt already exists")
    for name in ("kubelet.conf", "bootstrap-kubelet.conf"):
        if host.exists(f"/etc/kubernetes/{name}"):
            errors.append(f"FileAvailable--etc-kubernetes-{name}]: /etc/kubernetes/{name} already exists")
    _decide(host, call, errors, (), version)


def _node(host: Host, version: str) -> Iterator[str]:
    if host.runtime is None or not host.runtime.cri:
        detail = "connect: connection refused" if host.runtime is None else "unknown service runtime.v1.RuntimeService"
        yield (
            "CRI]: could not connect to the container runtime: failed to create new CRI runtime "
            "service: validate service connection: validate CRI v1 "
            'runtime API for endpoint "unix:///run/containerd/containerd.sock": rpc error: code = '
            f"Unavailable desc = {detail}"
        )
    if host.sysctl("net.ipv4.ip_forward") != "1":
        yield "FileContent--proc-sys-net-ipv4-ip_forward]: /proc/sys/net/ipv4/ip_forward contents are not set to 1"
    if host.kernel.swap:
        yield (
            "Swap]: running with swap on is not supported. Please disable swap or set kubelet's "
            "--fail-swap-on flag to false."
        )
    installed = host.packages.installed
    if "kubelet" not in installed:
        yield "FileExisting-kubelet]: kubelet not found in system path"
    elif kubelet.newer("v" + installed["kubelet"].partition("-")[0], version):
        yield (
            "KubeletVersion]: the kubelet version is higher than the control plane version. Kubelet "
            f"version: {installed['kubelet']} Control plane version: {version}"
        )
    if 10250 in listening(host):
        yield "Port-10250]: Port 10250 is in use"


def _control_plane(host: Host) -> Iterator[str]:
    for name in _MANIFESTS:
        if host.exists(f"{kubelet.MANIFESTS}/{name}.yaml"):
            yield (
                f"FileAvailable--etc-kubernetes-manifests-{name}.yaml]: "
                f"/etc/kubernetes/manifests/{name}.yaml already exists"
            )
    for port in (6443, 10259, 10257, 2379, 2380):
        if port in listening(host):
            yield f"Port-{port}]: Port {port} is in use"
    if host.identity.vcpus < 2:
        yield f"NumCPU]: the number of available CPUs {host.identity.vcpus} is less than the required 2"


def _decide(host: Host, call: Call, errors: list[str], ignored: Sequence[str], version: str) -> None:
    ours, wanted = Version.parse(kubeadm_version(host)), Version.parse(version)
    if ours.minor < wanted.minor or ours.minor > wanted.minor + 1:
        raise Exit(
            1,
            "error: this version of kubeadm only supports deploying clusters with the control plane "
            f"version >= v1.{ours.minor - 1}.0. Current version: {version}",
        )
    call.out("[preflight] Running pre-flight checks\n")
    remaining = [error for error in errors if error.partition("]")[0] not in ignored]
    if remaining:
        raise failed(remaining)
    warnings(host, call, version)


def warnings(host: Host, call: Call, version: str) -> None:
    """What kubeadm lets pass and an operator should not."""
    if not host.units["kubelet"].enabled:
        call.err(
            "\t[WARNING Service-Kubelet]: kubelet service is not enabled, please run 'systemctl "
            "enable kubelet.service'\n"
        )
        host.world.records.violated(
            host.name, call.command.line, "the kubelet is not enabled and stays off after a restart"
        )
    if host.runtime is not None and host.runtime.sandbox != pause(version):
        call.err(
            f'\tdetected that the sandbox image "{host.runtime.sandbox}" of the container runtime is '
            f'inconsistent with that used by kubeadm. It is recommended to use "{pause(version)}" as '
            "the CRI sandbox image.\n"
        )
        host.world.records.violated(
            host.name, call.command.line, f"containerd runs with {host.runtime.sandbox}, kubeadm wants {pause(version)}"
        )
    if "br_netfilter" not in host.kernel.modules:
        host.world.records.violated(
            host.name, call.command.line, "br_netfilter is not loaded: services are not reached from pods"
        )
    for name in ("kubelet", "kubeadm", "kubectl", "containerd.io"):
        if name in host.packages.installed and name not in host.packages.holds:
            host.world.records.violated(
                host.name, call.command.line, f"{name} is not held: the nightly upgrade takes it"
            )

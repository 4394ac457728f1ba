"""``kubeadm join``: discovery, TLS bootstrap, and the node's first registration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tests.doubles.hosts import kubelet, pki
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import configuration, files, preflight
from tests.doubles.hosts.kubeadm.versions import images

_IDENTITY = "error: error execution phase preflight: couldn't validate the identity of the API Server: "


def join(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(words, (), ("--config", "--v/-v", "--skip-phases"))
    if not given.has("--config") or given.words:
        raise Violation("kubeadm join without --config: a token does not belong into the arguments")
    document = configuration.read(host, call, given.get("--config")).get("JoinConfiguration")
    if document is None:
        raise Exit(1, "error: no JoinConfiguration found in the config file")
    plane = document.get("controlPlane")
    world = host.world
    documents: dict[str, Any] = world.cluster_documents
    cluster = documents.get("ClusterConfiguration", {})
    preflight.before_join(
        host,
        call,
        cluster.get("kubernetesVersion", "v" + host.packages.installed["kubeadm"].partition("-")[0]),
        control_plane=bool(plane),
    )
    host.joins += 1
    _stage(host, call, "discovery", "[preflight] Reading configuration from the cluster...")
    _discover(host, document["discovery"], cluster)
    if plane:
        _certificate_key(host, plane.get("certificateKey", ""))
    name, arguments, taints = configuration.registration(document)
    # From here on the machine is no longer as it was.
    call.changed("kubeadm join")
    _stage(host, call, "kubelet-start", "[kubelet-start] Writing kubelet configuration to file")
    host.write("/etc/kubernetes/bootstrap-kubelet.conf", "apiVersion: v1\nkind: Config\n", 0o600)
    host.write(f"{files.PKI}/ca.crt", _authority(host).certificate)
    if world.kubernetes.node_ready(name):
        host.remove("/etc/kubernetes/bootstrap-kubelet.conf")
        raise Exit(
            1,
            f'error: error execution phase kubelet-start: a Node with name "{name}" and status '
            '"Ready" already exists in the cluster. You must delete '
            "the existing Node or change the name of this new joining Node",
        )
    settings = documents.get("KubeletConfiguration", {})
    host.joined = kubelet.Joined(name, bool(plane), _authority(host).certificate, arguments, taints, settings)
    _stage(host, call, "tls-bootstrap", "[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap")
    files.kubelet_files(host, documents["name"], cluster["controlPlaneEndpoint"], _authority(host), host.joined)
    host.remove("/etc/kubernetes/bootstrap-kubelet.conf")
    why = host.units.start("kubelet")
    if why:
        raise Exit(1, f"error: error execution phase kubelet-start: the kubelet is not healthy: {why}")
    host.network_rules = True
    if (
        settings.get("cgroupDriver", "systemd") == "systemd"
        and host.runtime is not None
        and not host.runtime.systemd_cgroup
    ):
        world.records.violated(
            host.name, call.command.line, "the kubelet's cgroup driver is systemd and containerd's is cgroupfs"
        )
    if plane:
        _stage(host, call, "control-plane-join", "[control-plane-join] Joining etcd")
        _control_plane(host, cluster)
    call.out(
        "\nThis node has joined the cluster:\n* Certificate signing request was sent to apiserver "
        "and a response was received.\n"
        "* The Kubelet was informed of the new secure connection details.\n"
    )
    return 0


def _stage(host: Host, call: Call, name: str, text: str) -> None:
    call.out(f"{text}\n")
    host.world.strike(host, call, name)


def _discover(host: Host, discovery: dict[str, Any], cluster: dict[str, Any]) -> None:
    """Raises `Exit` where the API server is not the one, or the token is no good."""
    if set(discovery) - {"bootstrapToken", "tlsBootstrapToken", "timeout"} or "bootstrapToken" not in discovery:
        raise Violation("the model knows discovery by token only")
    part = discovery["bootstrapToken"]
    if part.get("unsafeSkipCAVerification") or not part.get("caCertHashes"):
        raise Violation("the node would believe whoever answers: the CA is not pinned")
    world = host.world
    if not world.kubernetes.api_answers() or part.get("apiServerEndpoint") != cluster.get("controlPlaneEndpoint"):
        raise Exit(
            1,
            _IDENTITY
            + (
                "failed to request the cluster-info ConfigMap: client rate limiter Wait returned an "
                "error: context deadline exceeded"
            ),
        )
    identifier, _, secret = part["token"].partition(".")
    found = next((token for token in world.kubernetes.tokens() if token.id == identifier), None)
    expired = found is not None and found.expires is not None and found.expires <= datetime.now(UTC)
    if found is None or expired or found.secret != secret:
        raise Exit(
            1, f'{_IDENTITY}could not find a JWS signature in the cluster-info ConfigMap for token ID "{identifier}"'
        )
    ours = pki.ca_hash(_authority(host).certificate)
    if ours not in part["caCertHashes"]:
        raise Exit(
            1,
            f"{_IDENTITY}cluster CA found in cluster-info ConfigMap is invalid: none of the public "
            f'keys "{ours}" are pinned',
        )
    if "authentication" not in found.usages:
        raise Exit(1, "error: error execution phase kubelet-start: Unauthorized")


def _authority(host: Host) -> pki.Pair:
    first = host.world.hosts[host.world.first_control_plane]
    return files.load(first, "ca")


def _certificate_key(host: Host, key: str) -> None:
    known = host.world.certificate_key
    if known is None or known[1] <= datetime.now(UTC):
        raise Exit(
            1,
            "error: error execution phase control-plane-prepare/download-certs: error downloading "
            'certs: error downloading the secret: Secret "kubeadm-certs" was not found in the '
            '"kube-system" Namespace',
        )
    if known[0] != key:
        raise Exit(
            1,
            "error: error execution phase control-plane-prepare/download-certs: error downloading "
            "certs: error decrypting data: cipher: message authentication failed",
        )


def _control_plane(host: Host, cluster: dict[str, Any]) -> None:
    first = host.world.hosts[host.world.first_control_plane]
    for name in files.AUTHORITIES:
        files.save(host, name, files.load(first, name))
    for name in ("sa.key", "sa.pub"):
        host.write(f"{files.PKI}/{name}", first.read(f"{files.PKI}/{name}"), 0o600)
    sans = (host.name, str(host.machine.private_ip), cluster["controlPlaneEndpoint"].partition(":")[0])
    plane = files.ControlPlane(
        cluster.get("clusterName", "kubernetes"), cluster["controlPlaneEndpoint"], cluster["kubernetesVersion"], sans
    )
    files.certificates(host, plane)
    files.kubeconfigs(host, plane, ["admin.conf", "controller-manager.conf", "scheduler.conf"])
    files.manifests(host, plane.version, {}, images(plane.version)[-1])

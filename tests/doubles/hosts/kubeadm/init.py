"""``kubeadm init`` and those of its phases that are run alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from secrets import token_hex
from typing import Any

from provisioning.cluster import Version
from tests.doubles.hosts import kubelet
from tests.doubles.hosts.arguments import parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.cluster import BootstrapToken, Made
from tests.doubles.hosts.commands.crictl import pull
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import configuration, files, preflight
from tests.doubles.hosts.kubeadm.durations import seconds
from tests.doubles.hosts.kubeadm.versions import images

_FLAGS = ("--upload-certs", "--skip-token-print", "--skip-certificate-key-print")
_OPTIONS = ("--config", "--v/-v", "--ignore-preflight-errors", "--skip-phases", "--kubeconfig", "--certificate-key")
_SINCE = Version(1, 33, 0)


def init(host: Host, call: Call, words: Sequence[str]) -> int:
    given = parse(words, _FLAGS, _OPTIONS)
    world = host.world
    if not given.has("--config") or given.words:
        raise Violation("kubeadm init without --config: the cluster file says what the cluster is")
    if given.has("--ignore-preflight-errors"):
        raise Violation("the checks before init are there to be heeded")
    documents = configuration.read(host, call, given.get("--config"))
    init_part, cluster = documents.get("InitConfiguration", {}), documents.get("ClusterConfiguration", {})
    settings = documents.get("KubeletConfiguration", {})
    version = cluster.get("kubernetesVersion", "")
    if not version or "controlPlaneEndpoint" not in cluster:
        raise Violation("without a version and an endpoint the cluster cannot be told apart or grow")
    call.out(f"[init] Using Kubernetes version: {version}\n")
    preflight.before_init(host, call, version)
    if world.inits:
        raise Violation("a cluster was made already, on another machine or before its files were deleted by hand")
    _stage(host, call, "preflight", "[preflight] Pulling images required for setting up a Kubernetes cluster")
    for image in images(version):
        pull(host, call, image)
    name, arguments, taints = configuration.registration(init_part)
    plane = _plane(host, cluster)
    call.changed("kubeadm init")
    _stage(host, call, "certs", f'[certs] Using certificateDir folder "{files.PKI}"')
    files.authorities(host)
    files.certificates(host, plane)
    _stage(host, call, "kubeconfig", '[kubeconfig] Using kubeconfig folder "/etc/kubernetes"')
    files.kubeconfigs(host, plane, list(files.KUBECONFIGS))
    extra = {
        "kube-apiserver": configuration.extra_args(cluster.get("apiServer") or {}),
        "kube-controller-manager": configuration.extra_args(cluster.get("controllerManager") or {}),
        "kube-scheduler": configuration.extra_args(cluster.get("scheduler") or {}),
        "etcd": configuration.extra_args((cluster.get("etcd") or {}).get("local") or {}),
    }
    _stage(host, call, "control-plane", f'[control-plane] Using manifest folder "{kubelet.MANIFESTS}"')
    files.manifests(host, version, extra, images(version)[-1])
    _stage(host, call, "kubelet-start", "[kubelet-start] Starting the kubelet")
    ca = files.load(host, "ca")
    host.joined = kubelet.Joined(name, True, ca.certificate, arguments, taints, settings)
    files.kubelet_files(host, plane.cluster, plane.endpoint, ca, host.joined)
    host.units.start("kubelet")
    _stage(
        host,
        call,
        "wait-control-plane",
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods",
    )
    _healthy(host, version, extra["kube-apiserver"], settings)
    world.inits += 1
    server = files.load(host, "apiserver")
    networking = cluster["networking"]
    world.kubernetes.made(
        Made(
            name=plane.cluster,
            version=version,
            endpoint=plane.endpoint,
            address=host.address,
            port=6443,
            ca_certificate=ca.certificate,
            ca_key=ca.key,
            server_certificate=server.certificate,
            server_key=server.key,
            pod_cidr=networking["podSubnet"],
            service_cidr=networking["serviceSubnet"],
            service_account_public_key=host.read(f"{files.PKI}/sa.pub"),
        )
    )
    host.network_rules = True
    kubelet.settle(host)
    kubelet.register(host)
    world.cluster_documents = {**documents, "name": plane.cluster}
    _stage(host, call, "upload-config", '[upload-config] Storing the configuration used in ConfigMap "kubeadm-config"')
    if given.has("--upload-certs"):
        _upload_certs(host, call, init_part.get("certificateKey", ""), silent=given.has("--skip-certificate-key-print"))
    _stage(
        host,
        call,
        "bootstrap-token",
        "[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles",
    )
    for entry in init_part.get("bootstrapTokens") or []:
        _add_token(host, entry)
    _stage(
        host, call, "addon", "[addons] Applied essential addon: CoreDNS\n[addons] Applied essential addon: kube-proxy"
    )
    world.addons = True
    world.kubernetes.addons_applied()
    call.out("\nYour Kubernetes control-plane has initialized successfully!\n")
    if not given.has("--skip-token-print"):
        tokens = init_part.get("bootstrapTokens") or [{"token": "a.b"}]
        call.out(
            f"\nkubeadm join {plane.endpoint} --token {tokens[0]['token']} "
            "\\\n\t--discovery-token-ca-cert-hash sha256:...\n"
        )
    return 0


def phase(host: Host, call: Call, words: Sequence[str]) -> int:
    """``kubeadm init phase …``"""
    given = parse(words, _FLAGS, _OPTIONS)
    if given.words == ["upload-certs"] and given.has("--upload-certs"):
        if not host.world.kubernetes.api_answers():
            raise Exit(1, "error: error execution phase upload-certs: error uploading certs: connection refused")
        document: dict[str, Any] = {}
        if given.has("--config"):
            document = configuration.read(host, call, given.get("--config")).get("InitConfiguration", {})
        if given.has("--certificate-key"):
            raise Violation("the certificate key stands in the arguments, where everybody can read it")
        _upload_certs(host, call, document.get("certificateKey", ""), silent=given.has("--skip-certificate-key-print"))
        return 0
    raise Violation(f"the model knows no kubeadm init phase {' '.join(given.words)}")


def _stage(host: Host, call: Call, name: str, text: str) -> None:
    """Says where it stands, and lets the faults of this stage strike before the stage does anything."""
    call.out(f"{text}\n")
    host.world.strike(host, call, name)


def _plane(host: Host, cluster: dict[str, Any]) -> files.ControlPlane:
    endpoint = cluster["controlPlaneEndpoint"]
    first = str(ip_network(cluster["networking"]["serviceSubnet"])[1])
    own = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        host.name,
        first,
    )
    sans = (
        *own,
        str(host.machine.private_ip),
        endpoint.partition(":")[0],
        *((cluster.get("apiServer") or {}).get("certSANs") or ()),
    )
    return files.ControlPlane(cluster.get("clusterName", "kubernetes"), endpoint, cluster["kubernetesVersion"], sans)


def _healthy(host: Host, version: str, apiserver: dict[str, str], settings: dict[str, Any]) -> None:
    """Raises `Exit` where the control plane never comes up."""
    reason = ""
    if Version.parse(version) >= _SINCE and {"cloud-provider", "cloud-config"} & set(apiserver):
        reason = "kube-apiserver: Error: unknown flag: --cloud-provider"
    elif not host.units.is_active("kubelet"):
        reason = host.units["kubelet"].failing
    elif (
        settings.get("cgroupDriver", "systemd") == "systemd"
        and host.runtime is not None
        and not host.runtime.systemd_cgroup
    ):
        reason = (
            "the kubelet's cgroup driver is systemd and containerd's is cgroupfs: its containers are "
            "killed again and again"
        )
    if reason:
        raise Exit(
            1,
            "error: error execution phase wait-control-plane: failed while waiting for the control "
            "plane to start: kube-apiserver check failed at "
            f"https://{host.machine.private_ip}:6443/livez: connection refused ({reason})\nTo see the "
            "stack trace of this error execute with --v=5 or higher",
        )


def _upload_certs(host: Host, call: Call, key: str, *, silent: bool) -> None:
    key = key or token_hex(32)
    host.world.certificate_key = (key, datetime.now(UTC) + timedelta(hours=2))
    call.changed("upload-certs")
    call.out('[upload-certs] Storing the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace\n')
    if not silent:
        call.out(f"[upload-certs] Using certificate key:\n{key}\n")


def _add_token(host: Host, entry: dict[str, Any]) -> None:
    identifier, _, secret = entry["token"].partition(".")
    ttl = seconds(entry.get("ttl", "24h0m0s"))
    expires = datetime.now(UTC) + timedelta(seconds=ttl) if ttl else None
    host.world.kubernetes.add_token(BootstrapToken(identifier, secret, expires, entry.get("description", "")))

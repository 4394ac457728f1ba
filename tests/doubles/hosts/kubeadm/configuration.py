"""kubeadm's configuration files, read as strictly as can be: what kubeadm would only warn of is a violation here."""

from __future__ import annotations

from typing import Any

import yaml

from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.host import Host

API_VERSION = "kubeadm.k8s.io/v1beta4"
_KNOWN = {
    "InitConfiguration": {
        "bootstrapTokens", "nodeRegistration", "localAPIEndpoint", "certificateKey",
        "skipPhases", "patches", "timeouts", "dryRun",
    },
    "ClusterConfiguration": {
        "etcd", "networking", "kubernetesVersion", "controlPlaneEndpoint",
        "apiServer", "controllerManager", "scheduler", "dns", "proxy",
        "certificatesDir", "imageRepository", "featureGates",
        "clusterName", "encryptionAlgorithm", "certificateValidityPeriod",
        "caCertificateValidityPeriod",
    },
    "JoinConfiguration": {
        "nodeRegistration", "caCertPath", "discovery", "controlPlane", "skipPhases", "patches", "timeouts", "dryRun",
    },
    "ResetConfiguration": {
        "force", "cleanupTmpDir", "certificatesDir", "criSocket",
        "ignorePreflightErrors", "skipPhases", "unmountFlags", "timeouts", "dryRun",
    },
    "UpgradeConfiguration": {"apply", "diff", "node", "plan", "timeouts"},
}  # fmt: skip
_REGISTRATION = {
    "name",
    "criSocket",
    "taints",
    "kubeletExtraArgs",
    "ignorePreflightErrors",
    "imagePullPolicy",
    "imagePullSerial",
}
SOCKET = "unix:///run/containerd/containerd.sock"

Document = dict[str, Any]


def read(host: Host, call: Call, path: str) -> dict[str, Document]:
    """Kind -> document. Raises `Exit` where kubeadm does not start, `Violation` for what nobody should write."""
    if path in ("-", "/dev/stdin"):
        text = call.stdin().decode()
    else:
        where = host.path(path if path.startswith("/") else f"{call.command.cwd}/{path}")
        if not where.is_file():
            raise Exit(1, f'error: unable to read config from "{path}": open {path}: no such file or directory')
        text = where.read_text()
        if where.stat().st_mode & 0o077 and ("token" in text or "certificateKey" in text):
            raise Violation(f"{path} holds a secret and others may read it")
    found: dict[str, Document] = {}
    for document in yaml.safe_load_all(text):
        if document is None:
            continue
        kind, version = document.get("kind"), document.get("apiVersion")
        if (kind == "KubeletConfiguration" and version == "kubelet.config.k8s.io/v1beta1") or (
            kind == "KubeProxyConfiguration" and version == "kubeproxy.config.k8s.io/v1alpha1"
        ):
            found[kind] = document
        elif kind in _KNOWN and version == API_VERSION:
            if unknown := set(document) - _KNOWN[kind] - {"apiVersion", "kind"}:
                raise Violation(f"{kind} has no field {', '.join(sorted(unknown))}")
            found[kind] = document
        else:
            raise Exit(1, f"error: no kind {kind!r} is registered for version {version!r}")
    return found


def registration(document: Document) -> tuple[str, dict[str, str], list[dict[str, str]]]:
    """The node's name, the kubelet's arguments and the taints of ``nodeRegistration``."""
    part = document.get("nodeRegistration") or {}
    if unknown := set(part) - _REGISTRATION:
        raise Violation(f"nodeRegistration has no field {', '.join(sorted(unknown))}")
    if part.get("criSocket", SOCKET) != SOCKET:
        raise Violation(f"containerd does not listen on {part['criSocket']}")
    if not part.get("name"):
        raise Violation("without a name the node is called as the machine is")
    labels = next((value for name, value in extra_args(part, "kubeletExtraArgs").items() if name == "node-labels"), "")
    for label in filter(None, labels.split(",")):
        prefix = label.partition("=")[0].rpartition("/")[0]
        own = prefix.endswith(("kubernetes.io", "k8s.io"))
        if own and not prefix.endswith(("kubelet.kubernetes.io", "node.kubernetes.io")):
            raise Violation(f"a kubelet may not give itself the label {label} (NodeRestriction)")
    return part["name"], extra_args(part, "kubeletExtraArgs"), list(part.get("taints") or [])


def extra_args(part: Document, field: str = "extraArgs") -> dict[str, str]:
    """v1beta4's list of name and value. Raises `Exit` for the map that v1beta3 had."""
    given = part.get(field) or []
    if not isinstance(given, list):
        raise Exit(1, f"error: json: cannot unmarshal object into Go struct field .{field} of type []v1beta4.Arg")
    for entry in given:
        if set(entry) != {"name", "value"} or not isinstance(entry["value"], str):
            raise Violation(f"{field}: {entry} is no name with a text as its value")
    return {entry["name"]: entry["value"] for entry in given}

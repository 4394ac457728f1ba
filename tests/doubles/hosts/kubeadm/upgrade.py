"""``kubeadm upgrade``: plan, apply, node, by Kubernetes' rules of skew."""

from __future__ import annotations

from collections.abc import Sequence

import yaml

from provisioning.cluster import Version, matrix
from tests.doubles.hosts import kubelet
from tests.doubles.hosts.arguments import Arguments, parse
from tests.doubles.hosts.calls import Call, Exit, Violation
from tests.doubles.hosts.commands.crictl import pull
from tests.doubles.hosts.host import Host
from tests.doubles.hosts.kubeadm import certs
from tests.doubles.hosts.kubeadm.versions import images, kubeadm_version


def upgrade(host: Host, call: Call, words: Sequence[str]) -> int:
    flags = ("-y/--yes", "-f/--force", "--print-config", "--etcd-upgrade", "--certificate-renewal")
    given = parse(words, flags, ("--config", "--v/-v", "--kubeconfig", "--ignore-preflight-errors", "-o/--output"))
    verb, *rest = given.words or [""]
    if host.joined is None:
        raise Exit(
            1,
            "error: error execution phase preflight: couldn't create a Kubernetes client from file: "
            "stat /etc/kubernetes/admin.conf: no such file or directory",
        )
    if not host.world.kubernetes.api_answers():
        raise Exit(1, "error: error execution phase preflight: FATAL: failed to get config map: connection refused")
    match verb:
        case "plan":
            return _plan(host, call)
        case "apply":
            return _apply(host, call, given, rest)
        case "node":
            return _node(host, call)
    raise Violation(f"the model knows no kubeadm upgrade {verb}")


def _running(host: Host) -> str:
    """The control plane's version, as its manifest has it."""
    version: str = host.world.cluster_documents["ClusterConfiguration"]["kubernetesVersion"]
    return version


def _plan(host: Host, call: Call) -> int:
    now, ours = _running(host), kubeadm_version(host)
    call.out(
        "[upgrade/config] Reading configuration from the cluster...\n[upgrade/versions] Cluster "
        f"version: {now}\n[upgrade/versions] kubeadm version: {ours}\n"
    )
    if kubelet.newer(ours, now):
        call.out(
            f"\nYou can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply {ours}\n"
        )
    return 0


def _apply(host: Host, call: Call, given: Arguments, words: list[str]) -> int:
    if not host.joined or not host.joined.control_plane:
        raise Exit(1, "error: error execution phase preflight: this is no control plane node")
    if host.name != host.world.first_control_plane:
        raise Violation("apply is for one control plane; the others take `upgrade node`")
    if not given.has("-y"):
        raise Violation("without -y kubeadm asks, and reads the answer from what is left of the script")
    if given.has("-f") or len(words) != 1:
        raise Violation("an upgrade names its version and is not forced")
    target, now, ours = words[0], _running(host), kubeadm_version(host)
    if Version.parse(target).minor > Version.parse(now).minor + 1:
        raise Exit(
            1,
            "error: error execution phase preflight: [upgrade/version] FATAL: the --version argument "
            f'is invalid due to these fatal errors:\n\n\t- Specified version to upgrade to "{target}" '
            "is too high; kubeadm can upgrade only 1 minor version at a time",
        )
    if kubelet.newer(now, target):
        raise Exit(
            1,
            "error: error execution phase preflight: [upgrade/version] FATAL: Specified version to "
            f'upgrade to "{target}" is lower than the cluster\'s',
        )
    if kubelet.newer(target, ours):
        raise Exit(
            1,
            "error: error execution phase preflight: [upgrade/version] FATAL: the --version argument "
            f'is invalid due to these errors:\n\n\t- Specified version to upgrade to "{target}" is '
            f'higher than the kubeadm version "{ours}". Upgrade kubeadm first',
        )
    if Version.parse(target).minor != Version.parse(ours).minor:
        raise Violation("kubeadm's own version has to be the target")
    _etcd_permits(host, target, now)
    for image in images(target):
        pull(host, call, image)
    host.world.strike(host, call, "control-plane")
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"):
        _new_image(host, name, target)
    certs.renew(host, call)
    host.world.cluster_documents["ClusterConfiguration"]["kubernetesVersion"] = target
    host.world.kubernetes.upgraded(target)
    call.changed(f"upgrade {target}")
    call.out(f'\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "{target}".\n')
    return 0


def _etcd_permits(host: Host, target: str, now: str) -> None:
    minors = matrix().minors
    before, after = minors[Version.parse(now).line].etcd, minors[Version.parse(target).line].etcd
    if before.minor != after.minor and not host.world.count(host.name, r"snapshot save"):
        raise Violation("etcd changes its minor version and nobody has taken a snapshot before")


def _node(host: Host, call: Call) -> int:
    now, ours = _running(host), kubeadm_version(host)
    if Version.parse(ours).minor != Version.parse(now).minor:
        raise Exit(1, f"error: kubeadm {ours} does not belong to the control plane's {now}")
    if host.joined is not None and host.joined.control_plane and host.name != host.world.first_control_plane:
        for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"):
            _new_image(host, name, now)
    call.out(
        "[upgrade] The configuration for this node was successfully updated!\n[upgrade] Now you "
        "should go ahead and upgrade the kubelet package using your package manager.\n"
    )
    # The kubelet's settings are written anew whether or not they differ.
    if host.kubelet_version != now:
        call.changed("upgrade node")
    return 0


def _new_image(host: Host, name: str, version: str) -> None:
    path = f"{kubelet.MANIFESTS}/{name}.yaml"
    pod = yaml.safe_load(host.read(path))
    image = images(version)[-1] if name == "etcd" else f"registry.k8s.io/{name}:{version}"
    pod["spec"]["containers"][0]["image"] = image
    host.write(path, yaml.safe_dump(pod, sort_keys=False), 0o600)

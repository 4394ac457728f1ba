"""Upgrading one machine: what runs on it, and the steps of kubeadm's own procedure.

https://kubernetes.io/docs/tasks/administer-cluster/kubeadm/kubeadm-upgrade/
"""

from __future__ import annotations

from provisioning.cluster import Version, matrix
from provisioning.scripts import containerd, packages, shell

_MANIFESTS = "/etc/kubernetes/manifests"
# kubeadm's own bounds are 5 minutes for each static pod.
_APPLY_S = 1500
_NODE_S = 900


def versions(*, control_plane: bool) -> str:
    """Facts ``flag.kubelet`` (each flag that somebody gave the kubelet by hand); on a control plane also, by the name
    of each static pod, the tag of its image, and ``flag.NAME`` for each of its flags."""
    kubelet = """\
for word in $(sed -n 's/^KUBELET_EXTRA_ARGS=//p' /etc/default/kubelet 2>/dev/null | tr -d '\\042\\047'); do
  case "$word" in
    --*) word=${word#--}; echo "flag.kubelet=${word%%=*}" ;;
  esac
done
"""
    if not control_plane:
        return kubelet
    return f"""\
{kubelet}\
for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  manifest={_MANIFESTS}/$name.yaml
  if [ -e "$manifest" ]; then
    echo "$name=$(sed -n 's/^ *image: .*://p' "$manifest")"
    sed -n "s/^ *- --\\([a-z0-9-]*\\).*/flag.$name=\\1/p" "$manifest"
  fi
done
"""


def upgrade_control_plane(to: Version, *, first: bool) -> str:
    """kubeadm in the new version, and with it the static pods. It may be repeated: kubeadm does what is missing."""
    if first:
        upgrade = f"""\
timeout 300 kubeadm upgrade plan v{to} >&2
timeout --kill-after=30 {_APPLY_S} kubeadm upgrade apply v{to} --yes >&2"""
    else:
        upgrade = f"timeout --kill-after=30 {_APPLY_S} kubeadm upgrade node >&2"
    return shell.script(_kubeadm(to), upgrade)


def upgrade_node(to: Version) -> str:
    """kubeadm in the new version, and with it the kubelet's configuration."""
    return shell.script(_kubeadm(to), f"timeout --kill-after=30 {_NODE_S} kubeadm upgrade node >&2")


def upgrade_kubelet(to: Version) -> str:
    """The kubelet in the new version, on a node that is empty; containerd's sandbox image goes with it."""
    names = [name for name in packages.KUBERNETES if name != "kubeadm"]
    runtime = matrix().components["containerd"].version
    assert runtime is not None
    wanted = shell.digest(containerd.config_text(runtime, to))
    return shell.script(
        packages.install([_pin(name, to) for name in names]),
        packages.hold(names),
        f"""\
if [ "$(sha256sum <{containerd.CONFIG} | cut -d ' ' -f 1)" != {wanted} ]; then
{containerd.configure(runtime, to)}
fi""",
        "systemctl daemon-reload\nsystemctl restart kubelet",
    )


def _kubeadm(to: Version) -> str:
    repository = packages.kubernetes_repository(to)
    return shell.script(
        packages.keyring(repository),
        shell.file(repository.list_file, repository.line),
        packages.install([_pin("kubeadm", to)]),
        packages.hold(["kubeadm"]),
    )


def _pin(name: str, version: Version) -> str:
    return f"{name}={version}-*"
